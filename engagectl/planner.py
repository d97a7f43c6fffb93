"""make_plan(): the one place where the steps are joined. It reads, judges, renders and seals; it never writes."""

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from engagectl import __version__
from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.diff import Clash, Difference, diff, in_order
from engagectl.errors import NothingApplied, Place, UsageError
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.ownership import Owned, read_owned
from engagectl.journal.tables import exists
from engagectl.model.address import Address, column_address, table_address
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    WidenColumn,
    address_of,
    hazards_of,
)
from engagectl.model.codec import encode
from engagectl.model.column_type import type_text
from engagectl.model.feed import Feed, FeedTable
from engagectl.model.origin import Origin
from engagectl.model.plan import Finding, Noted, Plan, Step, WarehousePlan
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.planfile import digest, fingerprint, step_id
from engagectl.risk import Judged, judge, judge_drops, judge_feeds, judge_owners, prior_of, refusal
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse as record_of

FEED = "feed"
"""The setting of a feed that is new (before is None) or is retired (after is None)."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What is there now, and what the journal remembers. Empty offline."""

    actual: State = field(default_factory=State)
    applied: tuple[AppliedFeed, ...] = ()
    owned: tuple[Owned, ...] = ()
    prior: Mapping[tuple[str, str], Feed] = field(default_factory=dict)
    lacks_journal: bool = False


def make_plan(
    project: Project,
    *,
    connections: Mapping[str, Connection] | None,
    now: datetime,
    select: Sequence[str] = (),
    mode: Literal["warehouse", "offline", "base"] = "warehouse",
    base: Project | None = None,
    commit: str = "",
    take_over: bool = False,
) -> Plan:
    """Return what apply would do. Without connections nothing is there yet, or what `base` says."""
    ids = sorted(connections) if connections is not None else sorted(set(project.roles.values()))
    plans = tuple(
        _plan_one(
            project,
            id_,
            connection=connections[id_] if connections is not None else None,
            base=base,
            select=select,
            take_over=take_over,
        )
        for id_ in ids
    )
    return _sealed(project, plans, now=now, select=select, mode=mode, commit=commit)


def make_drift(project: Project, connections: Mapping[str, Connection], now: datetime) -> Plan:
    """Compare the catalogs with what was last applied. Raises NothingApplied where nothing was.

    The steps are what would bring the applied state back; they carry no SQL, for drift runs nothing.
    """
    plans = tuple(_drift_one(project, id_, connections[id_]) for id_ in sorted(connections))
    return _sealed(project, plans, now=now, select=(), mode="warehouse", commit="")


def _sealed(
    project: Project,
    plans: tuple[WarehousePlan, ...],
    *,
    now: datetime,
    select: Sequence[str],
    mode: Literal["warehouse", "offline", "base"],
    commit: str,
) -> Plan:
    target = project.spec.targets.get(project.target)
    expires = now + timedelta(seconds=seconds(project.spec.plan.expires))
    return Plan(
        project=project.spec.project,
        target=project.target,
        warehouses=plans,
        fingerprint=fingerprint(plans),
        created_at=_stamp(now),
        expires_at=_stamp(expires),
        engagectl=__version__,
        commit=commit,
        config_digest=project.digest,
        mode=mode,
        selected=tuple(select),
        protected=target is not None and target.protected,
    )


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plan_one(
    project: Project,
    id_: str,
    *,
    connection: Connection | None,
    base: Project | None,
    select: Sequence[str],
    take_over: bool,
) -> WarehousePlan:
    record = record_of(project.spec.warehouses[id_].type)
    desired = build(project, id_, record)
    seen = _look(project, id_, record, desired, connection=connection, base=base)
    desired = _as_found(desired, seen.actual)
    feeds = tuple(_carried(feed, seen) for feed in desired.feeds)
    lifecycle = project.spec.lifecycle
    difference = diff(desired.state, seen.actual, relate=record.relate, retype=lifecycle.type_changes)
    drops, drop_notes, drop_findings = _drops(desired, seen, project)
    changes = in_order([*difference.changes, *_settings(feeds, seen, difference.changes), *drops])
    clashes = _full(difference.clashes, connection, record)
    judged = [
        *judge(desired, seen.actual, difference, full_clashes=clashes),
        *(() if take_over else judge_owners(desired, seen.owned, project=project.spec.project, target=project.target)),
        *judge_feeds(feeds, seen.prior),
        *judge_drops(drops, warehouse=id_),
        *drop_findings,
        *_watched(desired, seen, record),
    ]
    chosen = _selected(changes, project, id_, select) if select else changes
    kept = _selected_feeds(feeds, chosen, id_, select) if select else feeds
    steps = tuple(_step(project, change, id_, record, seen.actual) for change in chosen)
    judged += _rewrites(steps, project, connection, record)
    return WarehousePlan(
        warehouse=id_,
        type=record.name,
        steps=steps,
        findings=tuple(_placed(project, one) for one in judged),
        noted=(*_noted(desired, seen, difference, project.spec.project), *drop_notes),
        feeds=kept,
        creates_journal=seen.lacks_journal and bool(steps),
        delivery=record.capabilities.delivery,
    )


