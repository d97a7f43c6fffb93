"""`engagectl sync`: load what the inputs hold, by the applied state."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def sync(
    ctx: typer.Context,
    select: Annotated[list[str] | None, typer.Option(help="Feeds: address or glob; may be repeated.")] = None,
) -> None:
    from engagectl import api
    from engagectl.cli.loading import Loading
    from engagectl.sync.passes import SyncOptions

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    done = api.sync(
        project,
        options=SyncOptions(select=tuple(select or ()), lock_timeout_s=ctx.obj.lock_timeout_s),
        progress=Loading(terminal),
        lock_timeout_s=ctx.obj.lock_timeout_s,
        warehouses=ctx.obj.warehouses,
    )
    finish(ctx.obj, terminal, text=done.as_text(), data=done.as_data(), code=done.exit_code)
