"""`engagectl sync`: load what the inputs hold, by the applied state."""

from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def sync(
    ctx: typer.Context,
    select: Annotated[list[str] | None, typer.Option(help="Feeds: address or glob; may be repeated.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what is due by schedule, blackout and run ends.")] = False,
    complete: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Files that are whole: their last line counts; may be repeated."),
    ] = None,
    skip_exit_code: Annotated[
        int | None, typer.Option(min=0, max=255, help="Exit with this when nothing was there to load.")
    ] = None,
) -> None:
    from engagectl import api
    from engagectl.cli.loading import Loading
    from engagectl.sync.passes import SyncOptions

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    done = api.sync(
        project,
        options=SyncOptions(
            select=tuple(select or ()),
            due=due,
            complete=tuple(complete or ()),
            lock_timeout_s=ctx.obj.lock_timeout_s,
        ),
        progress=Loading(terminal),
        lock_timeout_s=ctx.obj.lock_timeout_s,
        warehouses=ctx.obj.warehouses,
    )
    code = done.exit_code
    if code == 0 and done.chunks == 0 and skip_exit_code is not None:
        code = skip_exit_code
    finish(ctx.obj, terminal, text=done.as_text(), data=done.as_data(), code=code)
