"""How the tables of a warehouse are laid out when they are made: as its YAML says, else as they are mostly read."""

import dataclasses
from typing import Any

from engagectl.config.warehouse import (
    DatabricksLayoutSpec,
    DatabricksSpec,
    RedshiftSpec,
    SnowflakeLayoutSpec,
    SnowflakeSpec,
)
from engagectl.model.schema import Layout, State, Table

# Event tables are read by time; users are joined and merged by their id, so the rows of one id lie on one node.
EVENTS, USERS = Layout(sort=("received_at",)), Layout(distribute="id", sort=("id",))

CLUSTERABLE, CLUSTER_KEYS = 32, 4
"""Of Databricks: columns that have statistics ("Data skipping"), and how many may be clustered by."""


def laid_out(state: State, spec: Any) -> State:
    """Return the state with a layout for each table, where the kind of warehouse has such a thing."""
    if isinstance(spec, DatabricksSpec) and spec.layout is not None:
        return _clustered(state, spec.layout)
    if isinstance(spec, SnowflakeSpec) and spec.layout is not None:
        return _keyed(state, spec.layout)
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
            table = dataclasses.replace(table, layout=Layout(sort=tuple(names[:CLUSTER_KEYS])))
        tables.append(table)
    return dataclasses.replace(state, tables=tuple(tables))


def _keyed(state: State, said: SnowflakeLayoutSpec) -> State:
    """Give tables the clustering key that the YAML speaks of, as far as they have its columns."""
    tables = []
    for table in state.tables:
        wanted = said.users if table.family == "users" else said.events
        names = tuple(name for name in wanted.cluster_by if table.find(name)) if wanted is not None else ()
        tables.append(dataclasses.replace(table, layout=Layout(sort=names)) if names else table)
    return dataclasses.replace(state, tables=tuple(tables))


def _said(spec: Any, default: Layout) -> Layout:
    return default if spec is None else Layout(distribute=spec.distkey or "", sort=tuple(spec.sortkey))


def _with(table: Table, wanted: Layout) -> Table:
    """Leave out what the table does not have: columns that selective sync excludes, or that are another family's."""
    layout = Layout(
        distribute=wanted.distribute if table.find(wanted.distribute) else "",
        sort=tuple(name for name in wanted.sort if table.find(name)),
    )
    return dataclasses.replace(table, layout=layout)
