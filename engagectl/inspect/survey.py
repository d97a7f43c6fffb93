"""Look at an existing warehouse: its catalog whole, and of each table of Engage the newest rows, a bounded number."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engagectl.errors import StatementError
from engagectl.inspect.recognise import PREFIXES, FoundSchema, FoundTable, matches, recognise, squashed
from engagectl.journal.ownership import read_owned
from engagectl.journal.tables import DEFAULT_SCHEMA
from engagectl.model.address import Address, column_address, schema_address, table_address
from engagectl.model.column_type import Boolean, ColumnType, Text, Timestamp, type_text
from engagectl.model.schema import Column, Table
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Connection, Warehouse

DEFAULT_ROWS = 100_000
_TIMES = ("received_at", "uuid_ts", "loaded_at", "timestamp")
_KEYS = ("audience_key", "trait_key", "personas_computation_key", "context_personas_computation_key")
_EVENTS = ("event_text", "event_name")
_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """What was read of one table. `whole` is False where only its newest rows were read, `refused` says why none were.

    `last_at` is RFC 3339 UTC; `empty` are columns without a value in what was read; `keys` are computations that its
    rows name, `events` the names of their events.
    """

    rows: int | None
    read: int = 0
    whole: bool = True
    last_at: str | None = None
    empty: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """A trait or audience as the columns show it. `types` are those of its columns, more than one where they differ.

    `guessed` where no row says which of both it is: then a boolean column counts as an audience.
    """

    kind: str
    key: str
    space: str
    tables: tuple[str, ...]
    types: tuple[str, ...]
    guessed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something that deserves a look: two_spellings, two_types, never_filled, no_rows, unreadable."""

    kind: str
    address: Address
    detail: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """`facts` are by table, for the tables of Engage only; `writers` say who owns each table, as far as is known."""

    warehouse: str
    type: str
    version: str
    role: str
    schemas: tuple[FoundSchema, ...]
    others: int
    facts: dict[str, TableFacts]
    owners: dict[str, str]
    computations: tuple[Computation, ...]
    oddities: tuple[Oddity, ...]
    queries: int
    rows_read: int
    patterns: tuple[str, ...] = field(default=())


def survey(
    connection: Connection,
    record: Warehouse,
    *,
    schemas: Sequence[str] = (),
    rows: int = DEFAULT_ROWS,
    journal: str = DEFAULT_SCHEMA,
) -> Survey:
    """Return what is there. Without `schemas` those of Engage: by their names, or by the columns of their tables."""
    state = record.catalog(connection, None)
    found = [one for one in recognise(state) if one.name != journal]
    if schemas:
        chosen = tuple(one for one in found if matches(one.name, schemas))
    else:
        chosen = tuple(one for one in found if one.kind != "other" or one.name.startswith(PREFIXES))
    reader = _Reader(connection, record, rows)
    facts = {
        str(one.table.name): reader.facts(one) for schema in chosen for one in schema.tables if one.role != "other"
    }
    return Survey(
        warehouse=connection.warehouse,
        type=record.name,
        version=connection.version,
        role=record.role(connection),
        schemas=chosen,
        others=len(found) - len(chosen),
        facts=facts,
        owners=_owners(connection, chosen, journal),
        computations=tuple(computations(chosen, facts)),
        oddities=tuple(_oddities(chosen, facts, warehouse=connection.warehouse)),
        queries=reader.queries + 3,  # the catalog, the role, the journal
        rows_read=sum(one.read for one in facts.values()),
        patterns=tuple(schemas),
    )


