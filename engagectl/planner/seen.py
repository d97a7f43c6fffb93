"""What a warehouse holds now and what its journal remembers; what desired takes over from both."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.desired.selective_sync import takes_undeclared
from engagectl.journal.applied import AppliedFeed, read_feeds, read_feeds_alike
from engagectl.journal.history import read_up_to
from engagectl.journal.ownership import Owned, owned_rows
from engagectl.journal.tables import database_id, version_of
from engagectl.model.address import Address
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable
from engagectl.model.names import stored_name
from engagectl.model.origin import NOWHERE
from engagectl.model.schema import State, TableName
from engagectl.planner.renamed import Renamed
from engagectl.risk import Judged, prior_of, refusal
from engagectl.warehouses.contract import Connection, Warehouse

Key = tuple[str, str]
"""The kind and id of a feed."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is there now, and what the journal remembers. Empty offline.

    `prior` are the feeds as they were applied: the project's own, and under a take-over also those of another project
    on our tables. `read_to` is the latest received_at that each of them has read, None when it has read nothing.
    `locked_out` says that there is a journal which this session may not read.
    """

    actual: State = field(default_factory=State)
    applied: tuple[AppliedFeed, ...] = ()
    owned: tuple[Owned, ...] = ()
    prior: Mapping[Key, Feed] = field(default_factory=dict)
    read_to: Mapping[Key, str] = field(default_factory=dict)
    lacks_journal: bool = False
    locked_out: bool = False
    database_id: str = ""

    @cached_property
    def keys(self) -> Mapping[str, frozenset[str]]:
        """The normalised keys of each space that an apply has known, retired ones too."""
        found: dict[str, set[str]] = {}
        for feed in self.prior.values():
            found.setdefault(feed.space, set()).update(
                feed.retired, *(one.keys for one in feed.declared if one.kind != "journey")
            )
        return {space: frozenset(keys) for space, keys in found.items()}


def look(
    project: Project,
    id_: str,
    record: Warehouse,
    desired: Desired,
    *,
    connection: Connection | None,
    base: Project | None,
    take_over: bool,
) -> Seen:
    if connection is None:
        if base is None or id_ not in base.spec.warehouses:
            return Seen()
        return _as_in(base, build(base, id_, record), target=project.target)
    journal = project.spec.journal_schema
    version = version_of(connection, journal)
    has_journal = version is not None
    whose = None if take_over else project.spec.project
    if has_journal and version != 1:
        every = read_feeds_alike(connection, journal, desired.feeds, project=whose)
    else:
        every = read_feeds(connection, journal, project=whose)
    owned = owned_rows(connection, journal) if has_journal else ()
    schemas = schemas_of(project, desired, owned)
    actual = record.catalog(connection, sorted(schemas if has_journal else {*schemas, journal}))
    actual = laid_out(actual, desired, record, connection)
    applied = tuple(one for one in every if one.feed.project == project.spec.project)
    prior: dict[Key, Feed] = {
        (one.feed.kind, one.feed.id): one.feed for one in (*_theirs(every, desired, project), *applied)
    }
    reached = read_up_to(connection, journal) if has_journal else {}
    return Seen(
        actual=_without(actual, journal),
        applied=applied,
        owned=owned,
        prior=prior,
        read_to={
            (one.feed.kind, one.feed.id): reached[one.number]
            for one in every
            if one.number in reached and prior.get((one.feed.kind, one.feed.id)) is one.feed
        },
        lacks_journal=not has_journal,
        locked_out=not has_journal and actual.find(TableName(journal, "meta")) is not None,
        database_id=database_id(connection, journal) if has_journal else "",
    )


def laid_out(actual: State, desired: Desired, record: Warehouse, connection: Connection) -> State:
    """Give tables their layout, where the catalog does not tell it and it matters: the YAML speaks of it, or a column
    is dropped.
    """
    if record.layouts is None:
        return actual
    asked = {table.name for table in desired.state.tables if table.layout is not None and table.layout.said}
    asked |= {
        TableName(*one.address.name.split(".")[:2]) for one in desired.removed if one.address.name.count(".") == 2
    }
    there = [table.name for table in actual.tables if table.name in asked and table.kind == "table"]
    found = record.layouts(connection, there)
    tables = (dataclasses.replace(table, layout=found.get(table.name, table.layout)) for table in actual.tables)
    return dataclasses.replace(actual, tables=tuple(tables))


def _as_in(base: Project, before: Desired, *, target: str) -> Seen:
    """Return the YAML of a git revision as if it had been applied."""

    def owned(table: TableName, column: str) -> Owned:
        return Owned(
            schema=table.schema,
            table=table.table,
            column=column,
            origin="created",
            state="declared",
            project=base.spec.project,
            target=target,
        )

    return Seen(
        actual=before.state,
        applied=tuple(
            AppliedFeed(number=number, feed=feed, target=target, apply_id="", applied_at="")
            for number, feed in enumerate(before.feeds)
        ),
        owned=tuple(
            owned(table.name, column)
            for table in before.state.tables
            for column in ("", *(one.name for one in table.columns))
        ),
        prior={(feed.kind, feed.id): feed for feed in before.feeds},
    )


def judge_journal(seen: Seen, journal: str, id_: str) -> Iterator[Judged]:
    """Yield a refusal where the journal is there and may not be read: without it a plan would say what is not so."""
    if seen.locked_out:
        yield refusal(
            "EC531",
            f"the journal {journal} of {id_} cannot be read: what was applied is not known",
            Address("warehouse", id_),
            NOWHERE,
            f"GRANT USAGE on schema {journal}, and SELECT on its tables, to the role that plans",
        )


def _theirs(every: tuple[AppliedFeed, ...], desired: Desired, project: Project) -> list[AppliedFeed]:
    """Return the feeds of other projects that a take-over carries over: under our ids, on our tables."""
    ours = {(feed.kind, feed.id): {table.name for table in feed.tables} for feed in desired.feeds}
    return [
        one
        for one in every
        if one.feed.project != project.spec.project
        and ours.get((one.feed.kind, one.feed.id), set()) & {table.name for table in one.feed.tables}
    ]


def schemas_of(project: Project, desired: Desired, owned: Iterable[Owned]) -> set[str]:
    """Return the schemas that a plan has to look into; the journal's is not one of them."""
    schemas = {*desired.state.schemas, *desired.watched.schemas}
    schemas.update(table.schema for table, _ in desired.dormant)
    schemas.update(row.schema for row in owned if row.project == project.spec.project)
    schemas.update(one.address.name.split(".")[0] for one in desired.removed)
    return schemas - {project.spec.journal_schema}


