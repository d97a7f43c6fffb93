"""Which feeds of the applied state run, and which are left out and why. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engagectl.config.project import Project
from engagectl.errors import RefusedError, UsageError
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.checkpoints import read_checkpoints
from engagectl.journal.history import has_loaded
from engagectl.journal.tables import quoted
from engagectl.model.address import Address
from engagectl.model.column_type import ColumnType, type_text
from engagectl.model.feed import Feed, FeedTable, Standard
from engagectl.model.schema import State, TableName
from engagectl.sync.chunk import Work
from engagectl.sync.inputs.files import STANDARD_INPUT
from engagectl.sync.keys import key_problem
from engagectl.sync.options import SyncOptions
from engagectl.sync.report import LeftOut
from engagectl.sync.selection import CHANGED, OWNER, address_in, is_named
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse


@dataclass(frozen=True, slots=True)
class Ready:
    """`applied` tells whether an apply of this target has recorded a feed of this project here at all; `numbers` are
    of all feeds that were asked for, those that are left out too; `project_numbers` of all that the project has here.
    `by` says which apply they go by, `actual` what the catalog says of the schemas of all feeds.
    """

    works: tuple[Work, ...]
    left_out: tuple[LeftOut, ...]
    applied: bool
    numbers: Mapping[Address, int]
    project_numbers: tuple[int, ...]
    by: str
    actual: State


def ready_feeds(project: Project, name: str, connection: Connection, options: SyncOptions) -> Ready:
    """Return the feeds of one warehouse that this sync runs."""
    works: list[Work] = []
    left_out: list[LeftOut] = []
    numbers: dict[Address, int] = {}
    stored = read_feeds(connection, project.spec.journal_schema)
    there = _There(project, name, connection, stored)
    for applied in stored:
        if applied.feed.project != project.spec.project or applied.target != project.target:
            continue
        address = address_in(name, applied.feed)
        if applied.retired_at is not None or applied.feed.excluded_by:
            continue
        if is_of_segment(project, applied.feed.space):
            continue
        if options.select and not _is_selected(name, applied.feed, stored, (*options.select, *options.changed)):
            continue
        numbers[address] = applied.number
        found = _missing(there, applied.feed, address)
        found = found or _keyless(applied.feed, options, address)
        found = found or _foreign(there, applied, address)
        if found is not None:
            left_out.append(found)
        else:
            works.append(Work(applied.number, applied.feed))
    mine = [applied for applied in stored if applied.feed.project == project.spec.project]
    ours = [applied for applied in mine if applied.target == project.target]
    newest = max(ours, key=lambda applied: applied.applied_at, default=None)
    return Ready(
        works=tuple(works),
        left_out=tuple(left_out),
        applied=bool(ours),
        numbers=numbers,
        project_numbers=tuple(applied.number for applied in mine),
        by="" if newest is None else f"apply {newest.apply_id} of {newest.applied_at[:19]}Z",
        actual=there.catalog if numbers else State(),
    )


@dataclass(frozen=True)
class _There:
    """What the warehouse holds, each thing asked once for all feeds, and when it is needed."""

    project: Project
    name: str
    connection: Connection
    stored: Sequence[AppliedFeed]

    @cached_property
    def catalog(self) -> State:
        schemas = {table.name.schema for applied in self.stored for table in applied.feed.tables}
        return warehouse(self.project.spec.warehouses[self.name].type).catalog(self.connection, sorted(schemas))

    def can_hold(self, found: ColumnType, applied: ColumnType) -> bool:
        """Tell whether a column found of one type takes every value of the applied one, text form included."""
        record = warehouse(self.project.spec.warehouses[self.name].type)
        found, applied = record.settle(found), record.settle(applied)
        return record.relate(found, applied) in ("same", "holds") or record.relate(applied, found) == "widen"

    @cached_property
    def begun(self) -> frozenset[int]:
        """The numbers of the feeds that have read something."""
        numbers = [applied.number for applied in self.stored]
        points = read_checkpoints(self.connection, self.project.spec.journal_schema, numbers)
        return frozenset(point.feed for point in points if point.offset)

    @cached_property
    def writers(self) -> Mapping[TableName, frozenset[int]]:
        """The numbers of the feeds that write each table, retired ones left out."""
        found: dict[TableName, set[int]] = {}
        for applied in self.stored:
            for table in applied.feed.tables if applied.retired_at is None else ():
                found.setdefault(table.name, set()).add(applied.number)
        return {name: frozenset(numbers) for name, numbers in found.items()}


def is_of_segment(project: Project, space: str) -> bool:
    """Tell whether Segment itself loads a space by today's YAML, whatever was applied: two writers never meet."""
    return space in project.spec.spaces and project.spec.spaces[space].managed_by == "segment"


def feeds_of_segment(project: Project) -> tuple[Address, ...]:
    """Return what the YAML declares in spaces that Segment loads."""
    spec = project.spec
    homes = [("connection", id_, one.space) for id_, one in spec.connections.items()]
    for id_, activation in spec.activations.items():
        subject = spec.audiences.get(activation.audience or "") or spec.journeys.get(activation.journey or "")
        homes += [("activation", id_, subject.space)] if subject is not None else []
    homes += [("users", f"{space}.{source}", space) for space, one in spec.spaces.items() for source in one.sources]
    return tuple(Address(kind, id_) for kind, id_, space in homes if is_of_segment(project, space))


