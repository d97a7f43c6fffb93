"""Two schemas of one warehouse, row by row: what two loaders made of one history. The engine does it, set-based."""

from collections.abc import Sequence
from dataclasses import dataclass

from engagectl.errors import UsageError
from engagectl.model.column_type import ColumnType, Decimal, Float, Native, Text
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Connection, Warehouse

STAMPS = ("uuid_ts", "loaded_at", "uuid")
"""Columns that every loader fills for itself: not compared unless asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table of both schemas. Rows are matched by the key, several of one key in the order of what they hold.

    `missing` are rows of the first alone, `extra` of the second alone; `unequal` are pairs that differ, `columns` how
    many of them by column. `only_first` and `only_second` are columns, not compared; `unkeyed` says that the key is not
    in both tables, or a column of it.
    """

    table: str
    rows: tuple[int, int] = (0, 0)
    missing: int = 0
    extra: int = 0
    unequal: int = 0
    columns: tuple[tuple[str, int], ...] = ()
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    unkeyed: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.missing or self.extra or self.unequal or self.unkeyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two schemas. `missing` and `extra` are tables that only the first or only the second has."""

    warehouse: str
    first: str
    second: str
    tables: tuple[Compared, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return bool(self.missing or self.extra or any(one.differs for one in self.tables))


def compare(
    connection: Connection,
    record: Warehouse,
    first: str,
    second: str,
    *,
    key: Sequence[str] = ("id",),
    ignore: Sequence[str] = STAMPS,
) -> Comparison:
    """Compare every table that both schemas have. Raises UsageError for a schema that is not there."""
    state = record.catalog(connection, (first, second))
    for schema in (first, second):
        if schema not in state.schemas:
            raise UsageError(f"there is no schema {schema} in {connection.warehouse}")
    here, there = _tables(state, first), _tables(state, second)
    return Comparison(
        warehouse=connection.warehouse,
        first=first,
        second=second,
        tables=tuple(
            _table(connection, record, here[name], there[name], key=key, ignore=ignore)
            for name in sorted(here.keys() & there.keys())
        ),
        missing=tuple(sorted(here.keys() - there.keys())),
        extra=tuple(sorted(there.keys() - here.keys())),
    )


def _tables(state: State, schema: str) -> dict[str, Table]:
    return {table.name.table: table for table in state.tables if table.name.schema == schema and table.kind == "table"}


def _table(
    connection: Connection, record: Warehouse, first: Table, second: Table, *, key: Sequence[str], ignore: Sequence[str]
) -> Compared:
    name = first.name.table
    only_first = tuple(column for column in first.by_name if column not in second.by_name)
    only_second = tuple(column for column in second.by_name if column not in first.by_name)
    if any(column not in table.by_name for column in key for table in (first, second)):
        return Compared(table=name, only_first=only_first, only_second=only_second, unkeyed=True)
    names = [column for column in first.by_name if column in second.by_name and column not in {*key, *ignore}]
    counted = connection.query(_sql(record, first, second, key=key, names=names))[0]
    here, there, missing, extra, unequal, *by_column = (int(number or 0) for number in counted)
    return Compared(
        table=name,
        rows=(here, there),
        missing=missing,
        extra=extra,
        unequal=unequal,
        columns=tuple((column, number) for column, number in zip(names, by_column, strict=True) if number),
        only_first=only_first,
        only_second=only_second,
    )


def _sql(record: Warehouse, first: Table, second: Table, *, key: Sequence[str], names: Sequence[str]) -> str:
    """Values are compared in their one text form: two loaders may store one value in two types."""
    sides = ", ".join(
        f"{alias} AS ({_side(record, table, key, names)})" for alias, table in (("a", first), ("b", second))
    )
    keys = [f"k{number}" for number in range(len(key))]
    match = " AND ".join(f"a.{column} = b.{column}" for column in (*keys, "n"))
    tests = [f"a.c{number} <> b.c{number}" for number in range(len(names))]
    paired = "a.n IS NOT NULL AND b.n IS NOT NULL"
    counts = [
        "count(a.n)",
        "count(b.n)",
        "sum(CASE WHEN b.n IS NULL THEN 1 ELSE 0 END)",
        "sum(CASE WHEN a.n IS NULL THEN 1 ELSE 0 END)",
        f"sum(CASE WHEN {paired} AND ({' OR '.join(tests) or 'FALSE'}) THEN 1 ELSE 0 END)",
        *(f"sum(CASE WHEN {paired} AND {test} THEN 1 ELSE 0 END)" for test in tests),
    ]
    return f"WITH {sides} SELECT {', '.join(counts)} FROM a FULL JOIN b ON {match}"


def _side(record: Warehouse, table: Table, key: Sequence[str], names: Sequence[str]) -> str:
    """Rows that share a key are numbered by what they hold. NULL is text of its own, so that it is compared; and no
    text ends in a blank: some engines compare without those.
    """
    texts = {name: f"COALESCE('=' || {_text(record, table.by_name[name])} || '=', '-')" for name in (*key, *names)}
    keys = [f"{texts[name]} AS k{n}" for n, name in enumerate(key)]
    cells = [f"{texts[name]} AS c{n}" for n, name in enumerate(names)]
    inner = f"SELECT {', '.join([*keys, *cells])} FROM {table_sql(record, TableName(*_pair(table)))}"
    by_key = ", ".join(f"k{n}" for n in range(len(key)))
    order = ", ".join([by_key, *(f"c{n}" for n in range(len(names)))])
    return f"SELECT *, row_number() OVER (PARTITION BY {by_key} ORDER BY {order}) AS n FROM ({inner}) AS side"


def _pair(table: Table) -> tuple[str, str]:
    return table.name.schema, table.name.table


def _text(record: Warehouse, column: Column) -> str:
    text = f"CAST({record.cast_sql(ident(record, column.name), column.type, Text())} AS VARCHAR)"
    if not _is_number(column.type):
        return text
    # 12.50 and 12.5 are one number; no pattern: engines differ in what a backslash is
    shorter = f"rtrim(rtrim({text}, '0'), '.')"
    return f"CASE WHEN {text} LIKE '%.%' AND {text} NOT LIKE '%e%' THEN {shorter} ELSE {text} END"


def _is_number(column_type: ColumnType) -> bool:
    """Tell whether a type writes one number in several forms: with more or fewer zeros at its end."""
    match column_type:
        case Decimal() | Float():
            return True
        case Native(name):
            return name.lower().startswith(("numeric", "decimal", "real", "float", "double"))
        case _:
            return False
