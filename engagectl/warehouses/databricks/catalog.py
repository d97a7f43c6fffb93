"""Read whole schemas of a catalog of Unity Catalog into a State: two queries of its information_schema."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, Layout, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.databricks.column_types import native_type
from engagectl.warehouses.databricks.connect import DatabricksConnection

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


def layouts(connection: Connection, names: Sequence[TableName]) -> Mapping[TableName, Layout]:
    """Return by which columns tables are clustered: only DESCRIBE DETAIL tells. One that is partitioned, which excludes
    clustering, or that Databricks clusters as it sees fit ("Automatic liquid clustering"), is left out.
    """
    assert isinstance(connection, DatabricksConnection)  # noqa: S101  whoever asks this record connected by it
    found = {}
    for name in names:
        detail = connection.detail(name)
        is_auto = "clusterByAuto" in str(detail.get("properties"))
        if not is_auto and not _listed(detail.get("partitioncolumns")):
            found[name] = Layout(sort=tuple(_listed(detail.get("clusteringcolumns"))))
    return found


def _listed(value: Any) -> list[str]:
    """Return the texts of an array, which the connector gives as such or as JSON."""
    texts = json.loads(value) if isinstance(value, str) else value if value is not None else ()
    return [str(one).lower() for one in texts]


@cache
def _sql(name: str, schemas: int) -> str:
    text = files("engagectl.warehouses.databricks").joinpath("sql", name).read_text(encoding="utf-8")
    return text.replace("(?)", f"({', '.join('?' * schemas)})")
