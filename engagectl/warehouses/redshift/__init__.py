"""Amazon Redshift: what it is to the rest of engagectl. The driver is imported by connect()."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagectl.model.change import Change, DropColumn, DropTable, Hazard, RebuildColumn, WidenColumn
from engagectl.model.schema import State, TableName
from engagectl.warehouses.contract import NO_NEEDS, Capabilities, Check, Connection, Loader, Needs, Warehouse
from engagectl.warehouses.redshift.address import PORT
from engagectl.warehouses.redshift.catalog import catalog, layouts
from engagectl.warehouses.redshift.column_types import (
    LIMITS,
    cast_sql,
    misfit_sql,
    native_type,
    relate,
    rewrites,
    settle,
    type_sql,
)
from engagectl.warehouses.redshift.newest import newest, role


def _connect(*args: Any, **kwargs: Any) -> Connection:
    from engagectl.warehouses.redshift.connect import connect

    return connect(*args, **kwargs)


def _loader(connection: Connection, journal: str) -> Loader:
    from engagectl.warehouses.redshift.connect import RedshiftConnection
    from engagectl.warehouses.redshift.load import make_loader

    assert isinstance(connection, RedshiftConnection)  # noqa: S101  whoever asks this record for a loader connected by it
    return make_loader(connection, journal)


def _doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    from engagectl.warehouses.redshift.doctor import doctor

    return doctor(connection, journal, needs, now)


def _grants(database: str, journal: str, form: str) -> str:
    from engagectl.warehouses.redshift.grants import grants

    return grants(database, journal, form)


def _hazards(change: Change, state: State) -> tuple[Hazard, ...]:
    """Redshift refuses to drop what a view reads, unless the view is bound late: those are not known to its catalog."""
    match change:
        case WidenColumn(table=name) | RebuildColumn(table=name) | DropColumn(table=name) | DropTable(table=name):
            table = state.find(name)
        case _:
            return ()
    found: list[Hazard] = ["DEPENDENT_VIEW"] if table is not None and table.dependents else []
    if isinstance(change, RebuildColumn):
        found.append("TABLE_REWRITE")
    return tuple(found)


def _endpoint(spec: Any, fields: Mapping[str, str]) -> str:
    """Return host, port and database, or the cluster or workgroup in their place."""
    from engagectl.warehouses.redshift.address import said_fields

    said = said_fields(spec, fields)
    server = said.get("host") or said.get("workgroup") or said.get("cluster") or ""
    return f"redshift:{server.lower()}:{said.get('port') or PORT}/{said.get('database', '')}"


def _unlock(connection: Connection, journal: str) -> None:
    from engagectl.warehouses.lease import free
    from engagectl.warehouses.redshift.lease import SQL

    free(connection, SQL, journal)


def _scrub(connection: Any, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    from engagectl.warehouses.redshift.scrub import scrub

    return scrub(connection, tables, journal)


WAREHOUSE = Warehouse(
    name="redshift",
    title="Redshift",
    dialect="redshift",
    limits=LIMITS,
    capabilities=Capabilities(
        ddl_in_transaction=True,  # "Serializable isolation": all but what the pages of commands except
        outside_transaction=(WidenColumn,),  # "ALTER TABLE": ALTER COLUMN TYPE is in no transaction block
        delivery="exactly once",
        lock="lease row",  # there is no advisory lock, and LOCK ends with its transaction
        case="lower",  # "Names and identifiers": quoted names are folded, too
        rewrites=rewrites,
        add_many_columns=False,  # "ALTER TABLE": one ADD COLUMN a statement
        rebuilds=True,
        rebuilds_beside=True,  # "ALTER TABLE": ALTER COLUMN TYPE is for the size of a VARCHAR alone
        writes="rows",
        tagged=True,  # application_name and query_group
        layout_fixes=(DropColumn,),  # "ALTER TABLE": DROP COLUMN takes neither the DISTKEY nor a SORTKEY
        layout_in_place=False,  # the same page: ALTER DISTKEY and SORTKEY write every row again
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
    scrub=_scrub,
    newest=newest,
    unlock=_unlock,
    role=role,
    endpoint=_endpoint,
    layouts=layouts,
)
