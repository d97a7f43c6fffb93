"""A warehouse on the command line: `--warehouse postgres --host ...` where there is no project yet."""

from pathlib import Path
from typing import TYPE_CHECKING

from engagectl.cli.flags import Invocation
from engagectl.errors import UsageError

if TYPE_CHECKING:
    from engagectl.config.project import Project

HOST = "PostgreSQL: host; what is not said is libpq's own (PGHOST, PGPASSWORD, ~/.pgpass)."
DSN_ENV = "PostgreSQL: the environment variable that holds the DSN."


def direct_project(state: Invocation, **fields: object) -> "Project | None":
    """Return a project of the one warehouse that the flags describe, None where they name none."""
    from engagectl.config.direct import one_warehouse
    from engagectl.warehouses.registry import FOLDERS

    said = {name: value for name, value in fields.items() if value is not None}
    if not said and not (len(state.warehouses) == 1 and state.warehouses[0] in FOLDERS):
        return None
    if len(state.warehouses) != 1 or state.warehouses[0] not in FOLDERS:
        raise UsageError(
            "a warehouse outside of a project needs its type",
            help=f"--warehouse {' or '.join(FOLDERS)}, with --path or --host, --database, --user",
        )
    root, type_name = Path(state.project_dir).resolve(), state.warehouses[0]
    if "dsn_env" in said:
        said["dsn"] = {"$env": said.pop("dsn_env")}
    state.warehouses = []
    return one_warehouse(root, type_name, said)
