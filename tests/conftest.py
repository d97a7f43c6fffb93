"""Real engines for the tests: PostgreSQL as ENGAGECTL_TEST_PG_DSN names it, else embedded from a wheel, and DuckDB."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict

from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse
from tests import embedded

# The same cases every time: a law that breaks must break where it was broken. More and other cases: make property-test.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

Opener = Callable[..., Connection]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a server on which this process may create databases; one embedded server per worker of xdist."""
    given = os.environ.get("ENGAGECTL_TEST_PG_DSN")
    if given:
        yield given
        return
    with embedded.postgres() as (dsn, _):
        yield dsn


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """A libpq URI of a fresh, empty database."""
    name = f"engagectl_{os.getpid()}_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    yield with_database(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def with_database(dsn: str, name: str) -> str:
    """Return the DSN, URI or key=value text, as a URI of another database."""
    if "://" in dsn:
        parts = urlsplit(dsn)
        return urlunsplit(parts._replace(path=f"/{name}"))
    said = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if key != "dbname"}
    return f"postgresql:///{name}?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in said.items())


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse(request.param)


@pytest.fixture
def open_engine(engine: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens one and the same fresh database again and again; closes what it open_engine."""
    spec = SimpleNamespace(path="build/test.duckdb", storage_version=None)
    secrets = {"dsn": request.getfixturevalue("postgres_dsn")} if engine.name == "postgres" else {}
    connections: list[Connection] = []

    def connect(*, read_only: bool = False, lock_timeout_s: float = 0.3, command: str = "test") -> Connection:
        connection = engine.connect(
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
def session(open_engine: Opener) -> Connection:
    return open_engine()
