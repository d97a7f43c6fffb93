"""Databricks: its own connector against the tests' stand-in (bricks/)."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

BRICKS = "ENGAGECTL_BRICKS"
STATEMENTS = "ENGAGECTL_BRICKS_STATEMENTS"
"""Names the file to which what was sent is appended, for Spark's parser."""


def _can_run() -> bool:
    return program(BRICKS) is not None and is_installed("databricks", "databricks.sql", "pyarrow")


@contextmanager
def _serve() -> Iterator[str]:
    port = free_port()
    log = [os.environ[STATEMENTS]] if os.environ.get(STATEMENTS) else []
    with server([sys.executable, "-m", "tests.warehouses.contract.bricks", str(port), *log], port=port):
        yield f"http://127.0.0.1:{port}"


def _place(address: str, request: pytest.FixtureRequest) -> str:
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
    deviations={
        "types": "the stand-in forgets the length of a VARCHAR",
        "users": "the stand-in has one user, who owns everything, and lets every token in",
        "widening": "the stand-in takes the changes of type that the manual lists; Delta was not asked",
        "conflicts": "the stand-in runs one statement at a time: no conflict of two writers ever comes up",
    },
)
