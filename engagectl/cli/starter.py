"""Copy a project template of the package into a folder. What is there already is never overwritten."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from engagectl.errors import InternalError, UsageError

if TYPE_CHECKING:
    from engagectl.edit.draft import Draft

ROOT = "engagectl.yaml"
_INPUTS = 'inputs:\n  engage_events:\n    files: ["data/engage/*.jsonl"]\n'
_DUCKDB = "  local:\n    type: duckdb\n    path: ./build/acme.duckdb\n"
_DSN = "    dsn: {$env: ENGAGE_DATABASE_URL}    # postgresql://user:password@host:port/database\n"
WAREHOUSES = {  # type -> the connection fields to begin with; secrets are references
    "duckdb": "    path: ./build/acme.duckdb\n",
    "postgres": _DSN,
    "redshift": (
        "    host: my-cluster.abc123.eu-west-1.redshift.amazonaws.com\n    database: cdp\n"
        "    auth: {method: password, user: engagectl, password: {$env: REDSHIFT_PASSWORD}}\n"
    ),
    "snowflake": (
        "    account: my-account\n    database: CDP\n    compute_warehouse: LOAD_WH\n    role: ENGAGE_LOADER\n"
        "    auth:\n      method: key_pair\n      user: {$env: SNOWFLAKE_USER}\n"
        "      private_key: {$env: SNOWFLAKE_PRIVATE_KEY}\n"
    ),
    "bigquery": (
        "    project: my-project\n    location: EU\n"
        "    auth: {method: service_account, json: {$file: /run/secrets/bigquery.json}}\n"
    ),
    "databricks": (
        "    host: my-workspace.cloud.databricks.com\n    http_path: /sql/1.0/warehouses/my-warehouse\n"
        "    catalog: main\n    auth: {method: token, token: {$env: DATABRICKS_TOKEN}}\n"
    ),
}


def templates() -> tuple[str, ...]:
    """Return the names of the templates that ship."""
    return tuple(
        sorted(one.name for one in resources.files("engagectl").joinpath("templates").iterdir() if one.is_dir())
    )


def make_project(
    directory: Path, template: str, *, warehouse: str = "duckdb"
) -> tuple[tuple[PurePosixPath, ...], tuple[PurePosixPath, ...]]:
    """Return (files made, files kept because they were there), relative to the folder."""
    if template not in templates():
        raise UsageError(f"no template {template!r}", help=f"templates: {', '.join(templates())}")
    files = {}
    for name, source in _files(resources.files("engagectl").joinpath("templates", template), PurePosixPath()):
        files[name] = source.read_bytes()
        if name.name == ROOT:
            files[name] = _on(files[name].decode("utf-8"), template, warehouse).encode("utf-8")
    return _write(directory, files)


def make_drafted(
    directory: Path, draft: "Draft", *, warehouse: str = "duckdb"
) -> tuple[tuple[PurePosixPath, ...], tuple[PurePosixPath, ...]]:
    """Return (files made, files kept): a project that loads what files of messages hold."""
    root = resources.files("engagectl").joinpath("templates", "quickstart", ROOT).read_text(encoding="utf-8")
    if _INPUTS not in root or "project: acme_engage" not in root:
        raise InternalError("the template of init --from has no inputs to replace")
    root = root.replace(_INPUTS, draft.inputs_text).replace("project: acme_engage", "project: my_engage")
    files = {
        PurePosixPath(ROOT): _on(root, "quickstart", warehouse).encode(),
        PurePosixPath("engage/space.yaml"): draft.resources_text.encode(),
    }
    return _write(directory, files)


def _write(
    directory: Path, files: Mapping[PurePosixPath, bytes]
) -> tuple[tuple[PurePosixPath, ...], tuple[PurePosixPath, ...]]:
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a folder")
    made, kept = [], []
    for name, content in files.items():
        place = directory / name
        if place.exists() or place.is_symlink():
            kept.append(name)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        made.append(name)
    return tuple(made), tuple(kept)


def _on(text: str, template: str, warehouse: str) -> str:
    """Return the root file with another warehouse in the place of the embedded one, its id the name of its type."""
    if warehouse not in WAREHOUSES:
        raise UsageError(f"no warehouse of type {warehouse!r}", help=f"types: {', '.join(WAREHOUSES)}")
    if warehouse == "duckdb":
        return text
    if text.count("type: ") != 1 or _DUCKDB not in text:
        raise UsageError(f"the template {template!r} names its own warehouses", help="leave out --warehouse")
    text = text.replace(_DUCKDB, f"  {warehouse}:\n    type: {warehouse}\n{WAREHOUSES[warehouse]}")
    return text.replace("cdp: local}", f"cdp: {warehouse}}}").replace("[local]", f"[{warehouse}]")


def _files(folder: Traversable, under: PurePosixPath) -> list[tuple[PurePosixPath, Traversable]]:
    found = []
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        found += _files(one, under / one.name) if one.is_dir() else [(under / one.name, one)]
    return found
