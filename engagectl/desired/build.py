"""Specs -> the desired state of one warehouse: what must be there, and what loads what."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.desired.activation import activation, space_of
from engagectl.desired.classic import connection, trait_type
from engagectl.desired.layout import laid_out
from engagectl.desired.part import FeedFacts, Part, Site, declared
from engagectl.desired.selective_sync import Rules
from engagectl.model.address import Address, parse_address
from engagectl.model.feed import Feed, FeedTable, Schedule
from engagectl.model.origin import Origin
from engagectl.model.schema import Column, State, Table, TableName


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry of `removed:` that is about this warehouse, or about none in particular."""

    address: Address
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """`state` is ours; `watched` is what Segment manages, compared and never written.

    `dormant` are declared tables (column "") and columns that selective sync excludes for everybody: they are not
    created, and kept where they are there. `as_found` are tables whose standard columns follow the catalog;
    `as_found_values` are columns of a `users` that Segment fills, whose computation no identify of this source carries:
    whether Segment puts them there, only the catalog tells.
    """

    warehouse: str
    state: State
    watched: State
    feeds: tuple[Feed, ...]
    removed: tuple[Removed, ...]
    dormant: frozenset[tuple[TableName, str]] = frozenset()
    as_found: frozenset[TableName] = frozenset()
    as_found_values: frozenset[tuple[TableName, str]] = frozenset()
    watched_dormant: frozenset[tuple[TableName, str]] = frozenset()


def build(project: Project, warehouse_id: str, record: FeedFacts) -> Desired:
    """Return what the YAML asks of one warehouse. Names and types are those that its type stores."""
    site = _site(project, warehouse_id, record)
    ours: list[Part] = []
    watched: list[Part] = []
    as_found: set[TableName] = set()
    as_found_values: set[tuple[TableName, str]] = set()
    identified: set[str] = set()
    for part, space, is_as_found in _parts(site):
        is_segment = project.spec.spaces[space].managed_by == "segment"
        (watched if is_segment else ours).append(part)
        if is_as_found:
            as_found.update(table.name for table in part.tables)
        if part.feed.kind == "connection":  # its users follow it
            identified = {f"{one.kind}.{one.id}" for one in part.feed.sent if one.identify}
        elif part.feed.kind == "users" and is_as_found and is_segment:
            as_found_values.update(
                (table.name, cell.name)
                for table in part.feed.tables
                for cell in table.columns
                if cell.subject and cell.subject not in identified
            )
    state, dormant = _merge(ours)
    state = laid_out(state, project.spec.warehouses[warehouse_id])
    watched_state, watched_dormant = _merge(watched)
    return Desired(
        warehouse=warehouse_id,
        state=state,
        watched=watched_state,
        feeds=tuple(sorted((part.feed for part in ours), key=lambda feed: (feed.kind, feed.id))),
        removed=tuple(_removed(project, warehouse_id)),
        dormant=dormant,
        as_found=frozenset(as_found),
        as_found_values=frozenset(as_found_values),
        watched_dormant=watched_dormant,
    )


def _site(project: Project, warehouse_id: str, record: FeedFacts) -> Site:
    spec = project.spec.warehouses[warehouse_id]
    sync, rules = spec.sync, spec.selective_sync
    cron = sync.cron if sync is not None else None
    every = sync.every if sync is not None else None
    return Site(
        project=project,
        warehouse=warehouse_id,
        facts=record,
        schedule=Schedule(
            every_s=None if cron else seconds(every or "1h"),
            cron=cron,
            timezone=(sync.timezone if sync is not None else None) or "UTC",
            blackout=tuple(sync.blackout) if sync is not None else (),
        ),
        rules=Rules(default=rules.default, include=tuple(rules.include), exclude=tuple(rules.exclude))
        if rules is not None
        else Rules(),
        declared={space: declared(project, space, trait_type) for space in project.spec.spaces},
    )


def _parts(site: Site) -> Iterator[tuple[Part, str, bool]]:
    """Yield each part with its space, and whether its standard columns follow the catalog."""
    project = site.project
    for id_, said in sorted(project.spec.connections.items()):
        if _is_here(site, said.warehouses):
            for part in connection(site, id_, said):
                yield part, said.space, said.standard_columns == "as_found"
    for id_, action in sorted(project.spec.activations.items()):
        if _is_here(site, action.warehouses):
            yield activation(site, id_, action), space_of(site, action), False


def _is_here(site: Site, roles: Iterable[str]) -> bool:
    return any(site.project.roles.get(role) == site.warehouse for role in roles)


def _merge(parts: Iterable[Part]) -> tuple[State, frozenset[tuple[TableName, str]]]:
    """Return the tables that anybody feeds, each with the columns that anybody feeds, and what is dormant."""
    pairs: dict[TableName, list[tuple[FeedTable, Table]]] = {}
    for part in parts:
        for feed_table, table in zip(part.feed.tables, part.tables, strict=True):
            pairs.setdefault(table.name, []).append((feed_table, table))
    tables: list[Table] = []
    dormant: set[tuple[TableName, str]] = set()
    for name, writers in sorted(pairs.items()):
        columns: dict[str, Column] = {}
        fed: set[str] = set()
        for feed_table, table in writers:
            for cell, column in zip(feed_table.columns, table.columns, strict=True):
                known = columns.get(column.name)
                columns[column.name] = column if known is None else _together(known, column)
                if feed_table.fed and cell.fed:
                    fed.add(column.name)
        dormant.update((name, column) for column in columns if column not in fed)
        if not any(feed_table.fed for feed_table, _ in writers):
            dormant.add((name, ""))
            continue
        first = writers[0][1]
        tables.append(
            dataclasses.replace(
                first,
                columns=tuple(column for column in columns.values() if column.name in fed),
                fed_by=tuple(sorted({address for _, table in writers for address in table.fed_by})),
                renamed_from=tuple(dict.fromkeys(old for _, table in writers for old in table.renamed_from)),
            )
        )
    schemas = tuple(sorted({table.name.schema for table in tables}))
    return State(schemas=schemas, tables=tuple(tables)), frozenset(dormant)


def _together(first: Column, second: Column) -> Column:
    return dataclasses.replace(
        first,
        description=first.description if first.description is not None else second.description,
        renamed_from=tuple(dict.fromkeys((*first.renamed_from, *second.renamed_from))),
        fed_by=tuple(sorted({*first.fed_by, *second.fed_by})),
    )


def _removed(project: Project, warehouse_id: str) -> Iterator[Removed]:
    for number, said in enumerate(project.spec.removed):
        try:
            address = parse_address(said.address)
        except ValueError:
            continue  # refused with the configuration
        if address.warehouse in ("", warehouse_id):
            origin = project.origin("removed", str(number))
            yield Removed(Address(address.kind, address.name, warehouse_id), said.reason, origin)
