"""Read whole schemas of a DuckDB database into a State."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.duckdb.column_types import native_type

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views. Names are lower case: DuckDB tells no two cases apart."""
    wanted = None if schemas is None else {neutral(schema) for schema in schemas}
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    found: list[str] = []
    for schema, table, kind, comment, rows, name, type_name, nullable, default, described in connection.query(
        _sql("read_catalog.sql")
    ):
        neutral_schema = neutral(schema)
        if wanted is not None and neutral_schema not in wanted:
            continue
        found.append(neutral_schema)
        if table is None:
            continue
        key = (neutral_schema, neutral(table))
        if key not in heads:
            heads[key] = (kind, comment, rows)
        columns[key].append(
            Column(
                name=neutral(name),
                type=native_type(type_name),
                description=described or None,
                required=not nullable,
                has_default=default is not None,
            )
        )
    views = _dependents(connection)
    return State(
        schemas=tuple(sorted(set(found))),
        tables=tuple(
            Table(
                name=TableName(*key),
                columns=tuple(columns[key]),
                description=comment or None,
                rows=rows,
                kind="view" if kind == "view" else "table",
                dependents=views.get(key, ()),
            )
            for key, (kind, comment, rows) in sorted(heads.items())
        ),
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
