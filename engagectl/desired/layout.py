"""How the tables of a warehouse are laid out when they are made: as its YAML says, else as they are mostly read."""

import dataclasses
from typing import Any

from engagectl.config.warehouse import RedshiftSpec
from engagectl.model.schema import Layout, State, Table

# Event tables are read by time; users are joined and merged by their id, so the rows of one id lie on one node.
EVENTS, USERS = Layout(sort=("received_at",)), Layout(distribute="id", sort=("id",))


def laid_out(state: State, spec: Any) -> State:
    """Return the state with a layout for each table, where the kind of warehouse has such a thing."""
    if not isinstance(spec, RedshiftSpec):
        return state
    said = spec.layout
    events = _said(said.events if said is not None else None, EVENTS)
    users = _said(said.users if said is not None else None, USERS)
    tables = (_with(table, users if table.family == "users" else events) for table in state.tables)
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