def _without(state: State, journal: str) -> State:
    if journal not in state.schemas:
        return state
    return State(
        schemas=tuple(schema for schema in state.schemas if schema != journal),
        tables=tuple(table for table in state.tables if table.name.schema != journal),
    )


def as_found(desired: Desired, actual: State) -> Desired:
    """Leave out standard and context columns that the catalog lacks, where the connection says so."""
    if not desired.as_found:
        return desired

    def is_wanted(table: TableName, name: str, fed_by: tuple[str, ...]) -> bool:
        there = actual.find(table)
        if table not in desired.as_found or there is None or there.find(name) is not None:
            return True
        return bool(fed_by) and (table, name) not in desired.as_found_values

    def wanted(state: State) -> State:
        tables = tuple(
            dataclasses.replace(
                table,
                columns=tuple(column for column in table.columns if is_wanted(table.name, column.name, column.fed_by)),
            )
            for table in state.tables
        )
        return State(schemas=state.schemas, tables=tables)

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
    return dataclasses.replace(desired, state=wanted(desired.state), watched=wanted(desired.watched), feeds=feeds)


def carried(feed: Feed, seen: Seen, *, renamed: Renamed, now: str) -> Feed:
    """Return the feed with what the journal alone knows: columns that sync added, keys that were retired, and since
    when a cell is no longer fed.
    """
    current = {key for one in feed.declared for key in one.keys}
    gone = seen.keys.get(feed.space, frozenset()) - current
    before = prior_of(feed, seen.prior)
    if before is None:
        return dataclasses.replace(feed, retired=tuple(sorted(gone))) if gone else feed
    if before is feed and not gone:
        return feed
    if before.tables == feed.tables:
        return dataclasses.replace(feed, retired=tuple(sorted(gone)), stopped=before.stopped)
    tables = tuple(_with_added(table, feed, before, renamed) for table in feed.tables)
    stopped = {renamed.cell(cell): since for cell, since in before.stopped}
    stopped |= {renamed.cell(cell): stopped.get(renamed.cell(cell), now) for cell in fed_cells(before)}
    fed = fed_cells(dataclasses.replace(feed, tables=tables))
    return dataclasses.replace(
        feed,
        tables=tables,
        retired=tuple(sorted(gone)),
        stopped=tuple(sorted((cell, since) for cell, since in stopped.items() if cell not in fed)),
    )


def _with_added(table: FeedTable, feed: Feed, before: Feed, renamed: Renamed) -> FeedTable:
    names = {table.name, renamed.table_before(table.name)}
    old = next((one for one in before.tables if one.name in names), None)
    named = {column.name for column in table.columns}
    added = tuple(
        dataclasses.replace(column, fed=_is_fed(column, table, feed))
        for column in (old.columns if old is not None else ())
        if column.added_by_sync and column.name not in named
    )
    return dataclasses.replace(table, columns=(*table.columns, *added)) if added else table


def _is_fed(column: FeedColumn, table: FeedTable, feed: Feed) -> bool:
    """Tell whether selective sync still takes a column that sync added."""
    path = column.value.paths[0] if isinstance(column.value, AtPath) else ("", "")
    subject = "" if path[0] == "context" else f"trait.{stored_name(path[1])}"
    return takes_undeclared(feed.undeclared_rules, f"{table.name}.{column.name}", subject)


def fed_cells(feed: Feed) -> set[str]:
    """Return `schema.table.column` of every declared cell that the feed fills."""
    return {
        f"{table.name}.{column.name}"
        for table in feed.tables
        if table.fed
        for column in table.columns
        if column.fed and not column.added_by_sync
    }