# --- what is there ------------------------------------------------------------


def _look(
    project: Project,
    id_: str,
    record: Warehouse,
    desired: Desired,
    *,
    connection: Connection | None,
    base: Project | None,
) -> _Seen:
    if connection is None:
        if base is None or id_ not in base.spec.warehouses:
            return _Seen()
        before = build(base, id_, record)
        return _Seen(actual=before.state, prior={(feed.kind, feed.id): feed for feed in before.feeds})
    journal = project.spec.journal_schema
    has_journal = exists(connection, record, journal)
    applied = read_feeds(connection, journal, project=project.spec.project) if has_journal else ()
    owned = read_owned(connection, journal) if has_journal else ()
    schemas = {*desired.state.schemas, *desired.watched.schemas}
    schemas.update(table.schema for table, _ in desired.dormant)
    schemas.update(row.schema for row in owned if row.project == project.spec.project)
    schemas.update(one.address.name.split(".")[0] for one in desired.removed)
    schemas.discard(journal)
    return _Seen(
        actual=record.catalog(connection, sorted(schemas)),
        applied=applied,
        owned=owned,
        prior={(one.feed.kind, one.feed.id): one.feed for one in applied},
        lacks_journal=not has_journal,
    )


def _as_found(desired: Desired, actual: State) -> Desired:
    """Leave out standard and context columns that the catalog lacks, where the connection says so."""
    if not desired.as_found:
        return desired

    def is_wanted(table: TableName, name: str, fed_by: tuple[str, ...]) -> bool:
        there = actual.find(table)
        return table not in desired.as_found or there is None or bool(fed_by) or there.find(name) is not None

    tables = tuple(
        dataclasses.replace(
            table,
            columns=tuple(column for column in table.columns if is_wanted(table.name, column.name, column.fed_by)),
        )
        for table in desired.state.tables
    )
    feeds = tuple(
        dataclasses.replace(
            feed,
            tables=tuple(
                dataclasses.replace(
                    table,
                    columns=tuple(
                        column
                        for column in table.columns
                        if is_wanted(table.name, column.name, (column.subject,) * bool(column.subject))
                    ),
                )
                for table in feed.tables
            ),
        )
        for feed in desired.feeds
    )
    return dataclasses.replace(desired, state=State(schemas=desired.state.schemas, tables=tables), feeds=feeds)


def _carried(feed: Feed, seen: _Seen) -> Feed:
    """Return the feed with what the journal alone knows: columns that sync added, and keys that were retired."""
    before = prior_of(feed, seen.prior)
    if before is None:
        return feed
    tables = []
    for table in feed.tables:
        old = next((one for one in before.tables if one.name == table.name), None)
        named = {column.name for column in table.columns}
        added = tuple(
            column
            for column in (old.columns if old is not None else ())
            if column.added_by_sync and column.name not in named
        )
        tables.append(dataclasses.replace(table, columns=(*table.columns, *added)))
    current = {key for one in feed.declared for key in one.keys}
    gone = {*before.retired, *(key for one in before.declared if one.kind != "journey" for key in one.keys)}
    return dataclasses.replace(feed, tables=tuple(tables), retired=tuple(sorted(gone - current)))


# --- changes beside the structure ---------------------------------------------


