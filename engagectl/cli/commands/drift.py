"""`engagectl drift`: what somebody changed since the last apply."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def drift(
    ctx: typer.Context,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is drift.")
    ] = False,
) -> None:
    from engagectl import api
    from engagectl.show.as_json import plan_json
    from engagectl.show.as_text import plan_text

    terminal = terminal_of(ctx.obj)
    found = api.drift(project_of(ctx.obj, terminal), warehouses=ctx.obj.warehouses)
    text = plan_text(found, colour=terminal.colour, width=terminal.width, sql=False) if found.steps else "No drift."
    code = 2 if detailed_exitcode and found.steps else 0
    finish(ctx.obj, terminal, text=text, styled=True, data=plan_json(found), code=code)
