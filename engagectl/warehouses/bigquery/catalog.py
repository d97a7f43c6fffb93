"""Read whole datasets of a BigQuery project into a State, from the tables API.

INFORMATION_SCHEMA lags behind a change of a schema, tables.get does not ("Modifying table schemas"); it bills 10 MB a
query and needs a job, tables.list and tables.get bill nothing ("Introduction to INFORMATION_SCHEMA", pricing).
"""

from collections.abc import Sequence
from typing import Any, cast

from engagectl.model.schema import INGESTION, Column, Layout, State, Table, TableName
from engagectl.warehouses.bigquery import views
from engagectl.warehouses.bigquery.column_types import native_type
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.contract import Connection

_DAY_MS = 86_400_000
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    """Return the datasets with all their tables and views. Names of columns are lower case: BigQuery tells no two cases
    of them apart, of datasets and tables it does.
    """
    project = cast(BigQueryConnection, connection)  # whoever asks this record connected by it
    wanted = project.datasets() if schemas is None else schemas
    names: list[TableName] = []
    found: list[str] = []
    for schema in dict.fromkeys(wanted):
        tables = project.table_names(schema)
        if tables is not None:
            found.append(schema)
            names += tables
    read = tuple(_table(name, one) for name, one in project.tables(names) if one is not None)
    return State(schemas=tuple(sorted(found)), tables=tuple(sorted(read, key=lambda one: one.name)))


def _table(name: TableName, found: Any) -> Table:
    is_table = found.table_type == "TABLE"
    return Table(
        name=name,
        columns=tuple(_column(field) for field in found.schema),
        description=found.description or None,
        rows=int(found.num_rows) if is_table and found.num_rows is not None else None,
        kind="table" if is_table else "view",  # external tables and snapshots take no rows either
        layout=layout_of(found) if is_table else None,
        view=views.read(name, found.view_query, found.labels) if found.table_type == "VIEW" else None,
    )


def layout_of(found: Any) -> Layout:
    """Return how the client's Table keeps its rows; a partition by whole numbers has the unit "range"."""
    by, ranges = found.time_partitioning, found.range_partitioning
    sort = tuple(name.translate(_LOWER) for name in found.clustering_fields or ())
    if by is None:
        partition, unit = (ranges.field, "range") if ranges is not None else ("", "day")
    else:
        partition, unit = by.field or INGESTION, str(by.type_).lower()
    expires_ms = by.expiration_ms if by is not None else None
    return Layout(
        partition=partition.translate(_LOWER),
        unit=unit,
        sort=sort,
        filter_required=bool(found.require_partition_filter),
        expires_days=int(expires_ms) // _DAY_MS if expires_ms else 0,
    )


def _column(field: Any) -> Column:
    return Column(
        name=field.name.translate(_LOWER),
        type=native_type(type_of(field)),
        description=field.description or None,
        required=field.mode == "REQUIRED",
        has_default=field.default_value_expression is not None,
    )


def type_of(field: Any) -> str:
    """Put a type together as DDL writes it: the API keeps its sizes apart, and a repeated field is an array."""
    base = str(field.field_type)
    if field.mode == "REPEATED":
        return f"ARRAY<{base}>"
    if field.max_length is not None:
        return f"{base}({int(field.max_length)})"
    if field.precision is not None:
        return f"{base}({int(field.precision)},{int(field.scale or 0)})"
    return base
