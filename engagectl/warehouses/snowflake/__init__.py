"""Snowflake: what it is to the rest of engagectl. The connector is imported by connect()."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagectl.model.change import Change, DropColumn, Hazard
from engagectl.model.schema import State, TableName
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Warehouse
from engagectl.warehouses.landing import Landing, Source
from engagectl.warehouses.snowflake.catalog import catalog, layouts
from engagectl.warehouses.snowflake.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.snowflake.newest import newest, role


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.snowflake.connect import connect

    return connect(*args, **kwargs)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.snowflake.connect import SnowflakeConnection
    from engagectl.warehouses.snowflake.load import make_loader

    assert isinstance(connection, SnowflakeConnection)  # noqa: S101  whoever asks this record connected by it
    return make_loader(connection, journal)


def _landing(connection: Connection, loader: Loader, sources: Sequence[Source]) -> Landing:
    from engagectl.warehouses.snowflake.connect import SnowflakeConnection
    from engagectl.warehouses.snowflake.landing import SnowflakeLanding
    from engagectl.warehouses.snowflake.load import SnowflakeLoader

    assert isinstance(connection, SnowflakeConnection)  # noqa: S101  whoever asks this record connected by it
    assert isinstance(loader, SnowflakeLoader)  # noqa: S101  and loads by it
    return SnowflakeLanding(connection, loader, sources)


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.snowflake.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.snowflake.grants import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """None of its own: what is widened at all is widened in place. Which views read a table is not looked up:
    ACCOUNT_USAGE.OBJECT_DEPENDENCIES lags by hours.
    """
    del change, state
    return ()


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    account = str(fields.get("account") or spec.account).lower()
    return f"snowflake:{account}/{str(fields.get('database') or spec.database).upper()}"


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    """Nothing can be scrubbed by a client."""
    del connection, tables, journal
    return ("Snowflake's Time Travel, as long as each table keeps it, and Fail-safe, seven days more",)


def _unlock(connection: Connection, journal: str) -> None:
    from engagectl.warehouses.lease import free
    from engagectl.warehouses.snowflake.lease import SQL

    free(connection, SQL, journal)


WAREHOUSE = Warehouse(
    name="snowflake",
    title="Snowflake",
    dialect="snowflake",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=False,  # "Transactions": a DDL statement commits what is open, and then itself
        delivery="exactly once",  # "Transactions": rows, dedupe and checkpoint are DML of one
        lock="lease row",  # there is no advisory lock
        case="upper",  # "Identifier requirements": unquoted names are stored and resolved in upper case
        rewrites=rewrites,
        add_many_columns=False,  # "ALTER TABLE": ADD COLUMN IF NOT EXISTS names one column
        rebuilds=False,  # "ALTER TABLE ... ALTER COLUMN": no change to another type
        writes="rows",
        tagged=True,  # QUERY_TAG
        layout_fixes=(DropColumn,),  # a column of the clustering key is not dropped: the key is, before
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
    landing=_landing,
    doctor=_doctor,
    grants=_grants,
    native_type=native_type,
    scrub=_scrub,
    newest=newest,
    unlock=_unlock,
    role=role,
    endpoint=_endpoint,
    layouts=layouts,
)