def check_select(project: Project, connections: Mapping[str, Connection], select: Sequence[str]) -> None:
    """Raise UsageError for a pattern that names no feed, RefusedError for one that Segment loads, before anything is
    loaded.
    """
    for pattern in select:
        for address in feeds_of_segment(project):
            if address.matches(pattern) and not set("*?[") & set(pattern):
                raise refused(address)
    feeds = [
        (name, applied.feed)
        for name, connection in (connections.items() if select else ())
        for applied in read_feeds(connection, project.spec.journal_schema, project=project.spec.project)
        if applied.retired_at is None
    ]
    for pattern in select if feeds else ():
        if pattern.startswith(CHANGED) or any(is_named(name, feed, (pattern,)) for name, feed in feeds):
            continue
        if pattern.startswith(OWNER):
            owners = ", ".join(sorted({feed.owner for _, feed in feeds if feed.owner})) or "none"
            raise UsageError(
                f"no applied feed is of owner {pattern.removeprefix(OWNER)}", help=f"owners of applied feeds: {owners}"
            )
        there = ", ".join(sorted({str(feed.address) for _, feed in feeds}))
        raise UsageError(f"no applied feed is named {pattern}", help=f"feeds that were applied: {there}")


def refused(address: Address) -> RefusedError:
    return RefusedError(
        f"{address} is of a space that Segment loads (managed_by: segment)",
        code="EC710",
        help="compare it with plan and drift; engagectl loads it when managed_by is engagectl",
    )


def _is_selected(name: str, feed: Feed, stored: Sequence[AppliedFeed], select: Sequence[str]) -> bool:
    """Tell whether a feed is named, or is the users of a connection that is."""
    named = [feed]
    if feed.kind == "users":
        named += [
            other.feed
            for other in stored
            if other.feed.kind == "connection"
            and (other.feed.project, other.feed.space, other.feed.source) == (feed.project, feed.space, feed.source)
        ]
    return any(is_named(name, one, select) for one in named)


def _foreign(there: _There, applied: AppliedFeed, address: Address) -> LeftOut | None:
    table = _foreign_rows(there, applied.number, applied.feed)
    if not table:
        return None
    if applied.feed.existing_rows == "known":
        message = f"the rows of {table} cannot be known: it has no column id that holds the message id"
        return LeftOut(address, "EC711", message, "existing_rows: keep loads beside them")
    advice = "say whose they are: existing_rows: known takes them for this feed's own, keep loads beside them"
    return LeftOut(address, "EC711", f"{table} holds rows that this feed did not load", advice)


def _foreign_rows(there: _There, number: int, feed: Feed) -> str:
    """Return a table with rows of another writer, when this feed has never read anything and was not told."""
    if feed.existing_rows == "keep" or number in there.begun:
        return ""
    if feed.existing_rows == "known":
        return next((str(table.name) for table in feed.tables if table.fed and not _has_id(table)), "")
    connection = there.connection
    if has_loaded(connection, there.project.spec.journal_schema, number, file=STANDARD_INPUT.key):
        return ""
    for table in feed.tables:
        stored = f"{quoted(table.name.schema)}.{quoted(table.name.table)}"
        is_shared = bool(there.writers.get(table.name, frozenset()) - {number})
        if table.fed and not is_shared and connection.query(f"SELECT 1 FROM {stored} LIMIT 1"):
            return str(table.name)
    return ""


def _has_id(table: FeedTable) -> bool:
    return any(column.name == "id" and column.value == Standard("id") for column in table.columns)


def _keyless(feed: Feed, options: SyncOptions, address: Address) -> LeftOut | None:
    problem = key_problem(feed, options.keys)
    return LeftOut(address, "EC705", problem, "set what it names, or apply again with the new key") if problem else None


def _missing(there: _There, feed: Feed, address: Address) -> LeftOut | None:
    problem = _problem(there, feed)
    return LeftOut(address, "EC702", problem, "run: engagectl plan") if problem else None


def _problem(there: _There, feed: Feed) -> str:
    """Say why a feed cannot load: a table or column is missing or too narrow, or its source has no input any more."""
    space = there.project.spec.spaces.get(feed.space)
    source = space.sources.get(feed.source) if space is not None else None
    if source is None or source.input is None:
        return f"the YAML names no input for source {feed.source!r} of space {feed.space!r}"
    for table in feed.tables:
        found = there.catalog.find(table.name)
        if table.fed and found is None:
            return f"table {table.name} is missing"
        for column in table.columns if found is not None else ():
            is_there = found.find(column.name) if column.fed and found is not None else None
            if column.fed and is_there is None:
                return f"column {table.name}.{column.name} is missing"
            if is_there is not None and not there.can_hold(is_there.type, column.stored):
                return (
                    f"column {table.name}.{column.name} is {type_text(is_there.type)}, which cannot hold the applied"
                    f" {type_text(column.stored)}"
                )
    return ""
