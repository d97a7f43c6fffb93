"""Where each warehouse and feed stands: its last sync, what is due when, what waits for what. Nothing is written."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engagectl import planner
from engagectl.config.project import Project
from engagectl.errors import EngagectlError
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.checkpoints import Checkpoint, read_checkpoints
from engagectl.journal.history import FeedSync, last_received, last_success, last_syncs, read_history
from engagectl.journal.quarantine import LINE_FEED, count_by_reason, count_undeclared_keys
from engagectl.journal.tables import has_journal
from engagectl.journal.undeclared import read_undeclared
from engagectl.model.feed import Feed, InBody, Schedule
from engagectl.model.names import stored_name
from engagectl.model.status import FeedStatus, StatusReport, Storable, UndeclaredKey, Waits, WarehouseStatus
from engagectl.sync.chunk import Work
from engagectl.sync.due import is_blackout, next_due
from engagectl.sync.inputs import InputFile, Unreadable, readable
from engagectl.sync.inputs.complete import changed_at
from engagectl.sync.inputs.content import open_bytes
from engagectl.sync.places import is_read
from engagectl.sync.runs import FileState, Search
from engagectl.sync.sources import Listing
from engagectl.sync.taken import run_states, since
from engagectl.warehouses.contract import Connection

_LINE_BYTES = 1 << 20


def status(project: Project, *, connections: Mapping[str, Connection], now: datetime) -> StatusReport:
    """Read the journal of each warehouse and look at the input files."""
    feeds: list[FeedStatus] = []
    warehouses: list[WarehouseStatus] = []
    for name, connection in connections.items():
        applied = read_feeds(connection, project.spec.journal_schema, project=project.spec.project)
        warehouses.append(_warehouse(project, name, connection, applied, now))
        feeds += _feeds(project, name, connection, applied, now)
    return StatusReport(warehouses=tuple(warehouses), feeds=tuple(feeds))


def _warehouse(
    project: Project, name: str, connection: Connection, applied: Sequence[AppliedFeed], now: datetime
) -> WarehouseStatus:
    journal = project.spec.journal_schema
    numbers = {item.number: item for item in applied}
    newest = max(applied, key=lambda item: item.applied_at, default=None)
    not_applied, not_known = _not_applied(project, {name: connection}, now)
    unended = [
        entry
        for entry in read_history(connection, journal, project=project.spec.project, limit=10_000)
        if entry.status == "Running"
    ]
    reasons: dict[str, int] = {}
    for number, reason, count in count_by_reason(connection, journal):
        if number in numbers or number == LINE_FEED:
            reasons[reason] = reasons.get(reason, 0) + count
    return WarehouseStatus(
        warehouse=name,
        apply_id=newest.apply_id if newest is not None else "",
        applied_at=newest.applied_at if newest is not None else "",
        not_applied=not_applied,
        not_known=not_known,
        running="".join(f"{entry.kind} {entry.id}" for entry in unended if not entry.stopped),
        stopped=tuple(f"{entry.kind} {entry.id} of {entry.started_at}" for entry in unended if entry.stopped),
        quarantine=dict(sorted(reasons.items())),
        storable=tuple(
            Storable(
                feed=str(numbers[number].feed.address),
                key=key,
                entries=count,
                command="engagectl quarantine replay",
            )
            for number, key, count in count_undeclared_keys(connection, journal)
            if number in numbers and _has_column(numbers[number].feed, key)
        ),
        undeclared=tuple(
            UndeclaredKey(
                feed=str(numbers[item.feed].feed.address),
                kind=item.kind,
                key=item.key,
                types=item.types,
                messages=item.messages,
                last_at=item.last_at,
            )
            for item in read_undeclared(connection, journal)
            if item.feed in numbers
        ),
    )


def _not_applied(project: Project, connections: Mapping[str, Connection], now: datetime) -> tuple[tuple[str, ...], str]:
    try:
        plan = planner.make_plan(project, connections=connections, now=now)
    except EngagectlError as error:
        return (), error.message
    return tuple(str(step.address) for step in plan.steps), ""


def _has_column(feed: Feed, key: str) -> bool:
    name = stored_name(key)
    return any(
        isinstance(column.value, InBody) and name in column.value.keys
        for table in feed.tables
        for column in table.columns
    )


def _feeds(
    project: Project, name: str, connection: Connection, applied: Sequence[AppliedFeed], now: datetime
) -> list[FeedStatus]:
    journal = project.spec.journal_schema
    if not has_journal(connection, journal):
        return []
    loaded, received = last_success(connection, journal), last_received(connection, journal)
    syncs = last_syncs(connection, journal)
    points = read_checkpoints(connection, journal, [item.number for item in applied])
    reasons: dict[int, dict[str, int]] = {}
    for number, reason, count in count_by_reason(connection, journal):
        reasons.setdefault(number, {})[reason] = count
    search, listing = Search(), Listing(project)
    live = [item for item in applied if item.retired_at is None]
    leads = {(item.feed.space, item.feed.source): item for item in live if item.feed.kind == "connection"}
    return [
        _feed(
            listing,
            name,
            item,
            leads.get((item.feed.space, item.feed.source), item) if item.feed.kind == "users" else item,
            [point for point in points if point.feed == item.number],
            last=syncs.get(item.number),
            loaded=loaded,
            received_to=received.get(item.number),
            quarantine=reasons.get(item.number, {}),
            search=search,
            now=now,
        )
        for item in applied
    ]


def _feed(
    listing: Listing,
    warehouse: str,
    item: AppliedFeed,
    lead: AppliedFeed,
    points: Sequence[Checkpoint],
    *,
    last: FeedSync | None,
    loaded: Mapping[int, str],
    received_to: str | None,
    quarantine: Mapping[str, int],
    search: Search,
    now: datetime,
) -> FeedStatus:
    schedule = lead.feed.schedule  # the users of a source follow its connection
    state = "retired" if item.retired_at is not None else "excluded" if item.feed.excluded_by else "live"
    reads = state == "live"
    stands = {point.file: point for point in points}
    unread: list[int] = []
    runs: tuple[FileState, ...] = ()
    waits: tuple[Waits, ...] = ()
    problem = ""
    try:
        files = listing.files(item.feed.space, item.feed.source) if reads else ()
        unread = [size for file in files if (size := _unread(file, stands.get(file.key))) > 0]
        if reads and schedule.trigger == "each_run":
            runs = run_states(listing, Work(item.number, item.feed), points, search=search, now=now)
            waits = tuple(_waits(run, run.waits_from) for run in runs if run.waits_from is not None)
    except Unreadable as error:
        problem = f"{error.code} {error.message}"
    return FeedStatus(
        warehouse=warehouse,
        feed=str(item.feed.address),
        state=state,
        schedule=schedule_text(schedule),
        last_sync=last.started_at if last is not None else None,
        outcome=last.status if last is not None else "",
        notice=last.notice if last is not None else "",
        last_success=loaded.get(item.number),
        next_due=_next_due(schedule, since(loaded, item.number, lead.number), runs, now) if reads else "",
        in_blackout=reads and is_blackout(schedule, now),
        waits=waits,
        received_to=received_to,
        lag_s=max(0, int((now - datetime.fromisoformat(received_to)).total_seconds())) if received_to else None,
        unread_files=len(unread),
        unread_bytes=sum(unread),
        not_readable=problem,
        quarantine=dict(sorted(quarantine.items())),
    )


def _waits(run: FileState, start: int) -> Waits:
    with readable(run.file):
        return Waits(file=run.file.key, bytes=(run.file.bytes or 0) - start, since=_since(run.file, start))


def schedule_text(schedule: Schedule) -> str:
    """Return when a feed is due, in words."""
    if schedule.trigger == "each_run":
        return "each run"
    if schedule.cron is not None:
        return f"cron {schedule.cron} {schedule.timezone}"
    every = schedule.every_s or 3600
    unit, length = next(((u, n) for u, n in (("d", 86400), ("h", 3600), ("m", 60)) if every % n == 0), ("s", 1))
    return f"every {every // length}{unit}"


def _next_due(schedule: Schedule, last: datetime | None, runs: Sequence[FileState], now: datetime) -> str:
    """A run feed goes by its files: a blackout only puts off what is complete."""
    if schedule.trigger == "each_run":
        if not any(run.more for run in runs):
            return "when a run ends"
        due = next_due(schedule, None, now)
    else:
        due = next_due(schedule, last, now)
    if due is None:
        return "never"
    return "now" if due <= now else due.strftime("%Y-%m-%dT%H:%M:%SZ")


def _unread(file: InputFile, at: Checkpoint | None) -> int:
    """Return the bytes, as stored, that a feed has not read. A compressed file counts whole until its end was read."""
    if at is not None and is_read(at, file):
        return 0
    size = file.bytes or 0
    return size - (at.offset if at is not None else 0) if file.format == "ndjson" else size


def _since(file: InputFile, offset: int) -> str:
    """Return when the message at an offset was received; when it does not say, when the file was written last."""
    with open_bytes(file, offset=offset) as stream:
        line = stream.read(_LINE_BYTES).partition(b"\n")[0]
    try:
        found: Any = json.loads(line)
        for key in file.shape.path(("receivedAt",)):
            found = found[key]
        received = datetime.fromisoformat(found)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        received = changed_at(file)
    return (
        (received if received.tzinfo is not None else received.replace(tzinfo=UTC))
        .astimezone(UTC)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
    )
