"""Both warehouses, opened as the product opens them, with a journal in each."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.journal.tables import ensure
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse(request.param)


@pytest.fixture
def empty(kind: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    secrets = {"dsn": request.getfixturevalue("postgres_dsn")} if kind.name == "postgres" else {}
    with kind.connect(
        SimpleNamespace(path="build/test.duckdb", storage_version=None),
        "local",
        secrets=secrets,
        root=tmp_path,
        read_only=False,
        lock_timeout_s=0.3,
        command="test",
    ) as connection:
        yield connection


@pytest.fixture
def connection(empty: Connection, kind: Warehouse) -> Connection:
    assert ensure(empty, kind, JOURNAL)
    return empty


JOURNAL = 'odd "journal"'
