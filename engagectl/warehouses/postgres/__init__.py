"""PostgreSQL. The record of its facts and parts; the driver is imported by connect()."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from engagectl.model.change import Change, DropColumn, DropTable, Hazard, RebuildColumn, WidenColumn
from engagectl.model.schema import State, TableName
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Warehouse
from engagectl.warehouses.postgres.catalog import catalog
from engagectl.warehouses.postgres.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.postgres.newest import newest, role


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.postgres.connect import connect

    return connect(*args, **kwargs)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.postgres.connect import PostgresConnection
    from engagectl.warehouses.postgres.load import make_loader

    assert isinstance(connection, PostgresConnection)  # noqa: S101  whoever asks this record for a loader connected by it
    return make_loader(connection, journal)


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.postgres.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.postgres.grants import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """PostgreSQL refuses to drop or retype what a view reads; a rename takes its views along."""
    match change:
        case WidenColumn(table=name) | RebuildColumn(table=name) | DropColumn(table=name) | DropTable(table=name):
            table = state.find(name)
        case _:
            return ()
    found: list[Hazard] = ["DEPENDENT_VIEW"] if table is not None and table.dependents else []
    if isinstance(change, WidenColumn) and rewrites(change.before.type, change.column.type):
        found.append("TABLE_REWRITE")
    return tuple(found)


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    """Return host, port and database; those of a dsn where that is how the server is named."""
    dsn = fields.get("dsn", "")
    if "://" in dsn:
        parts = urlsplit(dsn)
        said = {"host": parts.hostname or "", "port": str(parts.port or 5432), "database": parts.path.lstrip("/")}
    else:
        words = dict(word.split("=", 1) for word in dsn.split() if "=" in word)
        said = {"host": words.get("host", ""), "port": words.get("port", ""), "database": words.get("dbname", "")}
    found = {
        name: str(fields.get(name) or said.get(name) or getattr(spec, name, None) or "")
        for name in ("host", "port", "database")
    }
    return f"postgres:{found['host'].lower() or 'localhost'}:{found['port'] or 5432}/{found['database']}"


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    from engagectl.warehouses.postgres.scrub import scrub

    return scrub(connection, tables, journal)


WAREHOUSE = Warehouse(
    name="postgres",
    title="PostgreSQL",
    dialect="postgres",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=True,
        delivery="exactly once",
        lock="advisory lock",
        case="lower",
        rewrites=rewrites,
        add_many_columns=True,
        rebuilds=True,
        writes="rows",
        tagged=True,
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