def _settings(feeds: Iterable[Feed], seen: _Seen, structure: Iterable[Change]) -> Iterator[ChangeSetting]:
    """Yield what differs from the applied state and is no schema, feeds that are new, and feeds that are retired."""
    touched = {_table_of(change) for change in structure}
    retired = {(one.feed.kind, one.feed.id) for one in seen.applied if one.retired_at is not None}
    taken: set[tuple[str, str]] = set()
    for feed in feeds:
        taken.update((feed.kind, id_) for id_ in (feed.id, *feed.ids_before))
        before = prior_of(feed, seen.prior)
        if before is None or (before.kind, before.id) in retired:
            yield ChangeSetting(subject=feed.address, setting=FEED, before=None, after="added", origin=feed.origin)
            continue
        if before.id != feed.id:
            yield ChangeSetting(subject=feed.address, setting="id", before=before.id, after=feed.id, origin=feed.origin)
        was, now = dict(before.settings), dict(feed.settings)
        differs = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        for name in differs:
            yield ChangeSetting(
                subject=feed.address, setting=name, before=was.get(name), after=now.get(name), origin=feed.origin
            )
        is_touched = any(table.name in touched for table in feed.tables)
        if not differs and before.id == feed.id and not _is_same(before, feed) and not is_touched:
            yield ChangeSetting(
                subject=feed.address,
                setting="details",
                before=digest(encode(before))[:12],
                after=digest(_without_origin(feed))[:12],
                origin=feed.origin,
            )
    for one in seen.applied:
        if one.retired_at is None and (one.feed.kind, one.feed.id) not in taken:
            yield ChangeSetting(subject=one.feed.address, setting=FEED, before="applied", after=None)


def _is_same(before: Feed, feed: Feed) -> bool:
    """Tell whether sync would do the same by both. What else the space declares does not touch an activation."""
    before = dataclasses.replace(before, owner=feed.owner)
    if feed.kind == "activation":
        before = dataclasses.replace(before, declared=feed.declared, retired=feed.retired)
    return before == feed


def _without_origin(feed: Feed) -> object:
    data = encode(feed)
    data.pop("origin", None)
    return data


def _drops(desired: Desired, seen: _Seen, project: Project) -> tuple[list[Change], list[Noted], list[Judged]]:
    """Return the drops that `removed:` asks for; what it may not name is refused, what is gone already is a note."""
    changes: list[Change] = []
    findings: list[Judged] = []
    notes: list[Noted] = []
    ours = {
        row.key for row in seen.owned if row.project == project.spec.project and row.origin in ("created", "imported")
    }
    for one in desired.removed:
        parts = one.address.name.split(".")
        if (one.address.kind, len(parts)) not in (("table", 2), ("column", 3)):
            message = f"removed: {one.address} names no table or column"
            findings.append(
                refusal(
                    "EC605", message, one.address, one.origin, "write table.SCHEMA.TABLE or column.SCHEMA.TABLE.COLUMN"
                )
            )
            continue
        name = TableName(parts[0], parts[1])
        column = parts[2] if len(parts) == 3 else ""
        there = seen.actual.find(name)
        has = there.find(column) if there is not None and column else None
        if there is None or (column and has is None):
            notes.append(Noted(kind="retired", address=one.address, detail="removed: nothing of that name is there"))
            continue
        wanted = desired.state.find(name)
        is_declared = (wanted is not None and (not column or wanted.find(column) is not None)) or (
            (name, column) in desired.dormant
        )
        if is_declared or (name.schema, name.table, column) not in ours:
            why = "is still declared" if is_declared else "was not made by this project"
            message = f"removed: {name}{'.' + column if column else ''} {why}"
            findings.append(
                refusal(
                    "EC605",
                    message,
                    one.address,
                    one.origin,
                    "only what we made, and no longer declare, can be dropped",
                )
            )
        elif has is not None:
            changes.append(DropColumn(table=name, column=column, type=has.type, reason=one.reason, origin=one.origin))
        else:
            changes.append(DropTable(table=name, reason=one.reason, origin=one.origin))
    return changes, notes, findings


def _full(clashes: Iterable[Clash], connection: Connection | None, record: Warehouse) -> tuple[Clash, ...]:
    """Return the clashes whose old column or table holds something."""
    found = []
    for clash in clashes:
        if connection is None:
            found.append(clash)
            continue
        from engagectl.render import ident, table_sql

        if isinstance(clash.wanted, Column):
            place, test = table_sql(record, clash.table), f" WHERE {ident(record, clash.old)} IS NOT NULL"
        else:
            schema, _, table = clash.old.partition(".")
            place, test = table_sql(record, TableName(schema, table)), ""
        if connection.query(f"SELECT 1 FROM {place}{test} LIMIT 1"):
            found.append(clash)
    return tuple(found)


