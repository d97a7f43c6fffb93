"""`engagectl sync`: load what the inputs hold, by the applied state."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of


def sync(
    ctx: typer.Context,
    select: Annotated[list[str] | None, typer.Option(help="Feeds: address, glob or owner:NAME.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what its schedule says is due.")] = False,
    reread: Annotated[bool, typer.Option("--reread", help="Read again from the beginning.")] = False,
    since: Annotated[str | None, typer.Option(help="With --reread: from this date (YYYY-MM-DD).")] = None,
    input: Annotated[str | None, typer.Option("--input", help="[ID=]-: read messages from stdin.")] = None,
    complete: Annotated[list[str] | None, typer.Option(help="Files that nobody appends to any more (glob).")] = None,
    max_time: Annotated[str | None, typer.Option(help="Stop after this time: 90s, 45m, 2h.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, write nothing.")] = False,
) -> None:
    from engagectl import api
    from engagectl.cli.loading import Loading
    from engagectl.sync.passes import SyncOptions

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    options = SyncOptions(
        select=tuple(select or ()),
        due=due,
        reread=reread,
        since=_day(since),
        stdin_input=input,
        complete=tuple(complete or ()),
        max_time_s=_seconds(max_time),
        dry_run=dry_run,
    )
    done = api.sync(
        project,
        options=options,
        progress=Loading(terminal),
        lock_timeout_s=ctx.obj.lock_timeout_s,
        warehouses=ctx.obj.warehouses,
    )
    finish(ctx.obj, terminal, text=done.as_text(), data=done.as_data(), code=done.exit_code)


def _day(text: str | None) -> datetime | None:
    from engagectl.errors import UsageError

    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("--since must be a date, YYYY-MM-DD") from None


def _seconds(text: str | None) -> float | None:
    from engagectl.errors import UsageError

    if text is None:
        return None
    units = {"s": 1, "m": 60, "h": 3600}
    if text[:-1].isascii() and text[:-1].isdigit() and text[-1] in units and len(text) < 8:
        return timedelta(seconds=int(text[:-1]) * units[text[-1]]).total_seconds()
    raise UsageError("--max-time must be a number with s, m or h: 90s, 45m, 2h")
