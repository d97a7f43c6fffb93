"""What the tables of some feeds hold, read from a warehouse, beside what the reference says."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from engagectl.model import column_type as types
from engagectl.model.column_type import ColumnType
from engagectl.model.feed import Feed, Standard
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection
from tests.reference.play import Kept, Tables
from tests.reference.values import document

Rows = Counter[tuple[tuple[str, Any], ...]]


def differences(connection: Connection, feeds: Iterable[Feed], expected: Tables) -> list[str]:
    """Return a line per row that is missing, too many or different in any cell. The load stamp is nobody's data."""
    found = []
    for table, columns in _columns(feeds).items():
        is_right = Counter(_row(row, columns) for row in expected.rows.get(table, ()))
        is_there = _stored(connection, table, columns)
        found += [f"{table}: missing {_brief(row)}" for row in (is_right - is_there).elements()]
        found += [f"{table}: not expected {_brief(row)}" for row in (is_there - is_right).elements()]
    return sorted(found)


def kept(connection: Connection) -> set[Kept]:
    """Return what the quarantine holds."""
    rows = connection.query(
        "SELECT f.kind, f.id, q.message_id, q.schema_name, q.table_name, q.column_name, q.reason"
        " FROM engagectl.quarantine AS q LEFT JOIN engagectl.feeds AS f ON f.number = q.feed"
    )
    return {
        Kept(f"{kind}.{feed}" if kind else "", message, f"{schema}.{table}" if table else "", column, reason)
        for kind, feed, message, schema, table, column, reason in rows
    }


def _columns(feeds: Iterable[Feed]) -> dict[TableName, dict[str, ColumnType]]:
    """Return every table that some feed fills, with the columns that some feed fills."""
    found: dict[TableName, dict[str, ColumnType]] = {}
    for feed in feeds:
        for table in feed.tables:
            if table.fed:
                columns = found.setdefault(table.name, {})
                columns |= {c.name: c.stored for c in table.columns if c.fed and c.value != Standard("uuid_ts")}
    return found


def _stored(connection: Connection, table: TableName, columns: Mapping[str, ColumnType]) -> Rows:
    listed = ", ".join(_plain(connection, name, kind) for name, kind in columns.items())
    place = f"{_ident(table.schema)}.{_ident(table.table)}"
    rows = connection.query(f"SELECT {listed} FROM {place}")
    return Counter(_row(dict(zip(columns, row, strict=True)), columns) for row in rows)


def _plain(connection: Connection, name: str, kind: ColumnType) -> str:
    """Select a column so that both engines answer with one and the same Python value."""
    match kind:
        case types.Timestamp() if connection.version.startswith("DuckDB"):
            return f"epoch_us({_ident(name)})"
        case types.Timestamp():
            return f"CAST(extract(epoch FROM {_ident(name)}) * 1000000 AS bigint)"
        case types.Json():
            return f"CAST({_ident(name)} AS varchar)"
        case _:
            return _ident(name)


def _row(row: Mapping[str, Any], columns: Mapping[str, ColumnType]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, _same(row.get(name), kind)) for name, kind in columns.items())


def _same(value: Any, kind: ColumnType) -> Any:
    """The warehouse's own JSON type keeps neither white space, nor the order of keys, nor exponents."""
    if isinstance(kind, types.Json) and value is not None:
        return document(value)
    return (type(value).__name__, value)


def _brief(row: tuple[tuple[str, Any], ...]) -> str:
    cells = ((name, value[1] if isinstance(value, tuple) else value) for name, value in row)
    return ", ".join(f"{name}={value!r}" for name, value in cells if value is not None)


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
