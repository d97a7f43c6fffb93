"""Read whole schemas of a PostgreSQL database into a State."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from engagectl.model.schema import Column, State, Table, TableName
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.postgres.column_types import native_type


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the schemas with all their tables and views, names as they are: quoted, PostgreSQL tells cases apart."""
    parameters = (list(schemas or ()), schemas is None)
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    heads: dict[tuple[str, str], tuple[Any, ...]] = {}
    found: dict[str, None] = {}
    for schema, table, kind, comment, rows, owner, name, type_name, required, default, described in connection.query(
        _sql("read_catalog.sql"), parameters
    ):
        found[schema] = None
        if table is None:
            continue
        heads.setdefault((schema, table), (kind, comment, rows, owner))
        if name is not None:
            columns[schema, table].append(
                Column(
                    name=name,
                    type=native_type(type_name),
                    description=described or None,
                    required=required,
                    has_default=default,
                )
            )
    views: dict[tuple[str, str], list[str]] = defaultdict(list)
    for schema, table, view_schema, view in connection.query(_sql("read_views.sql"), parameters) if heads else ():
        views[schema, table].append(f"{view_schema}.{view}")
    return State(
        schemas=tuple(sorted(found)),
        tables=tuple(
            Table(
                name=TableName(*key),
                columns=tuple(columns[key]),
                description=comment or None,
                rows=int(rows) if rows >= 0 and kind in ("r", "p", "m") else None,  # -1: never analysed
                kind="view" if kind in ("v", "m") else "table",
                database_owner=owner,
                dependents=tuple(views[key]),
            )
            for key, (kind, comment, rows, owner) in sorted(heads.items())
        ),
    )


@cache
def _sql(name: str) -> str:
    return files("engagectl.warehouses.postgres").joinpath("sql", name).read_text(encoding="utf-8")
