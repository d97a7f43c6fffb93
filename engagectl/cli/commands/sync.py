"""`engagectl sync`: load what the inputs hold, by the applied state."""

from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from engagectl.cli.outcome import finish, project_of, terminal_of
from engagectl.errors import UsageError


class Memory(StrEnum):
    """How much memory a sync may use."""

    NORMAL = "normal"
    LOW = "low"


if TYPE_CHECKING:
    from engagectl.sync.options import Limit


def sync(
    ctx: typer.Context,
    select: Annotated[
        list[str] | None, typer.Option(help="Address, glob, owner:NAME, changed:REF; repeatable.")
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what is due by schedule, blackout and run ends.")] = False,
    complete: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Files that are whole: their last line counts; may be repeated."),
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="[ID=]-", help="Read standard input instead of this input.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but the commit: only counts.")] = False,
    reread: Annotated[
        bool, typer.Option("--reread", help="Read the inputs from the beginning; brings in what was filtered, once.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="With --reread: only files of this day (YYYY-MM-DD) or later.")
    ] = None,
    as_new: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Read this file from its beginning, as a new one; may be repeated."),
    ] = None,
    max_time: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after the chunk in which so much time (45m) is up.")
    ] = None,
    memory: Annotated[
        Memory, typer.Option(help="low reads chunks of 32 MB with 192 MB of memory, instead of 128 and 384.")
    ] = Memory.NORMAL,
    max_quarantine: Annotated[
        str | None, typer.Option(metavar="N|P%", help="Exit with 5 when more messages and cells are quarantined.")
    ] = None,
    skip_exit_code: Annotated[
        int | None, typer.Option(min=0, max=255, help="Exit with this when nothing was there to load.")
    ] = None,
) -> None:
    from engagectl import api
    from engagectl.cli.loading import Loading
    from engagectl.cli.stopping import Stopping
    from engagectl.sync.passes import SyncOptions

    terminal = terminal_of(ctx.obj)
    project = project_of(ctx.obj, terminal)
    if since is not None and not reread:
        raise UsageError("--since goes with --reread")
    stopping = Stopping(terminal)
    options = SyncOptions(
        select=tuple(select or ()),
        due=due,
        complete=tuple(complete or ()),
        standard_input=_standard_input(input_),
        dry_run=dry_run,
        reread=reread,
        since=_day(since),
        as_new=tuple(as_new or ()),
        max_time_s=_seconds(max_time),
        max_quarantine=_limit(max_quarantine),
        stop=stopping.stop,
        lock_timeout_s=ctx.obj.lock_timeout_s,
    )
    if memory is Memory.LOW:
        options = replace(options, chunk_bytes=32 << 20, memory_mb=192, fold_rows=100_000)
    with stopping:
        done = api.sync(
            project,
            options=options,
            progress=Loading(terminal),
            lock_timeout_s=ctx.obj.lock_timeout_s,
            warehouses=ctx.obj.warehouses,
        )
    code = done.exit_code
    if code == 0 and done.chunks == 0 and skip_exit_code is not None:
        code = skip_exit_code
    finish(ctx.obj, terminal, text=terminal.folded(done.as_text()), data=done.as_data(), code=code)


def _standard_input(text: str | None) -> str | None:
    if text is None:
        return None
    name, _, source = text.rpartition("=")
    if source != "-":
        raise UsageError("--input takes - or ID=-: only standard input can stand in for an input")
    return name


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError("--since must be a date such as 2026-01-31") from None


def _seconds(text: str | None) -> float | None:
    from engagectl.config.field import seconds

    try:
        return None if text is None else seconds(text)
    except ValueError as error:
        raise UsageError(f"--max-time is {error}") from None


def _limit(text: str | None) -> "Limit | None":
    from engagectl.sync.options import Limit

    if text is None:
        return None
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        value = float(number) if percent else int(number)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise UsageError("--max-quarantine must be a number such as 100, or a share such as 0.5%")
    return Limit(value, is_share=percent)
