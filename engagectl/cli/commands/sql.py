"""`engagectl sql`: the statements that make the tables of an address."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def sql(ctx: typer.Context, address: Annotated[str, typer.Argument(help="An address or a glob.")]) -> None:
    from engagectl import api

    terminal = terminal_of(ctx.obj)
    statements = api.sql(project_of(ctx.obj, terminal), address)
    text = "\n\n".join(f"{statement.rstrip().rstrip(';')};" for statement in statements)
    finish(ctx.obj, terminal, text=text, data={"statements": list(statements)})
