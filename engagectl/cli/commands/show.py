"""`engagectl show`: one declared thing whole, or a plan file."""

from pathlib import Path
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def show(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ADDR|PLAN", help="An address, or a plan file.")],
    sql: Annotated[bool, typer.Option("--sql", help="Of a plan: show the SQL of each step.")] = False,
) -> None:
    terminal = terminal_of(ctx.obj)
    if what.endswith(".json") and Path(what).is_file():
        from engagectl.planfile import read_plan
        from engagectl.show.as_json import plan_json
        from engagectl.show.as_text import plan_text

        made = read_plan(Path(what))
        text = plan_text(
            made, colour=terminal.colour, width=terminal.width, sql=sql, every_column=bool(ctx.obj.verbose)
        )
        finish(ctx.obj, terminal, text=text, styled=True, data=plan_json(made))
        return
    from engagectl import api
    from engagectl.show.as_tree import tree

    found = api.show(project_of(ctx.obj, terminal), what)
    finish(ctx.obj, terminal, text=tree(found), data={"resource": found})
