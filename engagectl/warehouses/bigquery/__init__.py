"""BigQuery: what it is to the rest of engagectl. The client is imported by connect()."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagectl.model.change import Change, DropColumn, Hazard, RenameColumn
from engagectl.model.schema import State, TableName
from engagectl.warehouses.bigquery.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Newest, Warehouse


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.bigquery.connect import connect

    return connect(*args, **kwargs)


def _catalog(connection: Connection, schemas: Sequence[str] | None) -> State:
    from engagectl.warehouses.bigquery.catalog import catalog

    return catalog(connection, schemas)


def _newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    from engagectl.warehouses.bigquery.newest import newest

    return newest(connection, table, place, rows=rows)


def _role(connection: Connection) -> str:
    from engagectl.warehouses.bigquery.newest import role

    return role(connection)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.bigquery.connection import BigQueryConnection
    from engagectl.warehouses.bigquery.load import make_loader

    assert isinstance(connection, BigQueryConnection)  # noqa: S101  whoever asks this record connected by it
    return make_loader(connection, journal)


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.bigquery.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.bigquery.grants import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """None of its own: what is widened at all is widened in place. Which views read a table, no metadata tells."""
    del change, state
    return ()


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    return f"bigquery:{fields.get('project') or spec.project}"


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    """Nothing can be scrubbed by a client."""
    del connection, tables, journal
    return ("BigQuery's time travel, two to seven days as its dataset says, and its fail-safe, seven days more",)


def _unlock(connection: Connection, journal: str) -> None:
    from engagectl.warehouses.bigquery.lease import SQL
    from engagectl.warehouses.lease import free

    free(connection, SQL, journal)


WAREHOUSE = Warehouse(
    name="bigquery",
    title="BigQuery",
    dialect="bigquery",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=False,  # "Multi-statement transactions": DDL on permanent objects is not supported in one
        delivery="exactly once",  # "Multi-statement transactions": DML of one transaction, with the checkpoint
        lock="lease row",  # there is no advisory lock
        case="preserved",  # "Case sensitivity": columns are not, datasets and tables are; ours are lower case
        rewrites=rewrites,
        add_many_columns=True,  # "ALTER TABLE ADD COLUMN": several in one statement; metadata updates are limited
        rebuilds=False,  # "Modifying table schemas": another type means a new table
        writes="rows",
        tagged=True,  # job labels
        table_options=(  # ids are looked up by the day of their messages, ten days to a partition
            ("seen", "PARTITION BY RANGE_BUCKET(day, GENERATE_ARRAY(0, 40000, 10))"),
        ),
        layout_fixes=(RenameColumn, DropColumn),  # "ALTER TABLE RENAME COLUMN", "DROP COLUMN": none of a layout's
        space_schema_only=True,
        comments_inline=True,  # OPTIONS (description): a statement of its own for each would meet the limit of updates
    ),
    connect=_connect,
    catalog=_catalog,
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
    newest=_newest,
    unlock=_unlock,
    role=_role,
    endpoint=_endpoint,
)
