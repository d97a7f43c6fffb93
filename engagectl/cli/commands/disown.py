"""`engagectl disown`: give up a table or column; it stays where it is."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def disown(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDR", help="table.SCHEMA.TABLE or column.SCHEMA.TABLE.COLUMN.")],
) -> None:
    from engagectl import api

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    given_up = api.disown(project, address, lock_timeout_s=ctx.obj.lock_timeout_s, warehouses=ctx.obj.warehouses)
    text = "\n".join(f"given up: {one}; it stays where it is" for one in given_up)
    finish(ctx.obj, terminal, text=text, data={"disowned": list(given_up)}, summary={"disowned": len(given_up)})
