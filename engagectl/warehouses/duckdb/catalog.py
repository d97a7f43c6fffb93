"""Read whole schemas of a DuckDB database into a State."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from operator import itemgetter
from typing import Any

from engagectl.model.schema import Column, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.duckdb.column_types import native_type

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views. Names are lower case: DuckDB tells no two cases apart."""
    wanted = None if schemas is None else {neutral(schema) for schema in schemas}
    columns: dict[tuple[str, str], list[tuple[int, Column]]] = defaultdict(list)

    def keep(schema: str, table: str, position: int, *column: Any) -> None:
        if wanted is None or neutral(schema) in wanted:
            columns[neutral(schema), neutral(table)].append((position, _column(*column)))

    connection.query_as(keep, _sql("read_columns.sql"))
    views = _dependents(connection)
    tables: dict[tuple[str, str], Table] = {}
    found: set[str] = set()
    for schema, table, kind, comment, rows in connection.query(_sql("read_relations.sql")):
        if wanted is not None and neutral(schema) not in wanted:
            continue
        found.add(neutral(schema))
        if table is None:
            continue
        key = (neutral(schema), neutral(table))
        tables[key] = Table(
            name=TableName(*key),
            columns=tuple(column for _, column in sorted(columns.pop(key, ()), key=itemgetter(0))),
            description=comment or None,
            rows=rows,
            kind="view" if kind == "view" else "table",
            dependents=views.get(key, ()),
        )
    return State(schemas=tuple(sorted(found)), tables=tuple(table for _, table in sorted(tables.items())))


@lru_cache(maxsize=65_536)
def _column(name: str, type_name: str, nullable: bool, has_default: bool, comment: str | None) -> Column:
    """Return one value for equal columns: tables of one family have most of theirs in common."""
    return Column(
        name=neutral(name),
        type=native_type(type_name),
        description=comment or None,
        required=not nullable,
        has_default=has_default,
    )


@lru_cache(maxsize=65_536)
def neutral(name: str) -> str:
    """Return the name as YAML, plan and journal write it. DuckDB folds the letters of ASCII only."""
    return name.translate(_LOWER)


def _dependents(connection: Connection) -> dict[tuple[str, str], tuple[str, ...]]:
    """Map each table to the views that read it. DuckDB keeps no such list: their definitions are parsed."""
    views = connection.query(_sql("read_views.sql"))
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for schema, view, definition in views:
        for table in _tables_in(definition or "", default_schema=schema):
            if table != (neutral(schema), neutral(view)):
                found[table].add(f"{neutral(schema)}.{neutral(view)}")
    return {key: tuple(sorted(names)) for key, names in found.items()}


def _tables_in(definition: str, *, default_schema: str) -> Iterable[tuple[str, str]]:
    import sqlglot
    from sqlglot import errors, exp

    try:
        parsed = sqlglot.parse_one(definition, dialect="duckdb")
    except errors.SqlglotError:
        return ()
    return {(neutral(table.db or default_schema), neutral(table.name)) for table in parsed.find_all(exp.Table)}


@cache
def _sql(name: str) -> str:
    return files("engagectl.warehouses.duckdb").joinpath("sql", name).read_text(encoding="utf-8")
