"""The data dictionary of a target: every table and column, who feeds it, whether it loads, and how fresh it is.

The YAML says what is declared; a catalog snapshot, where there is one, what is there. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

from engagectl.config.project import Project
from engagectl.desired.build import Desired
from engagectl.model.column_type import type_text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody, Schedule, Standard
from engagectl.model.schema import Column, Table, TableName
from engagectl.show.declared import desired_states
from engagectl.snapshot import Snapshot, WarehouseSnapshot

KEYS = frozenset(("id", "user_id", "anonymous_id"))
Role = Literal["users", "identifies", "tracks", "event", "activation", "classic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A column. `sources` are the traits, audiences, journeys and mappings that declare it, none for standard columns;
    `path` says where its value is in a message. `excluded_by` is the rule that keeps it empty, None where it loads.
    """

    name: str
    type: str
    description: str = ""
    sources: tuple[str, ...] = ()
    path: str = ""
    required: bool = False
    excluded_by: str | None = None
    is_there: bool | None = None

    @property
    def is_standard(self) -> bool:
        return not self.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A table. `rows` is the catalog's estimate, `read_to` the latest received_at that its feeds have read, `is_late`
    whether that is older than two of its schedules: None where no snapshot tells.
    """

    name: TableName
    role: Role
    space: str
    description: str
    owners: tuple[str, ...]
    feeds: tuple[str, ...]
    events: tuple[str, ...]
    by_segment: bool
    schedule: str
    excluded_by: str | None
    columns: tuple[Entry, ...]
    rows: int | None = None
    read_to: str = ""
    is_late: bool | None = None
    is_there: bool | None = None

    def find(self, column: str) -> Entry | None:
        return next((one for one in self.columns if one.name == column), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedSchema:
    warehouse: str
    type: str
    name: str
    tables: tuple[Described, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """`taken_at` is when the catalog was looked at, "" where it was not."""

    project: str
    target: str
    taken_at: str
    schemas: tuple[DescribedSchema, ...]


def dictionary(project: Project, snapshot: Snapshot | None = None) -> Dictionary:
    """Return what is declared for the target, with what the snapshot tells of it."""
    schemas = []
    for id_, desired in desired_states(project):
        part = snapshot.find(id_) if snapshot is not None else None
        seen = _Seen(part, snapshot.taken) if part is not None and snapshot is not None else None
        tables = [*_ours(desired, seen), *_segments(desired, seen)]
        with_users = {table.name.schema for table in tables if table.role == "users"}
        for name in sorted({table.name.schema for table in tables}, key=lambda name: (name not in with_users, name)):
            here = sorted((one for one in tables if one.name.schema == name), key=_rank)
            kind = project.spec.warehouses[id_].type
            schemas.append(DescribedSchema(warehouse=id_, type=kind, name=name, tables=tuple(here)))
    return Dictionary(
        project=project.spec.project,
        target=project.target,
        taken_at=snapshot.taken_at if snapshot is not None else "",
        schemas=tuple(schemas),
    )


class _Seen:
    """A snapshot, asked by table."""

    def __init__(self, part: WarehouseSnapshot, taken: datetime) -> None:
        self.taken = taken
        self.tables: Mapping[TableName, Table] = part.actual.by_name
        reached = dict(part.read_to)
        self.read_to = {str(one.feed.address): reached[one.number] for one in part.applied if one.number in reached}

    def is_late(self, feeds: Iterable[Feed]) -> bool | None:
        """Tell whether what was read last is older than two schedules; None where no clock says when."""
        found = [
            self.taken - datetime.fromisoformat(self.read_to[str(one.address)]) > timedelta(seconds=2 * every)
            for one in feeds
            if one.schedule.trigger == "schedule"
            and (every := one.schedule.every_s)
            and str(one.address) in self.read_to
        ]
        return any(found) if found else None


def _rank(table: Described) -> tuple[int, str]:
    order = ("users", "identifies", "tracks", "event", "classic", "activation")
    return order.index(table.role), table.name.table


def _ours(desired: Desired, seen: _Seen | None) -> Iterator[Described]:
    writers: dict[TableName, list[tuple[Feed, FeedTable]]] = {}
    for feed in desired.feeds:
        for table in feed.tables:
            writers.setdefault(table.name, []).append((feed, table))
    for name, pairs in writers.items():
        feeds = [feed for feed, _ in pairs]
        first = pairs[0][1]
        declared = desired.state.find(name)
        there = seen.tables.get(name) if seen is not None else None
        rules = {_rule(feed.excluded_by, table.fed, table.decided_by) for feed, table in pairs}
        reached = [seen.read_to.get(str(feed.address), "") for feed in feeds] if seen is not None else []
        yield Described(
            name=name,
            role=first.role,
            space=feeds[0].space,
            description=(declared.description if declared is not None else None) or "",
            owners=tuple(sorted({feed.owner for feed in feeds if feed.owner})),
            feeds=tuple(sorted(str(feed.address) for feed in feeds)),
            events=tuple(dict.fromkeys(event for _, table in pairs for event in table.events)),
            by_segment=False,
            schedule=", ".join(dict.fromkeys(schedule_text(feed.schedule) for feed in feeds)),
            excluded_by=None if None in rules else ", ".join(sorted(one for one in rules if one)),
            columns=tuple(_columns(pairs, declared, there, is_seen=seen is not None)),
            rows=there.rows if there is not None else None,
            read_to=max(reached, default=""),
            is_late=seen.is_late(feeds) if seen is not None else None,
            is_there=there is not None if seen is not None else None,
        )


def _rule(feed_rule: str, fed: bool, table_rule: str) -> str | None:
    """Return what excludes a table for one feed; None when nothing does."""
    if feed_rule:
        return feed_rule
    return None if fed else table_rule


def _columns(
    pairs: list[tuple[Feed, FeedTable]], declared: Table | None, there: Table | None, *, is_seen: bool
) -> Iterator[Entry]:
    cells: dict[str, list[tuple[FeedTable, FeedColumn]]] = {}
    for _, table in pairs:
        for cell in table.columns:
            cells.setdefault(cell.name, []).append((table, cell))
    for name, found in cells.items():
        first = found[0][1]
        column = declared.find(name) if declared is not None else None
        loads = any(table.fed and cell.fed for table, cell in found)
        sources = {cell.subject for _, cell in found if cell.subject} or set(
            column.fed_by if column is not None else ()
        )
        yield Entry(
            name=name,
            type=type_text(first.stored),
            description=(column.description if column is not None else None) or "",
            sources=tuple(sorted(sources)),
            path=path_text(first),
            required=any(cell.required for _, cell in found),
            excluded_by=None if loads else ", ".join(sorted({cell.decided_by for _, cell in found if cell.decided_by})),
            is_there=there is not None and there.find(name) is not None if is_seen else None,
        )


def _segments(desired: Desired, seen: _Seen | None) -> Iterator[Described]:
    for table in desired.watched.tables:
        there = seen.tables.get(table.name) if seen is not None else None
        yield Described(
            name=table.name,
            role="users" if table.family == "users" else "activation" if table.family == "activation" else "classic",
            space="",
            description=table.description or "",
            owners=(table.owner,) if table.owner else (),
            feeds=table.fed_by,
            events=(),
            by_segment=True,
            schedule="",
            excluded_by=None,
            columns=tuple(_watched(column, there, is_seen=seen is not None) for column in table.columns),
            rows=there.rows if there is not None else None,
            is_there=there is not None if seen is not None else None,
        )


def _watched(column: Column, there: Table | None, *, is_seen: bool) -> Entry:
    return Entry(
        name=column.name,
        type=type_text(column.type),
        description=column.description or "",
        sources=column.fed_by,
        is_there=there is not None and there.find(column.name) is not None if is_seen else None,
    )


def schedule_text(schedule: Schedule) -> str:
    """Return when a feed is due, as people say it."""
    if schedule.trigger == "each_run":
        return "after each run"
    if schedule.cron is not None:
        return f"cron {schedule.cron} ({schedule.timezone})"
    seconds = schedule.every_s or 0
    for length, word in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % length == 0:
            return f"every {seconds // length}{word}"
    return f"every {seconds}s" if seconds else ""


def path_text(cell: FeedColumn) -> str:
    """Return where the value of a cell is in a message, and what is made of it."""
    match cell.value:
        case Standard(field=field):
            place = {"id": "messageId", "uuid_ts": "when it was loaded", "event_text": "event"}.get(field, field)
        case AtPath(paths=paths):
            place = ", else ".join(".".join(path) for path in paths)
        case InBody(keys=keys):
            place = ", else ".join(f"traits.{key}" for key in keys)
        case _:
            assert_never(cell.value)
    return " -> ".join((place, *(step.name for step in cell.transforms)))


def plain(book: Dictionary) -> dict[str, Any]:
    """Return the dictionary as JSON data."""
    return {
        "taken_at": book.taken_at,
        "tables": [
            {
                "warehouse": schema.warehouse,
                "table": str(table.name),
                "holds": table.role,
                "owners": list(table.owners),
                "fed_by": list(table.feeds),
                "by_segment": table.by_segment,
                "schedule": table.schedule,
                "excluded_by": table.excluded_by,
                "rows": table.rows,
                "read_to": table.read_to,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.type,
                        "from": list(column.sources),
                        "excluded_by": column.excluded_by,
                    }
                    for column in table.columns
                ],
            }
            for schema in book.schemas
            for table in schema.tables
        ],
    }