class _Reader:
    """Reads tables, newest rows first, and counts its queries."""

    def __init__(self, connection: Connection, record: Warehouse, rows: int) -> None:
        self.connection, self.record, self.rows = connection, record, rows
        self.queries = 0

    def facts(self, found: FoundTable) -> TableFacts:
        table = found.table
        if table.kind == "view":
            return TableFacts(rows=None, whole=False, refused="a view")
        try:
            return self._facts(table)
        except StatementError as error:
            return TableFacts(rows=table.rows, whole=False, refused=error.message)

    def _facts(self, table: Table) -> TableFacts:
        newest = self.record.newest(self.connection, table.name, table_sql(self.record, table.name), rows=self.rows)
        names = [column.name for column in table.columns]
        time = next((table.by_name[name] for name in _TIMES if name in table.by_name), None)
        wanted = [
            "count(*)",
            self._last(time) if time is not None else "NULL",
            *(f"count({ident(self.record, name)})" for name in names),
        ]
        counted = self.connection.query(f"SELECT {', '.join(wanted)} FROM {newest.sql} AS newest")[0]
        self.queries += 2
        read, last_at, *filled = counted
        return TableFacts(
            rows=read if newest.whole else table.rows,
            read=read,
            whole=newest.whole,
            last_at=last_at,
            empty=tuple(name for name, values in zip(names, filled, strict=True) if not values) if read else (),
            keys=self._distinct(newest.sql, [name for name in _KEYS if name in names]) if read else (),
            events=self._distinct(newest.sql, [name for name in _EVENTS if name in names]) if read else (),
        )

    def _last(self, time: Column) -> str:
        """Write the latest time in its one text form; a column of another type counts as text."""
        latest = f"max({ident(self.record, time.name)})"
        settled = self.record.settle(time.type)
        is_time = self.record.relate(settled, self.record.settle(Timestamp())) in ("same", "holds")
        return self.record.cast_sql(latest, settled, Text()) if is_time else f"CAST({latest} AS VARCHAR)"

    def _distinct(self, place: str, names: Sequence[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in names[:1]:  # they say the same, the first says it best
            column = ident(self.record, name)
            self.queries += 1
            rows = self.connection.query(
                f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {place} AS newest WHERE {column} IS NOT NULL"
                f" ORDER BY 1 LIMIT {_LISTED}"
            )
            found |= dict.fromkeys(str(row[0]) for row in rows)
        return tuple(found)


def _owners(connection: Connection, schemas: Iterable[FoundSchema], journal: str) -> dict[str, str]:
    ours = {
        f"{row.schema}.{row.table}": f"engagectl, project {row.project}"
        for row in read_owned(connection, journal)
        if not row.column
    }
    return {
        str(one.table.name): ours.get(str(one.table.name)) or one.table.database_owner
        for schema in schemas
        for one in schema.tables
    }


def computations(schemas: Iterable[FoundSchema], facts: dict[str, TableFacts]) -> Iterator[Computation]:
    """Yield each trait and audience of the classic schemas, and what storage actions name, by space and key."""
    for space, members in sorted(_by_space(schemas).items()):
        tables = [found for schema in members for found in schema.tables]
        columns: dict[str, list[tuple[FoundTable, Column]]] = defaultdict(list)
        naming: dict[str, list[FoundTable]] = defaultdict(list)
        for found in tables:
            for column in found.values:
                columns[column.name].append((found, column))
            if found.role == "activation":
                for key in facts[str(found.table.name)].keys:
                    naming[key].append(found)
        for key, places in sorted(columns.items()):
            kind, guessed = kind_of(places)
            carrying = [*(found for found, _ in places), *naming.get(key, ())]
            yield Computation(
                kind=kind,
                key=key,
                space=space,
                tables=tuple(dict.fromkeys(str(found.table.name) for found in carrying)),
                types=tuple(dict.fromkeys(type_text(column.type) for _, column in places)),
                guessed=guessed and key not in naming,
            )
        for key in sorted(naming.keys() - columns.keys()):
            steps = any({"journey_context", "journey_metadata"} & found.table.by_name.keys() for found in naming[key])
            yield Computation(
                kind="journey" if steps else "audience",
                key=key,
                space=space,
                tables=tuple(str(found.table.name) for found in naming[key]),
                types=(),
            )


def kind_of(places: Sequence[tuple[FoundTable, Column]]) -> tuple[str, bool]:
    """Tell whether a column holds an audience or a trait, and whether that is a guess: by the event tables that it is
    in, else by its type.
    """
    events = [found for found, _ in places if found.role == "event"]
    if any("trait_key" in found.table.by_name for found in events):
        return "trait", False
    if any("audience_key" in found.table.by_name for found in events):
        return "audience", False
    is_boolean = all(isinstance(column.type, Boolean) for _, column in places)
    return ("audience", True) if is_boolean else ("trait", False)


def _by_space(schemas: Iterable[FoundSchema]) -> dict[str, list[FoundSchema]]:
    found: dict[str, list[FoundSchema]] = defaultdict(list)
    for schema in schemas:
        if schema.slug:
            found[schema.slug].append(schema)
    return found


def _oddities(schemas: Iterable[FoundSchema], facts: dict[str, TableFacts], *, warehouse: str) -> Iterator[Oddity]:
    for schema in schemas:
        yield from _spellings(schema, facts, warehouse)
        yield from _types(schema, warehouse)
        for found in schema.tables:
            told = facts.get(str(found.table.name))
            if told is None:
                continue
            name = found.table.name
            address = table_address(name.schema, name.table, warehouse=warehouse)
            if told.refused:
                yield Oddity(kind="unreadable", address=address, detail=told.refused)
            elif not told.read:
                yield Oddity(kind="no_rows", address=address, detail="no row")
            for column in (column.name for column in found.values if column.name in told.empty):
                where = column_address(name.schema, name.table, column, warehouse=warehouse)
                what = (
                    f"no value in any of {told.read:,} rows"
                    if told.whole
                    else f"no value in the newest {told.read:,} rows"
                )
                yield Oddity(kind="never_filled", address=where, detail=what)


def _spellings(schema: FoundSchema, facts: dict[str, TableFacts], warehouse: str) -> Iterator[Oddity]:
    """Columns whose names differ in separators only, and keys in the rows that become one column."""
    columns = {column.name for found in schema.tables for column in found.values}
    keys = {key for found in schema.tables if found.role == "event" for key in facts[str(found.table.name)].keys}
    for names in (columns, keys):
        spelled: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            spelled[squashed(name)].append(name)
        for same in spelled.values():
            if len(same) > 1:
                yield Oddity(
                    kind="two_spellings",
                    address=schema_address(schema.name, warehouse=warehouse),
                    detail=f"{' and '.join(same)} may be one, under {len(same)} spellings",
                )


def _types(schema: FoundSchema, warehouse: str) -> Iterator[Oddity]:
    typed: dict[str, dict[ColumnType, list[str]]] = defaultdict(lambda: defaultdict(list))
    for found in schema.tables:
        for column in found.values:
            typed[column.name][column.type].append(found.table.name.table)
    for name, types in sorted(typed.items()):
        if len(types) > 1:
            told = "; ".join(f"{type_text(type_)} in {', '.join(tables)}" for type_, tables in types.items())
            yield Oddity(
                kind="two_types", address=schema_address(schema.name, warehouse=warehouse), detail=f"{name} is {told}"
            )
