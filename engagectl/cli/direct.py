"""A warehouse on the command line: `--warehouse postgres --host ...` where there is no project yet."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from engagectl.cli.flags import Invocation

if TYPE_CHECKING:
    from engagectl.config.project import Project

HOST = "PostgreSQL: host; what is not said comes from PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD, or ~/.pgpass."
_LIBPQ = (("host", "PGHOST"), ("port", "PGPORT"), ("database", "PGDATABASE"), ("user", "PGUSER"))
DSN_ENV = "PostgreSQL: the environment variable that holds the DSN."


def direct_project(state: Invocation, **fields: object) -> "Project | None":
    """Return a project of the one warehouse that the flags describe, None where they name none."""
    from engagectl.config.direct import one_warehouse
    from engagectl.config.regular import real_path
    from engagectl.errors import UsageError
    from engagectl.warehouses.registry import FOLDERS

    said = {name: value for name, value in fields.items() if value is not None}
    if not said and not (len(state.warehouses) == 1 and state.warehouses[0] in FOLDERS and not _is_project(state)):
        return None
    if len(state.warehouses) != 1 or state.warehouses[0] not in FOLDERS:
        raise UsageError(
            "a warehouse outside of a project needs its type",
            help=f"--warehouse {' or '.join(FOLDERS)}, with --path or --host, --database, --user",
        )
    root, type_name = real_path(Path(state.project_dir)), state.warehouses[0]
    if "dsn_env" in said:
        said["dsn"] = {"$env": said.pop("dsn_env")}
    elif type_name == "postgres":
        said = {field: {"$env": name} for field, name in _LIBPQ if name in os.environ} | said
        if "PGPASSWORD" in os.environ:
            said["auth"] = {"method": "password", "password": {"$env": "PGPASSWORD"}}
    state.warehouses = []
    return one_warehouse(
        root, type_name, said, project=re.sub(r"[^A-Za-z0-9_-]", "_", root.name).strip("_-0123456789")[:100] or "engage"
    )


def _is_project(state: Invocation) -> bool:
    """Tell whether there is a project here: then --warehouse names one of its warehouses, whatever they are called."""
    from engagectl.config.files import find_root
    from engagectl.errors import ConfigError

    try:
        find_root(Path(state.project_dir))
    except ConfigError:
        return False
    return True


def root_file(project: "Project", **fields: object) -> bytes:
    """Return the engagectl.yaml of a project that is made for the one warehouse of the flags. No secret is in it."""
    from engagectl.errors import UsageError

    type_name = next(iter(project.spec.warehouses.values())).type
    said = {name: value for name, value in fields.items() if value is not None}
    if "dsn_env" in said:
        said["dsn"] = {"$env": said.pop("dsn_env")}
    elif type_name == "postgres":
        said["auth"] = {"method": "password", "password": {"$env": "PGPASSWORD", "optional": True}}
        if not {"host", "database"} <= said.keys():
            raise UsageError(
                "a project needs --host and --database, or --dsn-env", help="libpq's variables are not kept"
            )
    lines = ["version: 1", f"project: {project.spec.project}", 'include: ["engage/**/*.yaml"]', "warehouses:"]
    lines += ["  warehouse:", f"    type: {type_name}"]
    lines += [f"    {name}: {_flow(value)}" for name, value in said.items()]
    return ("\n".join(lines) + "\n").encode()


def _flow(value: object) -> str:
    """Write a value on one line of YAML."""
    import json

    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() and value[0].isalpha():
        return value
    return json.dumps(value)
