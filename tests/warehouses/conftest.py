"""Both warehouses, opened as the product opens them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse

Opener = Callable[..., Connection]


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse(request.param)


@pytest.fixture
def opened(kind: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens one and the same fresh database again and again; closes what it opened."""
    spec = SimpleNamespace(path="build/test.duckdb", storage_version=None)
    secrets = {"dsn": request.getfixturevalue("postgres_dsn")} if kind.name == "postgres" else {}
    connections: list[Connection] = []

    def connect(*, read_only: bool = False, lock_timeout_s: float = 0.3, command: str = "test") -> Connection:
        connection = kind.connect(
            spec,
            "local",
            secrets=secrets,
            root=tmp_path,
            read_only=read_only,
            lock_timeout_s=lock_timeout_s,
            command=command,
        )
        connections.append(connection)
        return connection

    yield connect
    for connection in connections:
        connection.close()


@pytest.fixture
def connection(opened: Opener) -> Connection:
    return opened()
