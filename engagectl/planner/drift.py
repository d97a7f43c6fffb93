"""The applied state as desired: what somebody changed since the last apply."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.diff import diff
from engagectl.errors import NothingApplied
from engagectl.journal.applied import read_feeds
from engagectl.journal.ownership import read_owned
from engagectl.model.address import Address
from engagectl.model.change import SetComment, address_of, hazards_of
from engagectl.model.feed import Feed, FeedTable
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.planfile import step_id
from engagectl.planner.laid_out import leave_layouts
from engagectl.planner.noted import judge_watched, noted
from engagectl.planner.plan import sealed
from engagectl.planner.seen import Seen, as_found, laid_out
from engagectl.planner.step import fed_by, placed, table_of
from engagectl.planner.views import view_changes
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse as record_of


def make_drift(project: Project, connections: Mapping[str, Connection], now: datetime) -> Plan:
    """Compare the catalogs with what was last applied. Raises NothingApplied where nothing was.

    The steps are what would bring the applied state back; they carry no SQL, for drift runs nothing.
    """
    plans = tuple(_drift_one(project, id_, connections[id_]) for id_ in sorted(connections))
    return sealed(project, plans, now=now, select=(), mode="warehouse", commit="")


def _drift_one(project: Project, id_: str, connection: Connection) -> WarehousePlan:
    record = record_of(project.spec.warehouses[id_].type)
    desired = build(project, id_, record)
    journal = project.spec.journal_schema
    applied = read_feeds(connection, journal, project=project.spec.project)
    living = [one.feed for one in applied if one.retired_at is None and one.target == project.target]
    if not living and (desired.feeds or not desired.watched.tables):
        raise NothingApplied(f"nothing was applied to {id_} yet", help="engagectl apply")
    state = _laid_out(_applied_state(living), desired.state)
    owned = read_owned(connection, journal)
    actual = record.catalog(connection, sorted({*state.schemas, *desired.watched.schemas}))
    seen = Seen(
        actual=laid_out(actual, desired, record, connection),
        applied=applied,
        owned=owned,
        prior={(feed.kind, feed.id): feed for feed in living},
    )
    found = as_found(dataclasses.replace(desired, feeds=()), seen.actual)
    was = dataclasses.replace(found, state=state, dormant=_dormant(living))
    difference = leave_layouts(diff(state, seen.actual, relate=record.relate, retype="rebuild"), record)
    steps = []
    for change in (*difference.changes, *view_changes(state, seen.actual, difference.changes)):
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
                owner=_owner(project, fed_by(change), table_of(change), living),
                fed_by=fed_by(change),
            )
        )
    return WarehousePlan(
        warehouse=id_,
        type=record.name,
        steps=tuple(steps),
        findings=tuple(
            dataclasses.replace(placed(project, one), owner=_owner_of_watched(one.address, desired))
            for one in judge_watched(was, seen, record)
        ),
        noted=tuple(
            one
            for one in noted(was, seen, difference, project=project.spec.project, target=project.target)
            if one.kind != "added_by_sync"
        ),
        feeds=tuple(living),
        delivery=record.capabilities.delivery,
        queries=connection.queries,  # of the whole session, a snapshot's too
        rows_read=connection.rows_read,
    )


def _laid_out(state: State, desired: State) -> State:
    """Give the applied tables the layout and the views that the YAML says: the journal keeps neither."""
    tables = (
        dataclasses.replace(table, layout=said.layout, view=said.view) if (said := desired.find(table.name)) else table
        for table in state.tables
    )
    return dataclasses.replace(state, tables=tuple(tables))


_MAPS = {"trait": "traits", "audience": "audiences", "activation": "activations", "connection": "connections"}


def _owner(project: Project, sources: Iterable[str], table: TableName | None, feeds: Iterable[Feed]) -> str:
    """Return who owns what declared a column, as the YAML says it now; else who owns a feed of its table."""
    for source in sources:
        kind, _, id_ = source.partition(".")
        known = getattr(project.spec, _MAPS[kind]) if kind in _MAPS else {}
        if id_ in known and (owner := project.owner(_MAPS[kind], id_)):
            return owner
    return next((feed.owner for feed in feeds if any(one.name == table for one in feed.tables)), "")


def _owner_of_watched(address: Address, desired: Desired) -> str:
    schema, table, *rest = (*address.name.split("."), "")[:3]
    found = desired.watched.find(TableName(schema, table))
    column = found.find(rest[0]) if found is not None and rest else None
    return (column.owner if column is not None else "") or (found.owner if found is not None else "")


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
