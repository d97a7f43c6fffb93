"""Undeclared keys that ask for a column (`on_undeclared: add_column`), or for a stop (`fail`).

A chunk that brings some is rolled back and done again: with the new columns, or without the feed. Columns, whose they
are and the applied state enter in the transaction of that chunk.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engagectl.config.project import Project
from engagectl.desired.selective_sync import takes_undeclared
from engagectl.failpoint import hit
from engagectl.journal.applied import rewrite
from engagectl.journal.names import register
from engagectl.journal.ownership import Owned, record_owned
from engagectl.model.column_type import Boolean, ColumnType, Decimal, Float, Text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody
from engagectl.model.names import fit, short_hash, stored_name
from engagectl.model.schema import Column, Table
from engagectl.sync import undeclared
from engagectl.sync.chunk import Work
from engagectl.sync.route import STANDARD_NAMES, takes
from engagectl.sync.sql.casts import strict
from engagectl.sync.sql.quoting import literal, one_of, pointer
from engagectl.sync.stage import LINES, Stage
from engagectl.warehouses.contract import Connection, Warehouse

_LEAVES = "ec_leaves"
_DEPTH = 128
_NAMED = 5
# false keeps these out of `context_columns: all` (ENGAGE.md section 9, mobile ids)
_MOBILE = frozenset(("device", name) for name in ("id", "advertisingId", "type", "adTrackingEnabled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A column that a feed's table gets. `original` is the key in the data, nested ones joined by dots."""

    number: int
    table: FeedTable
    column: FeedColumn
    original: str
    is_there: bool


class Met(Exception):  # noqa: N818  no error: the chunk is done again
    """A chunk held undeclared keys: columns to add, and feeds that they stop, each with what it met."""

    def __init__(self, additions: Sequence[Addition], failed: Mapping[Work, str]) -> None:
        super().__init__()
        self.additions = tuple(additions)
        self.failed = dict(failed)

    def extended(self, works: Sequence[Work]) -> list[Work]:
        """Return the feeds that go on, with their new columns."""
        going = [work for work in works if work not in self.failed]
        return [replace(work, feed=_extended(work.feed, self._of(work))) for work in going]

    def _of(self, work: Work) -> list[Addition]:
        return [one for one in self.additions if one.number == work.number]


def _extended(feed: Feed, additions: Sequence[Addition]) -> Feed:
    if not additions:
        return feed
    tables = (
        replace(
            table,
            columns=(*table.columns, *(one.column for one in additions if one.table.name == table.name)),
        )
        for table in feed.tables
    )
    return replace(feed, tables=tuple(tables))


