"""Read whole schemas of a Redshift database into a State: from pg_catalog, which the leader node answers alone.

How many rows a table has is told by SVV_TABLE_INFO, for those who may read it; it asks the compute nodes, so plan asks
it for nothing else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, Layout, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.redshift.column_types import native_type

_EVERY = (
    "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'"
    " AND nspname NOT IN ('information_schema', 'catalog_history')"
)
_MAY_COUNT = "SELECT has_table_privilege('pg_catalog.svv_table_info', 'select')"


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views. Names are lower case: Redshift folds quoted ones, too."""
    wanted = list(schemas) if schemas is not None else [str(name) for (name,) in connection.query(_EVERY)]
    if not wanted:
        return State()
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    found: dict[str, None] = {}
    for schema, table, kind, comment, owner, name, type_name, required, default, described in connection.query(
        _sql("read_catalog.sql", len(wanted)), wanted
    ):
        found[schema] = None
        if table is None:
            continue
        heads.setdefault((schema, table), (kind, comment, owner))
        if name is not None:
            columns[schema, table].append(
                Column(
                    name=name,
                    type=native_type(type_name),
                    description=described or None,
                    required=bool(required),
                    has_default=bool(default),
                )
            )
    views: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows: dict[tuple[str, str], int] = {}
    if heads:
        for schema, table, view_schema, view in connection.query(_sql("read_views.sql", len(wanted)), wanted):
            views[schema, table].append(f"{view_schema}.{view}")
        rows = _rows(connection, wanted)
    return State(
        schemas=tuple(sorted(found)),
        tables=tuple(
            Table(
                name=TableName(*key),
                columns=tuple(columns[key]),
                description=comment or None,
                rows=rows.get(key) if _text(kind) == "r" else None,
                kind="view" if _text(kind) == "v" else "table",
                database_owner=owner or "",
                dependents=tuple(views[key]),
            )
            for key, (kind, comment, owner) in sorted(heads.items())
        ),
    )


def layouts(connection: Connection, names: Sequence[TableName]) -> Mapping[TableName, Layout]:
    """Return by which columns tables are spread and sorted, from what PG_TABLE_DEF is made of: one query."""
    schemas = sorted({name.schema for name in names})
    found = {name: Layout() for name in names}
    keys = connection.query(_sql("read_keys.sql", len(schemas)), schemas) if schemas else []
    for schema, table, column, is_distkey, place in keys:
        name = TableName(str(schema), str(table))
        if name in found:
            kept = found[name]
            found[name] = Layout(
                distribute=str(column) if is_distkey else kept.distribute,
                sort=(*kept.sort, str(column)) if place else kept.sort,
            )
    return found


def _text(value: object) -> str:
    """Return a value of type "char" as text: the driver may hand over its byte."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _rows(connection: Connection, schemas: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return the rows of each table that has some: an empty one is not listed, and stays unknown."""
    if not connection.query(_MAY_COUNT)[0][0]:
        return {}
    counted = connection.query(_sql("read_rows.sql", len(schemas)), schemas)
    return {(str(schema), str(table)): int(rows) for schema, table, rows in counted if rows is not None}


@cache
def _sql(name: str, schemas: int) -> str:
    text = files("engagectl.warehouses.redshift").joinpath("sql", name).read_text(encoding="utf-8")
    return text.replace("(?)", f"({', '.join('?' * schemas)})")
