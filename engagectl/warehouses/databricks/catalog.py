"""Read whole schemas of a catalog of Unity Catalog into a State: two queries of its information_schema."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.databricks.column_types import native_type

_EVERY = "SELECT schema_name FROM information_schema.schemata WHERE schema_name <> 'information_schema'"
_VIEWS = ("VIEW", "MATERIALIZED_VIEW", "METRIC_VIEW")


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views. Unity Catalog keeps their names in small letters; a column
    keeps its letters, and is the same in any ("Identifiers"). Rows are counted nowhere that is free to read.
    """
    asked = [name.lower() for name in schemas or ()]
    if schemas is None:
        asked = [str(name) for (name,) in connection.query(_EVERY)]
    if not asked:
        return State()
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    found: dict[str, None] = {}
    for schema, table, *more in connection.query(_sql("read_tables.sql", len(asked)), (*asked, *asked)):
        found[schema] = None
        if table is not None:
            heads[schema, table] = tuple(more)
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for schema, table, name, type_text, nullable, default, comment in (
        connection.query(_sql("read_columns.sql", len(asked)), asked) if heads else ()
    ):
        columns[schema, table].append(
            Column(
                name=name.lower(),
                type=native_type(type_text),
                description=comment or None,
                required=nullable == "NO",
                has_default=default is not None,
            )
        )
    tables = (
        Table(
            name=TableName(*key),
            columns=tuple(columns[key]),
            description=comment or None,
            kind="view" if kind in _VIEWS else "table",
            database_owner=owner or "",
        )
        for key, (kind, comment, owner) in heads.items()
    )
    return State(schemas=tuple(sorted(found)), tables=tuple(sorted(tables, key=lambda one: one.name)))


@cache
def _sql(name: str, schemas: int) -> str:
    text = files("engagectl.warehouses.databricks").joinpath("sql", name).read_text(encoding="utf-8")
    return text.replace("(?)", f"({', '.join('?' * schemas)})")
