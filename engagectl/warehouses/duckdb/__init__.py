"""DuckDB: one file, one writer. The record of its facts and parts; the driver is imported by connect()."""

import posixpath
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagectl.model.change import (
    Change,
    DropColumn,
    DropTable,
    Hazard,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    WidenColumn,
)
from engagectl.model.schema import State, TableName
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Warehouse
from engagectl.warehouses.duckdb.catalog import catalog
from engagectl.warehouses.duckdb.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.duckdb.newest import newest, role


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.duckdb.connect import connect

    return connect(*args, **kwargs)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.duckdb.connect import DuckdbConnection
    from engagectl.warehouses.duckdb.load import make_loader

    assert isinstance(connection, DuckdbConnection)  # noqa: S101  whoever asks this record for a loader connected by it
    return make_loader(connection, journal)


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.duckdb.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.duckdb.doctor import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """DuckDB changes a table under a view without a word; the view breaks when it is next read."""
    match change:
        case WidenColumn(table=name) | RebuildColumn(table=name) | RenameColumn(table=name) | DropColumn(table=name):
            table = state.find(name)
        case RenameTable(before=name) | DropTable(table=name):
            table = state.find(name)
        case _:
            return ()
    found: list[Hazard] = ["DEPENDENT_VIEW"] if table is not None and table.dependents else []
    if isinstance(change, WidenColumn):
        found.append("TABLE_REWRITE")
    return tuple(found)


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    return "duckdb:" + posixpath.normpath(fields.get("path", str(spec.path)))


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    from engagectl.warehouses.duckdb.scrub import scrub

    return scrub(connection, tables, journal)


WAREHOUSE = Warehouse(
    name="duckdb",
    title="DuckDB",
    dialect="duckdb",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=True,  # several ALTERs in one transaction roll back together (tried, 2.0.0)
        delivery="exactly once",
        lock="file lock",
        case="preserved",
        rewrites=rewrites,
        add_many_columns=False,  # one action per ALTER TABLE
        rebuilds=True,
        writes="rows",
        tagged=False,
    ),
    connect=_connect,
    catalog=catalog,
    settle=settle,
    relate=relate,
    type_sql=type_sql,
    cast_sql=cast_sql,
    misfit_sql=misfit_sql,
    hazards=_hazards,
    loader=_loader,
    doctor=_doctor,
    grants=_grants,
    native_type=native_type,
    scrub=_scrub,
    newest=newest,
    unlock=None,
    role=role,
    endpoint=_endpoint,
)
