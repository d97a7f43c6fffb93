"""Read whole schemas of a Snowflake database into a State: two queries of its INFORMATION_SCHEMA.

SHOW would need no compute warehouse, but stops at 10,000 rows without a word ("SHOW COLUMNS", usage notes); and the
journal, which plan reads beside the catalog, needs the compute warehouse anyway.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, Layout, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.letters import turned
from engagectl.warehouses.snowflake.column_types import native_type
from engagectl.warehouses.words import quoted

_NAME = r'[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")*"'
_NAMES = re.compile(rf"(?:{_NAME})(?: *, *(?:{_NAME}))*")
_EVERY = "SELECT schema_name FROM information_schema.schemata WHERE schema_name <> 'INFORMATION_SCHEMA'"


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views, under neutral names."""
    stored = [turned(name) for name in schemas or ()]
    if schemas is None:
        stored = [str(name) for (name,) in connection.query(_EVERY)]
    if not stored:
        return State()
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    found: dict[str, None] = {}
    for schema, table, *more in connection.query(_sql("read_tables.sql", len(stored)), (*stored, *stored)):
        found[schema] = None
        if table is not None:
            heads[schema, table] = tuple(more)
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for schema, table, name, *facts in connection.query(_sql("read_columns.sql", len(stored)), stored) if heads else ():
        type_name, length, precision, scale, nullable, default, comment = facts
        columns[schema, table].append(
            Column(
                name=turned(name),
                type=native_type(_type_text(type_name, length, precision, scale)),
                description=comment or None,
                required=nullable == "NO",
                has_default=default is not None,
            )
        )
    tables = (
        Table(
            name=TableName(turned(key[0]), turned(key[1])),
            columns=tuple(columns[key]),
            description=comment or None,
            rows=int(rows) if rows is not None and "VIEW" not in kind else None,
            kind="view" if "VIEW" in kind else "table",
            database_owner=owner or "",
        )
        for key, (kind, comment, rows, owner) in heads.items()
    )
    return State(schemas=tuple(sorted(map(turned, found))), tables=tuple(sorted(tables, key=lambda one: one.name)))


def layouts(connection: Connection, names: Sequence[TableName]) -> Mapping[TableName, Layout]:
    """Return the clustering keys of tables: SHOW TABLES tells them, a statement a schema ("SHOW TABLES", cluster_by).
    One that is no list of columns is left out, as are tables beyond the 10,000 that it shows.
    """
    found: dict[TableName, Layout] = {}
    for schema in sorted({name.schema for name in names}):
        for row in connection.query(f"SHOW TABLES IN SCHEMA {quoted(turned(schema))}"):
            name, key = TableName(schema, turned(str(row[1]))), _key(str(row[6] or ""))
            if name in names and key is not None:
                found[name] = Layout(sort=key)
    return found


def _key(text: str) -> tuple[str, ...] | None:
    """Return the columns of a clustering key, as SHOW writes it: LINEAR(A, "b"). None where it has an expression."""
    listed = text.strip().removeprefix("LINEAR").removeprefix("(").removesuffix(")")
    if not listed:
        return ()
    if not _NAMES.fullmatch(listed):
        return None
    parts = re.findall(_NAME, listed)
    return tuple(turned(one[1:-1].replace('""', '"') if one.startswith('"') else one.upper()) for one in parts)


def _type_text(name: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """Put a type together as DDL writes it: the catalog keeps its sizes apart."""
    if length is not None:
        return f"{name}({int(length)})"
    if name == "NUMBER" and precision is not None:
        return f"{name}({int(precision)},{int(scale or 0)})"
    return name


@cache
def _sql(name: str, schemas: int) -> str:
    text = files("engagectl.warehouses.snowflake").joinpath("sql", name).read_text(encoding="utf-8")
    return text.replace("(?)", f"({', '.join('?' * schemas)})")
