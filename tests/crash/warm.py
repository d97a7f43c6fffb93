"""Do once in the parent what every child of a trial would do again: import the program and build its models."""

import gc
import importlib
import pkgutil
from pathlib import Path

import engagectl
from engagectl import api

_NOT_AT_WORK = ("engagectl.cli", "engagectl.show", "engagectl.__main__", "engagectl.warehouses.snowflake")


def warm(project: Path) -> None:
    """Import all that syncs and applies use, and read a project. No database is opened, so a fork stays clean."""
    for found in pkgutil.walk_packages(engagectl.__path__, "engagectl."):
        if not found.name.startswith(_NOT_AT_WORK):
            importlib.import_module(found.name)
    for name in ("nanoarrow", "psycopg", "sqlglot.dialects.duckdb", "sqlglot.dialects.postgres"):
        importlib.import_module(name)
    api.open_project(project)
    gc.collect()
    gc.freeze()  # what is shared stays shared: a collection in a child would touch, and so copy, every page
