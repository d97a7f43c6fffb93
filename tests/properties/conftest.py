"""One database for all the cases of a module."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import with_database


@pytest.fixture(scope="module")
def postgres_database(postgres_server: str) -> Iterator[str]:
    name = f"engagectl_property_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
    yield with_database(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
