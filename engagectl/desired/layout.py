"""How the tables of a warehouse are laid out when they are made: as its YAML says, else as they are mostly read."""

import dataclasses
from typing import Any

from engagectl.config.warehouse import (
    BigquerySpec,
    BigqueryTableLayoutSpec,
    DatabricksLayoutSpec,
    DatabricksSpec,
    RedshiftSpec,
    SnowflakeLayoutSpec,
    SnowflakeSpec,
)
from engagectl.errors import RefusedError
from engagectl.model.column_type import Boolean, Date, Decimal, Integer, Native, Text, Timestamp, type_text
from engagectl.model.schema import INGESTION, Column, Layout, LayoutField, State, Table, View, view_name

# Event tables are read by time; users are joined and merged by their id, so the rows of one id lie on one node.
EVENTS, USERS = Layout(sort=("received_at",)), Layout(distribute="id", sort=("id",))

CLUSTERABLE, CLUSTER_KEYS = 32, 4
"""Of Databricks: columns that have statistics ("Data skipping"), and how many may be clustered by; of BigQuery, too."""

_CLUSTERS = (Boolean, Date, Decimal, Integer, Native, Text, Timestamp)
"""By what BigQuery clusters, beside types of its own: no floats, no documents ("Create and use clustered tables")."""


def laid_out(state: State, spec: Any) -> State:
    """Return the state with a layout for each table, where the kind of warehouse has such a thing."""
    if isinstance(spec, DatabricksSpec) and spec.layout is not None:
        return _clustered(state, spec.layout)
    if isinstance(spec, SnowflakeSpec) and spec.layout is not None:
        return _keyed(state, spec.layout)
    if isinstance(spec, BigquerySpec):
        laid = (_partitioned(table, spec) for table in state.tables)
        return dataclasses.replace(state, tables=tuple(_viewed(table, spec, state) for table in laid))
    if not isinstance(spec, RedshiftSpec):
        return state
    said = spec.layout
    events = _said(said.events if said is not None else None, EVENTS)
    users = _said(said.users if said is not None else None, USERS)
    tables = (_with(table, users if table.family == "users" else events) for table in state.tables)
    return dataclasses.replace(state, tables=tuple(tables))


def _clustered(state: State, said: DatabricksLayoutSpec) -> State:
    """Lay out the tables of a kind that the YAML speaks of: by the columns that have statistics, four at most. The
    others are clustered as Databricks' folder has it.
    """
    tables = []
    for table in state.tables:
        wanted = said.users if table.family == "users" else said.events
        if wanted is not None:
            known = {column.name for column in table.columns[:CLUSTERABLE]}
            names = [name for name in wanted.cluster_by if name in known]
            table = dataclasses.replace(table, layout=Layout(sort=tuple(names[:CLUSTER_KEYS]), said=("sort",)))
        tables.append(table)
    return dataclasses.replace(state, tables=tuple(tables))


def _partitioned(table: Table, spec: BigquerySpec) -> Table:
    """Lay out a table of BigQuery: as the YAML says, and for the rest by what is mostly asked for."""
    kinds = spec.layout
    said = (kinds.users if table.family == "users" else kinds.events) if kinds is not None else None
    said = said or BigqueryTableLayoutSpec()
    fields: list[LayoutField] = []
    partition = "" if table.family == "users" else "received_at"
    if said.partition_by is not None:
        partition = "" if said.partition_by == "none" else said.partition_by
        fields.append("partition")
    by = table.find(partition)
    if by is None and partition != INGESTION:
        partition = ""
    if by is not None and not isinstance(by.type, Timestamp):
        raise _useless(table, by, "partition_by", "partitions are days of a timestamp")
    names: tuple[str, ...] = ("id",) if table.family == "users" else ("user_id",) if table.family == "classic" else ()
    if said.cluster_by is not None:
        names = said.cluster_by
        fields.append("sort")
    found = [column for column in map(table.find, names) if column is not None][:CLUSTER_KEYS]
    for column in found:
        if not isinstance(column.type, _CLUSTERS):
            raise _useless(table, column, "cluster_by", "rows are kept together by no float and no document")
    if partition and said.require_partition_filter is not None:
        fields.append("filter_required")
    if partition and said.partition_expiration_days is not None:
        fields.append("expires_days")
    layout = Layout(
        partition=partition,
        sort=tuple(column.name for column in found),
        filter_required=bool(partition and said.require_partition_filter),
        expires_days=(said.partition_expiration_days or 0) if partition else 0,
        said=tuple(fields),
    )
    return dataclasses.replace(table, layout=layout)


_LOADED = ("loaded_at", "uuid_ts", "received_at")
"""By which a row is the newest of its id: Segment's own stamp where a table has it, else ours."""


def _viewed(table: Table, spec: BigquerySpec, state: State) -> Table:
    """Give a table of events the view that Segment would make beside it."""
    newest = next((name for name in _LOADED if table.find(name) is not None), None)
    if spec.views is None or table.family == "users" or newest is None or table.find("id") is None:
        return table
    if state.find(view_name(table.name)) is not None:
        raise RefusedError(
            f"{view_name(table.name)} is declared as a table, and is the view of {table.name}",
            code="EC305",
            help="give the table another name, or leave `views` out",
        )
    partition = table.layout.partition if table.layout is not None else ""
    by = "_PARTITIONTIME" if partition == INGESTION else partition or newest
    return dataclasses.replace(table, view=View(table=table.name, days=spec.views.days, by=by, newest=newest))


def _useless(table: Table, column: Column, key: str, why: str) -> RefusedError:
    return RefusedError(
        f"{table.name}.{column.name} is {type_text(column.type)}: {why}",
        code="EC415",
        help=f"name another column in {key} of the warehouse's `layout`",
    )


def _keyed(state: State, said: SnowflakeLayoutSpec) -> State:
    """Give tables the clustering key that the YAML speaks of, as far as they have its columns."""
    tables = []
    for table in state.tables:
        wanted = said.users if table.family == "users" else said.events
        if wanted is not None:
            names = tuple(name for name in wanted.cluster_by if table.find(name))
            table = dataclasses.replace(table, layout=Layout(sort=names, said=("sort",)))
        tables.append(table)
    return dataclasses.replace(state, tables=tuple(tables))


def _said(spec: Any, default: Layout) -> Layout:
    if spec is None:
        return default
    fields: tuple[LayoutField, ...] = (*(("distribute",) if spec.distkey else ()), *(("sort",) if spec.sortkey else ()))
    return Layout(distribute=spec.distkey or "", sort=tuple(spec.sortkey), said=fields)


def _with(table: Table, wanted: Layout) -> Table:
    """Leave out what the table does not have: columns that selective sync excludes, or that are another family's."""
    layout = Layout(
        distribute=wanted.distribute if table.find(wanted.distribute) else "",
        sort=tuple(name for name in wanted.sort if table.find(name)),
        said=wanted.said,
    )
    return dataclasses.replace(table, layout=layout)