@dataclass(frozen=True, slots=True)
class Extender:
    """Adds columns to the tables of one project in one warehouse."""

    project: Project
    record: Warehouse

    def meet(self, connection: Connection, stage: Stage, works: Sequence[Work]) -> None:
        """Raise Met when the messages that load hold something that stops a feed or wants a column."""
        additions: list[Addition] = []
        failed: dict[Work, str] = {}
        for work in works:
            if work.feed.kind != "connection":
                continue
            if work.feed.on_undeclared == "fail":
                if found := _forbidden(stage, work):
                    failed[work] = found
            elif work.feed.on_undeclared == "add_column":
                additions += self._additions(connection, stage, work)
        if additions or failed:
            raise Met(additions, failed)

    def make_before(self, connection: Connection, additions: Sequence[Addition]) -> None:
        """Make the columns before the chunk's transaction where DDL would commit it; elsewhere `write` does. After a
        crash between the two a column is there, of its type, and becomes ours with the next chunk that brings its key.
        """
        if self.record.capabilities.ddl_in_transaction or not additions:
            return
        actual = self.record.catalog(connection, sorted({one.table.name.schema for one in additions}))
        for one in additions:
            table = actual.find(one.table.name)
            if table is not None and one.column.name not in table.by_name:
                self._make(connection, one)

    def _make(self, connection: Connection, one: Addition) -> None:
        from engagectl.model.change import AddColumn  # most chunks bring no column: 10 ms of a sync's start
        from engagectl.render import render

        added = AddColumn(table=one.table.name, column=Column(name=one.column.name, type=one.column.stored))
        for statement in render(added, self.record):
            connection.execute(statement)
        hit("extend.column_added")

    def write(self, connection: Connection, journal: str, additions: Sequence[Addition], works: Sequence[Work]) -> None:
        """Make the columns, and record whose they are, what they stand for, and that the feeds have them."""
        for one in additions:
            if self.record.capabilities.ddl_in_transaction and not one.is_there:
                self._make(connection, one)
            register(connection, journal, one.table.name, name=one.column.name, original=one.original)
        record_owned(
            connection,
            journal,
            [
                Owned(
                    schema=one.table.name.schema,
                    table=one.table.name.table,
                    column=one.column.name,
                    origin="added_by_sync",
                    state="declared",
                    project=self.project.spec.project,
                    target=self.project.target,
                )
                for one in additions
            ],
        )
        grown = {one.number for one in additions}
        for work in works:
            if work.number in grown:
                rewrite(connection, journal, work.number, work.feed)
                hit("extend.recorded")

    def _additions(self, connection: Connection, stage: Stage, work: Work) -> Iterator[Addition]:
        actual = None
        free, _ = undeclared.unnamed(work.feed, stage.raw_keys, with_added=False)
        for table in work.feed.tables:
            if not table.fed or table.role not in ("identifies", "event", "tracks"):
                continue
            for root, sources in _roots(stage, work.feed, table, free):
                known = _paths(table)
                _leaves(stage, work, table, root, sources, free)
                found = stage.handle.execute(f"SELECT DISTINCT path FROM {_LEAVES} ORDER BY path").fetchall()
                new = [tuple(path) for (path,) in found if (root, *path) not in known]
                if not new:
                    continue
                if actual is None:
                    schemas = sorted({one.name.schema for one in work.feed.tables})
                    actual = self.record.catalog(connection, schemas)
                stored = actual.find(table.name)
                if stored is not None:
                    yield from self._named(stage, work, table, stored, root, new)

    def _named(
        self, stage: Stage, work: Work, table: FeedTable, stored: Table, root: str, paths: Sequence[tuple[str, ...]]
    ) -> Iterator[Addition]:
        limits = self.record.limits
        never = self._never(work.feed)
        mine = {column.name for column in table.columns}
        there = {column.name: column.type for column in stored.columns}
        room = limits.columns - len(there)
        for path in sorted(paths, key=lambda path: ("_".join(path) != _plain(path), path)):
            plain = f"context_{_plain(path)}" if root == "context" else _plain(path)
            original = ".".join(path if root != "context" else (root, *path)).replace("\0", "\\u0000")
            if stored_name(path[0]) in never or (root == "context" and (path in _MOBILE or path[0] == "personas")):
                continue
            if root != "context" and (plain in never or plain in STANDARD_NAMES or _is_attendant(table, plain)):
                continue
            subject = "" if root == "context" else f"trait.{stored_name(path[0])}"
            if not takes_undeclared(work.feed.undeclared_rules, f"{table.name}.{plain}", subject):
                continue
            kind = _type_of(stage, path)
            stored_type = self.record.settle(kind)
            name = fit(plain, original, identifier_bytes=limits.identifier_bytes, reserved=limits.system_columns)
            is_there = name in there and name not in mine and self.record.relate(there[name], stored_type) == "same"
            if name in mine or (name in there and not is_there):
                name = _apart(plain, original, limits.identifier_bytes)
                is_there = False
                if name in mine or name in there:
                    continue
            if not is_there:
                if room <= 0:
                    return
                room -= 1
            mine.add(name)
            yield Addition(
                number=work.number,
                table=table,
                column=FeedColumn(
                    name=name,
                    type=kind,
                    stored=stored_type,
                    value=AtPath(_values(stage, root, path)),
                    added_by_sync=True,
                ),
                original=original,
                is_there=is_there,
            )

    def _never(self, feed: Feed) -> set[str]:
        """Return the keys that are never added: retired ones, and declared ones, applied or not yet."""
        spec = self.project.spec
        said = [
            key
            for things in (spec.traits, spec.audiences)
            for id_, thing in things.items()
            if thing.space == feed.space
            for key in (thing.key or id_, *(thing.renamed_from or ()))
        ]
        return {*feed.retired, *(key for item in feed.declared for key in item.keys), *map(stored_name, said)}


