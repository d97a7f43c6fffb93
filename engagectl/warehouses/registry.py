"""Which warehouses there are: name -> folder, imported when it is asked for."""

from importlib import import_module
from typing import cast

from engagectl.errors import RefusedError
from engagectl.warehouses.contract import Warehouse

FOLDERS = {
    "duckdb": "engagectl.warehouses.duckdb",
    "postgres": "engagectl.warehouses.postgres",
    "redshift": "engagectl.warehouses.redshift",
    "bigquery": "engagectl.warehouses.bigquery",
    "snowflake": "engagectl.warehouses.snowflake",
    "databricks": "engagectl.warehouses.databricks",
}


def warehouse(type_name: str) -> Warehouse:
    """Return the record of a warehouse type. Raises RefusedError for one that is described but cannot connect yet."""
    folder = FOLDERS.get(type_name)
    if folder is None:
        raise RefusedError(
            f"engagectl cannot connect to {type_name} yet; it checks its YAML only",
            code="EC503",
            help=f"warehouses that connect: {', '.join(FOLDERS)}",
        )
    return cast(Warehouse, import_module(folder).WAREHOUSE)
