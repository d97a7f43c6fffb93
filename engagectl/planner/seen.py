"""What a warehouse holds now and what its journal remembers; what desired takes over from both."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.ownership import Owned, read_owned
from engagectl.journal.tables import exists
from engagectl.model.feed import Feed
from engagectl.model.schema import State, TableName
from engagectl.risk import prior_of
from engagectl.warehouses.contract import Connection, Warehouse


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is there now, and what the journal remembers. Empty offline."""

    actual: State = field(default_factory=State)
    applied: tuple[AppliedFeed, ...] = ()
    owned: tuple[Owned, ...] = ()
    prior: Mapping[tuple[str, str], Feed] = field(default_factory=dict)
    lacks_journal: bool = False


def look(
    project: Project,
    id_: str,
    record: Warehouse,
    desired: Desired,
    *,
    connection: Connection | None,
    base: Project | None,
) -> Seen:
    if connection is None:
        if base is None or id_ not in base.spec.warehouses:
            return Seen()
        before = build(base, id_, record)
        return Seen(actual=before.state, prior={(feed.kind, feed.id): feed for feed in before.feeds})
    journal = project.spec.journal_schema
    has_journal = exists(connection, record, journal)
    applied = read_feeds(connection, journal, project=project.spec.project) if has_journal else ()
    owned = read_owned(connection, journal) if has_journal else ()
    schemas = {*desired.state.schemas, *desired.watched.schemas}
    schemas.update(table.schema for table, _ in desired.dormant)
    schemas.update(row.schema for row in owned if row.project == project.spec.project)
    schemas.update(one.address.name.split(".")[0] for one in desired.removed)
    schemas.discard(journal)
    return Seen(
        actual=record.catalog(connection, sorted(schemas)),
        applied=applied,
        owned=owned,
        prior={(one.feed.kind, one.feed.id): one.feed for one in applied},
        lacks_journal=not has_journal,
    )


def as_found(desired: Desired, actual: State) -> Desired:
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


def carried(feed: Feed, seen: Seen) -> Feed:
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