def _forbidden(stage: Stage, work: Work) -> str:
    found = [
        one
        for one in undeclared.find(stage, work.number, work.feed, work.outcomes, counts_computations=False)
        if one.kind in ("trait", "property", "computation")
    ]
    named = ", ".join(f"{one.kind} {one.key!r}" for one in found[:_NAMED])
    return named + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _roots(stage: Stage, feed: Feed, table: FeedTable, free: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield where undeclared keys of a table come from, and the relation alias that holds the object; `free` are those
    of bodies.
    """
    if table.role != "tracks" and free:
        yield ("traits" if table.role == "identifies" else "properties"), "m.body"
    if feed.context_columns == "all":
        yield "context", f"json_extract(l.line, {literal(pointer(stage.shape.path(('context',))))})"


def _paths(table: FeedTable) -> set[tuple[str, ...]]:
    return {path for column in table.columns if isinstance(column.value, AtPath) for path in column.value.paths}


def _leaves(stage: Stage, work: Work, table: FeedTable, root: str, source: str, free: Sequence[str]) -> None:
    """Stage (line_no, path, v) of every value that is neither an object nor null, of messages that load."""
    run = stage.handle.execute
    keys = f"WHERE {one_of('k', free)}" if root != "context" else ""
    at = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    lines = f"JOIN {LINES} AS l ON l.line_no = m.line_no" if root == "context" else ""
    run(
        f"CREATE OR REPLACE TEMP TABLE ec_level AS SELECT line_no, [k] AS path, CAST(json_extract(o, {at}) AS VARCHAR)"
        f" AS v FROM (SELECT line_no, o, unnest(json_keys(o)) AS k FROM (SELECT m.line_no, {source} AS o FROM"
        f" (SELECT * FROM ec_routed WHERE {takes(table)}) AS m"
        f" SEMI JOIN (SELECT line_no FROM {work.outcomes} WHERE outcome = 'load') AS w ON w.line_no = m.line_no"
        f" {lines}) WHERE o IS NOT NULL AND json_type(o) = 'OBJECT') {keys}"
    )
    run(f"CREATE OR REPLACE TEMP TABLE {_LEAVES} (line_no INTEGER, path VARCHAR[], v VARCHAR)")
    for _ in range(_DEPTH):
        run(f"INSERT INTO {_LEAVES} SELECT line_no, path, v FROM ec_level WHERE v[1] <> '{{' AND v <> 'null'")
        ((objects,),) = run("SELECT count(*) FROM ec_level WHERE v[1] = '{'").fetchall()
        if not objects:
            break
        run(
            "CREATE OR REPLACE TEMP TABLE ec_level AS SELECT line_no, list_append(path, k) AS path,"
            f" CAST(json_extract(v, {at}) AS VARCHAR) AS v FROM (SELECT line_no, path, v, unnest(json_keys(v)) AS k"
            " FROM ec_level WHERE v[1] = '{')"
        )


def _type_of(stage: Stage, path: tuple[str, ...]) -> ColumnType:
    """Decide over the chunk: truth values, numbers that a decimal holds, numbers, else text."""
    wanted: tuple[ColumnType, ...] = (Boolean(), Decimal(38, 9), Float())
    tests = ", ".join(f"bool_and(({strict('v', kind)}) IS NOT NULL)" for kind in wanted)
    listed = "[" + ", ".join(map(literal, path)) + "]"
    (answers,) = stage.handle.execute(f"SELECT {tests} FROM {_LEAVES} WHERE path = {listed}").fetchall()
    return next((kind for kind, holds in zip(wanted, answers, strict=True) if holds), Text())


def _plain(path: tuple[str, ...]) -> str:
    return "_".join(stored_name(part) for part in path)


def _apart(name: str, original: str, identifier_bytes: int | None) -> str:
    """Return the name of a key whose plain name is taken: a readable prefix and the hash of the key."""
    prefix = name if identifier_bytes is None else name.encode()[: identifier_bytes - 9].decode("utf-8", "ignore")
    return f"{prefix}_{short_hash(original)}"


def _is_attendant(table: FeedTable, name: str) -> bool:
    """Tell whether a column of this name is one that every row of the table has: no key of the body takes it."""
    return any(
        column.name == name and not column.added_by_sync and not isinstance(column.value, InBody)
        for column in table.columns
    )


def _values(stage: Stage, root: str, path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    if root == "traits" and stage.shape.context_traits:
        return (("traits", *path), ("context", "traits", *path))
    return ((root, *path),)