# --- steps --------------------------------------------------------------------


def _step(project: Project, change: Change, id_: str, record: Warehouse, actual: State) -> Step:
    statements: tuple[str, ...] = ()
    if not isinstance(change, ChangeSetting):
        from engagectl.render import render

        statements = render(change, record)
    address = address_of(change, warehouse=id_)
    hazards = tuple(dict.fromkeys((*hazards_of(change), *record.hazards(change, actual))))
    name = _table_of(change)
    there = actual.find(name) if name is not None else None
    return Step(
        id=step_id(change, address, hazards=hazards, statements=statements),
        address=address,
        change=change,
        statements=statements,
        hazards=hazards,
        precondition=digest(_stands_on(change, actual)),
        rows=there.rows if there is not None else None,
        place=_place(project, change.origin),
        owner=_owner(project, change),
        fed_by=_fed_by(change),
    )


def _stands_on(change: Change, actual: State) -> object:
    """Return the facts of the catalog that the change needs to be as they are, and no more."""

    def fact(name: TableName, column: str) -> object:
        table = actual.find(name)
        has = table.find(column) if table is not None else None
        return [table is not None, encode(has.type, tagged=True) if has is not None else None]

    match change:
        case CreateSchema(schema=schema):
            return schema in actual.schemas
        case CreateTable(table=table):
            return actual.find(table.name) is not None
        case RenameTable(before=before, table=name):
            return [actual.find(before) is not None, actual.find(name) is not None]
        case DropTable(table=name):
            return actual.find(name) is not None
        case RenameColumn(table=name, before=before, column=column):
            return [fact(name, before), fact(name, column)]
        case AddColumn(table=name, column=column) | WidenColumn(table=name, column=column):
            return fact(name, column.name)
        case RebuildColumn(table=name, column=column):
            return fact(name, column.name)
        case DropColumn(table=name, column=dropped):
            return fact(name, dropped)
        case SetComment(before=said) | ChangeSetting(before=said):
            return said


def _table_of(change: Change) -> TableName | None:
    """Return the table that a change is about; of a rename the one that is there."""
    match change:
        case CreateTable(table=table):
            return table.name
        case RenameTable(before=name) | DropTable(table=name):
            return name
        case RenameColumn(table=name) | AddColumn(table=name) | WidenColumn(table=name) | RebuildColumn(table=name):
            return name
        case SetComment(table=name) | DropColumn(table=name):
            return name
        case CreateSchema() | ChangeSetting():
            return None


def _fed_by(change: Change) -> tuple[str, ...]:
    match change:
        case CreateTable(table=table):
            return table.fed_by
        case AddColumn(column=column) | WidenColumn(column=column) | RebuildColumn(column=column):
            return column.fed_by
        case ChangeSetting(subject=subject):
            return (str(subject),)
        case _:
            return ()


def _owner(project: Project, change: Change) -> str:
    match change:
        case CreateTable(table=table):
            return table.owner
        case AddColumn(column=column) | WidenColumn(column=column) | RebuildColumn(column=column) if column.owner:
            return column.owner
        case _:
            kind, id_ = (*change.origin.path, "", "")[:2]
            return (
                project.owner(str(kind), str(id_))
                if kind in ("connections", "activations", "traits", "audiences")
                else ""
            )


def _place(project: Project, origin: Origin) -> Place | None:
    return project.place(origin) if origin.file else None


def _placed(project: Project, one: Judged) -> Finding:
    return Finding(
        code=one.code,
        severity=one.severity,
        message=one.message,
        address=one.address,
        place=_place(project, one.origin),
        help=one.help,
        refuses=one.refuses,
    )


