"""`engagectl status`: each feed's last load, what is due, and what waits."""

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def status(ctx: typer.Context) -> None:
    from engagectl import api
    from engagectl.show.as_status import status_text

    terminal = terminal_of(ctx.obj)
    found = api.status(project_of(ctx.obj, terminal), warehouses=ctx.obj.warehouses)
    finish(ctx.obj, terminal, text=terminal.folded(status_text(found)), data=found.as_data())
