"""Databricks: its own connector against the tests' stand-in (bricks/)."""

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

SPARK = "ENGAGECTL_SPARK"
"""Names the Python of the environment with Spark's parser; `make test-warehouses` does."""
_SENT = Path(tempfile.gettempdir()) / f"engagectl-bricks-{os.getpid()}.jsonl"


def _can_run() -> bool:
    return program(SPARK) is not None and is_installed("databricks", "databricks.sql", "pyarrow")


def statements() -> list[str]:
    """Return what this process has sent, in order."""
    return [json.loads(line) for line in _SENT.read_text().splitlines()] if _SENT.exists() else []


@contextmanager
def _serve() -> Iterator[str]:
    port = free_port()
    try:
        with server([sys.executable, "-m", "tests.warehouses.contract.bricks", str(port), str(_SENT)], port=port):
            yield f"http://127.0.0.1:{port}"
    finally:
        _SENT.unlink(missing_ok=True)


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