def _rewrites(
    steps: Iterable[Step], project: Project, connection: Connection | None, record: Warehouse
) -> list[Judged]:
    """Return what is refused because of the rows themselves: values that would not cast, too many rows rewritten."""
    found: list[Judged] = []
    rewritten = 0
    for step in steps:
        if isinstance(step.change, RebuildColumn) and connection is not None:
            from engagectl.render import count_misfits

            misfits = int(connection.query(count_misfits(step.change, record))[0][0])
            if misfits:
                message = f"{misfits} values of {step.address} would not fit {type_text(step.change.column.type)}"
                found.append(
                    refusal("EC602", message, step.address, step.change.origin, "correct them first, or keep the type")
                )
        if "TABLE_REWRITE" in step.hazards:
            rewritten += step.rows or 0
    limit = project.spec.lifecycle.max_rows_rewritten
    if rewritten > limit:
        message = f"{rewritten} rows would be rewritten; lifecycle.max_rows_rewritten is {limit}"
        found.append(
            refusal(
                "EC607",
                message,
                Address("warehouse", record.name),
                Origin(""),
                "raise the limit, or select fewer changes",
            )
        )
    return found


# --- what is only reported ------------------------------------------------------


def _noted(desired: Desired, seen: _Seen, difference: Difference, project: str) -> Iterator[Noted]:
    id_ = desired.warehouse
    for one in difference.held:
        address = column_address(one.table.schema, one.table.table, one.found.name, warehouse=id_)
        yield Noted(
            kind="found",
            address=address,
            detail=f"{type_text(one.found.type)} holds every {type_text(one.wanted.type)}",
        )
    for table in desired.watched.tables:
        address = table_address(table.name.schema, table.name.table, warehouse=id_)
        yield Noted(kind="segment", address=address, detail="managed by Segment: compared, never written")
    ours = {row.key: row for row in seen.owned if row.project == project}
    others = {row.key for row in seen.owned if row.project != project}
    added = {
        (table.name, column.name)
        for feed in seen.prior.values()
        for table in feed.tables
        for column in table.columns
        if column.added_by_sync
    }
    renamed = {change.before for change in difference.changes if isinstance(change, RenameTable)}
    renamed_columns = {
        (change.table, change.before) for change in difference.changes if isinstance(change, RenameColumn)
    }
    schemas = set(desired.state.schemas)
    for table in seen.actual.tables:
        key = (table.name.schema, table.name.table, "")
        address = table_address(table.name.schema, table.name.table, warehouse=id_)
        wanted = desired.state.find(table.name)
        if desired.watched.find(table.name) is not None or key in others or table.name in renamed:
            continue
        if wanted is None:
            if (table.name, "") in desired.dormant:
                continue
            if key in ours:
                yield Noted(
                    kind="retained", address=address, detail="no longer declared; kept, not fed", rows=table.rows
                )
            elif table.name.schema in schemas:
                yield Noted(kind="unmanaged", address=address, rows=table.rows)
            continue
        for column in table.columns:
            if wanted.find(column.name) is not None or (table.name, column.name) in desired.dormant | renamed_columns:
                continue
            place = column_address(table.name.schema, table.name.table, column.name, warehouse=id_)
            if (table.name, column.name) in added:
                yield Noted(kind="added_by_sync", address=place, detail=type_text(column.type))
            elif (*key[:2], column.name) in ours:
                yield Noted(kind="retained", address=place, detail="no longer declared; kept, not fed", rows=table.rows)
            else:
                yield Noted(kind="unmanaged", address=place)


def _watched(desired: Desired, seen: _Seen, record: Warehouse) -> Iterator[Judged]:
    """Yield a warning for each difference in what Segment manages."""
    if not desired.watched.tables:
        return
    for change in diff(desired.watched, seen.actual, relate=record.relate, retype="rebuild").changes:
        if not isinstance(change, CreateSchema | SetComment):
            address = address_of(change, warehouse=desired.warehouse)
            yield Judged(
                code="EC609",
                severity="warning",
                message=f"{address} is not in the warehouse as the YAML says; Segment manages it",
                address=address,
                origin=change.origin,
            )


# --- selection ------------------------------------------------------------------


def _selected(changes: Sequence[Change], project: Project, id_: str, select: Sequence[str]) -> tuple[Change, ...]:
    chosen = [change for change in changes if _is_selected(change, project, id_, select)]
    schemas = {name.schema for name in map(_table_of, chosen) if name is not None}
    return tuple(
        change
        for change in changes
        if change in chosen or (isinstance(change, CreateSchema) and change.schema in schemas)
    )


