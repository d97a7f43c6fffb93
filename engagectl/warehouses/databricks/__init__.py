"""Databricks: what it is to the rest of engagectl. The connector is imported by connect()."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagectl.model.change import Change, DropColumn, Hazard
from engagectl.model.schema import State, Table, TableName
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Warehouse
from engagectl.warehouses.databricks.catalog import catalog, layouts
from engagectl.warehouses.databricks.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.databricks.newest import newest, role

_STATISTICS = 32
"""Clustering needs statistics of its columns, which Delta collects for the first 32 ("Data skipping")."""


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.databricks.connect import connect

    return connect(*args, **kwargs)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.databricks.load import make_loader

    return make_loader(connection, journal)  # type: ignore[arg-type]  # whoever asks this record connected by it


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.databricks.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.databricks.grants import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """None of its own: what is widened at all is widened in place. Which views read a table is not looked up: lineage
    is kept in another catalog, `system`, and lags.
    """
    del change, state
    return ()


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    host = str(fields.get("host") or spec.host).lower().removeprefix("https://").rstrip("/")
    return f"databricks:{host}/{str(fields.get('catalog') or spec.catalog).lower()}"


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    from engagectl.warehouses.databricks.scrub import scrub

    return scrub(connection, tables, journal)


def _unlock(connection: Connection, journal: str) -> None:
    from engagectl.warehouses.databricks.lease import SQL
    from engagectl.warehouses.lease import free

    free(connection, SQL, journal)


def _clustered(table: Table) -> tuple[str, ...]:
    """Keep rows together by when they were received; those of `users`, who are looked up one by one, by their id."""
    wanted = "id" if table.family == "users" else "received_at"
    known = [column.name for column in table.columns[:_STATISTICS]]
    return (wanted,) if wanted in known else ()


WAREHOUSE = Warehouse(
    name="databricks",
    title="Databricks",
    dialect="databricks",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=False,  # "Transactions": each statement commits; several in one are a preview, DML only
        delivery="at-least-once with idempotent merge",
        lock="lease row",  # there is no advisory lock
        case="lower",  # "Names": Unity Catalog stores names in lower case; a column is found in any
        rewrites=rewrites,
        add_many_columns=True,  # "ALTER TABLE ... COLUMN clause": ADD COLUMNS ( .. [, ..] )
        rebuilds=False,  # "Type widening": no change to another type
        writes="rows",
        tagged=True,  # QUERY_TAGS ("Query tags")
        table_options=(  # "Column mapping": RENAME and DROP of a column need it
            ("", "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"),
        ),
        layout_fixes=(DropColumn,),  # "Error conditions": DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN
        space_schema_only=True,
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
    newest=newest,
    unlock=_unlock,
    role=role,
    scrub=_scrub,
    endpoint=_endpoint,
    clustered=_clustered,
    layouts=layouts,
)
