"""Databricks: its own connector against the tests' stand-in (bricks/).

Or against a workspace (`make test-live W=databricks`), where ENGAGECTL_LIVE_DATABRICKS_HOST, _HTTP_PATH, _TOKEN (or
_CLIENT_ID and _CLIENT_SECRET) and _CATALOG name a catalog for this alone: its schemas are dropped before each test.
"""

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.config.resolve import Secret
from engagectl.warehouses.registry import warehouse
from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

SPARK = "ENGAGECTL_SPARK"
"""Names the Python of the environment with Spark's parser; `make test-warehouses` does."""
_SENT = Path(tempfile.gettempdir()) / f"engagectl-bricks-{os.getpid()}.jsonl"


_LIVE = "ENGAGECTL_LIVE_DATABRICKS_"
LIVE = f"{_LIVE}HOST" in os.environ
_SCHEMAS = ("default", "engage_default", "engagectl", "one", "two")
"""What the contract makes; dropped before each test of a workspace, where there is no fresh catalog for each."""


def _can_run() -> bool:
    if LIVE:
        return is_installed("databricks", "databricks.sql", "pyarrow")
    return program(SPARK) is not None and is_installed("databricks", "databricks.sql", "pyarrow")


def statements() -> list[str]:
    """Return what this process has sent, in order."""
    return [json.loads(line) for line in _SENT.read_text().splitlines()] if _SENT.exists() else []


@contextmanager
def _serve() -> Iterator[str]:
    if LIVE:
        yield os.environ[f"{_LIVE}HOST"]
        return
    port = free_port()
    try:
        with server([sys.executable, "-m", "tests.warehouses.contract.bricks", str(port), str(_SENT)], port=port):
            yield f"http://127.0.0.1:{port}"
    finally:
        _SENT.unlink(missing_ok=True)


def _live(address: str) -> str:
    """Empty the catalog of a workspace, and return its settings."""
    catalog, http_path = os.environ[f"{_LIVE}CATALOG"], os.environ[f"{_LIVE}HTTP_PATH"]
    is_robot = f"{_LIVE}CLIENT_SECRET" in os.environ
    names = ("client_id", "client_secret") if is_robot else ("token",)
    said = {name: os.environ[_LIVE + name.upper()] for name in names}
    given = {name: Secret(value) if name != "client_id" else value for name, value in said.items()}
    spec = SimpleNamespace(host=address, http_path=http_path, catalog=catalog)
    with warehouse("databricks").connect(
        spec, "live", secrets=given, root=Path(), read_only=False, lock_timeout_s=0, command="test"
    ) as connection:
        for schema in _SCHEMAS:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    signed = ", ".join(f"{name}: {{$env: {_LIVE}{name.upper()}}}" for name in names)
    return (
        f"    type: databricks\n    host: {address}\n    http_path: {http_path}\n    catalog: {catalog}\n"
        f"    auth: {{method: {'oauth_m2m' if is_robot else 'token'}, {signed}}}\n"
    )


def _place(address: str, request: pytest.FixtureRequest) -> str:
    if LIVE:
        return _live(address)
    request.getfixturevalue("monkeypatch").setenv("HOUSE_PASSWORD", "any")
    return (
        f"    type: databricks\n    host: {address}\n    http_path: /sql/1.0/warehouses/w\n"
        f"    catalog: house_{secrets.token_hex(6)}\n"
        "    auth: {method: token, token: {$env: HOUSE_PASSWORD}}\n"
    )


ENGINE = Engine(
    name="databricks",
    title="Databricks",
    stands="its own connector against the tests' stand-in, whose SQL is DuckDB's; Spark's parser reads what was sent",
    place=_place,
    can_run=_can_run,
    serve=_serve,
    deviations={}
    if LIVE
    else {
        "types": "the stand-in forgets the length of a VARCHAR",
        "users": "the stand-in has one user, who owns everything but what is revoked, and lets every token in",
        "widening": "the stand-in takes the changes of type that the manual lists; Delta was not asked",
        "conflicts": "the stand-in runs one statement at a time: no conflict of two writers ever comes up",
    },
)