def _is_selected(change: Change, project: Project, id_: str, select: Sequence[str]) -> bool:
    name = _table_of(change)
    addresses = [address_of(change, warehouse=id_)]
    if name is not None:
        addresses.append(table_address(name.schema, name.table, warehouse=id_))
    named = [*map(str, addresses), *(f"{one.kind}.{one.name}" for one in addresses), *_fed_by(change)]
    return _matches(named, _owner(project, change), select)


def _matches(named: Iterable[str], owner: str, select: Sequence[str]) -> bool:
    names = tuple(named)
    for pattern in select:
        if pattern.startswith("owner:"):
            if owner == pattern.removeprefix("owner:"):
                return True
        elif "." not in pattern and "*" not in pattern:
            raise UsageError(f"--select {pattern}: not an address", help="write kind.name, a glob of it, or owner:NAME")
        elif any(fnmatch.fnmatchcase(name, pattern) for name in names):
            return True
    return False


def _selected_feeds(
    feeds: Iterable[Feed], chosen: Sequence[Change], id_: str, select: Sequence[str]
) -> tuple[Feed, ...]:
    """Return the feeds that apply would record: those with a chosen step of their own, or named themselves."""
    subjects = {str(change.subject) for change in chosen if isinstance(change, ChangeSetting)}
    return tuple(
        feed
        for feed in feeds
        if str(feed.address) in subjects or _matches((str(feed.address), f"{id_}/{feed.address}"), feed.owner, select)
    )


# --- drift ----------------------------------------------------------------------


def _drift_one(project: Project, id_: str, connection: Connection) -> WarehousePlan:
    record = record_of(project.spec.warehouses[id_].type)
    desired = build(project, id_, record)
    journal = project.spec.journal_schema
    applied = read_feeds(connection, journal, project=project.spec.project)
    living = [one.feed for one in applied if one.retired_at is None]
    if not living and (desired.feeds or not desired.watched.tables):
        raise NothingApplied(f"nothing was applied to {id_} yet", help="engagectl apply")
    state = _applied_state(living)
    both = State(
        schemas=tuple(sorted({*state.schemas, *desired.watched.schemas})),
        tables=tuple(sorted((*state.tables, *desired.watched.tables), key=lambda table: table.name)),
    )
    owned = read_owned(connection, journal)
    seen = _Seen(
        actual=record.catalog(connection, both.schemas),
        applied=applied,
        owned=owned,
        prior={(feed.kind, feed.id): feed for feed in living},
    )
    was = dataclasses.replace(desired, state=state, dormant=_dormant(living))
    difference = diff(both, seen.actual, relate=record.relate, retype="rebuild")
    steps = []
    for change in difference.changes:
        if isinstance(change, SetComment):
            continue
        address = address_of(change, warehouse=id_)
        hazards = hazards_of(change)
        steps.append(
            Step(
                id=step_id(change, address, hazards=hazards, statements=()),
                address=address,
                change=change,
                statements=(),
                fed_by=_fed_by(change),
            )
        )
    return WarehousePlan(
        warehouse=id_,
        type=record.name,
        steps=tuple(steps),
        noted=tuple(one for one in _noted(was, seen, difference, project.spec.project) if one.kind != "added_by_sync"),
        feeds=tuple(living),
        delivery=record.capabilities.delivery,
    )


def _applied_state(feeds: Iterable[Feed]) -> State:
    tables: dict[TableName, dict[str, Column]] = {}
    for table, address in _tables(feeds, lambda table: table.fed):
        columns = tables.setdefault(table.name, {})
        for cell in table.columns:
            if cell.fed:
                columns.setdefault(
                    cell.name, Column(name=cell.name, type=cell.stored, fed_by=(cell.subject or address,))
                )
    return State(
        schemas=tuple(sorted({name.schema for name in tables})),
        tables=tuple(Table(name=name, columns=tuple(columns.values())) for name, columns in sorted(tables.items())),
    )


def _dormant(feeds: Iterable[Feed]) -> frozenset[tuple[TableName, str]]:
    return frozenset(
        (table.name, column)
        for table, _ in _tables(feeds, lambda _: True)
        for column in ("", *(cell.name for cell in table.columns))
    )


def _tables(feeds: Iterable[Feed], is_wanted: Callable[[FeedTable], bool]) -> Iterator[tuple[FeedTable, str]]:
    for feed in feeds:
        for table in feed.tables:
            if is_wanted(table):
                yield table, str(feed.address)
