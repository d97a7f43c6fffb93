"""Snowflake: its own connector against the server of fakesnow, which ENGAGECTL_FAKESNOW names.

Or against the service (`make test-live W=snowflake`), where ENGAGECTL_LIVE_SNOWFLAKE_ACCOUNT, _USER, _PRIVATE_KEY (the
text of a PEM file), _ROLE and _WAREHOUSE say who may create databases there: each test has one, and drops it.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

FAKESNOW = "ENGAGECTL_FAKESNOW"
STAGES = Path(__file__).parent.parent / "fakes" / "fakesnow_stages.py"


LIVE = "ENGAGECTL_LIVE_SNOWFLAKE_"


def _is_live() -> bool:
    return f"{LIVE}ACCOUNT" in os.environ


def _can_run() -> bool:
    return (_is_live() or program(FAKESNOW) is not None) and is_installed("snowflake", "snowflake.connector")


@contextmanager
def _serve() -> Iterator[str]:
    if _is_live():
        yield ""
        return
    port = free_port()
    python = Path(str(program(FAKESNOW))).with_name("python")
    with server([str(python), str(STAGES), "-s", "--port", str(port)], port=port):
        yield f"http://127.0.0.1:{port}"


def _place(address: str, request: pytest.FixtureRequest) -> str:
    if not address:
        return _fresh_database(request)
    request.getfixturevalue("monkeypatch").setenv("HOUSE_PASSWORD", "any")
    return (
        f"    type: snowflake\n    account: fakesnow\n    host: {address}\n"
        f"    database: HOUSE_{secrets.token_hex(6).upper()}\n"
        "    auth: {method: password, user: u, password: {$env: HOUSE_PASSWORD}}\n"
    )


def _fresh_database(request: pytest.FixtureRequest) -> str:
    """Create a database in the service, to be dropped after the test."""
    name = f"ENGAGECTL_TEST_{secrets.token_hex(6).upper()}"
    settings = (
        f"    type: snowflake\n    account: {os.environ[LIVE + 'ACCOUNT']}\n    database: {name}\n"
        f"    role: {os.environ[LIVE + 'ROLE']}\n    compute_warehouse: {os.environ[LIVE + 'WAREHOUSE']}\n"
        f"    auth: {{method: key_pair, user: {{$env: {LIVE}USER}}, private_key: {{$env: {LIVE}PRIVATE_KEY}}}}\n"
    )
    _administer(f"CREATE DATABASE {name} DATA_RETENTION_TIME_IN_DAYS = 0")
    request.addfinalizer(lambda: _administer(f"DROP DATABASE IF EXISTS {name}"))
    return settings


def _administer(sql: str) -> None:
    import snowflake.connector as driver

    from engagectl.warehouses.snowflake.connect import connection_parameters

    said = {
        field: os.environ[LIVE + name]
        for field, name in (
            ("account", "ACCOUNT"),
            ("user", "USER"),
            ("private_key", "PRIVATE_KEY"),
            ("role", "ROLE"),
            ("compute_warehouse", "WAREHOUSE"),
        )
    }
    parameters = connection_parameters(SimpleNamespace(), said)
    del parameters["database"]
    with driver.connect(**parameters) as session, session.cursor() as cursor:
        cursor.execute(sql)


DEVIATIONS = {
    "column comments": "fakesnow accepts a comment on a column and forgets it",
    "views": "fakesnow does not list views in INFORMATION_SCHEMA.TABLES",
    "grants": "fakesnow knows no roles: SHOW GRANTS fails, and every password and key is let in",
    "ddl rollback": "fakesnow rolls DDL back; Snowflake commits it",
    "renamed sizes": "fakesnow forgets the length of a text when its table is renamed",
    "time formats": "fakesnow ignores the format of TO_VARCHAR for a TIMESTAMP_NTZ",
    "type rules": "fakesnow lets DuckDB judge a change of type; Snowflake refuses more",
    "empty fields": "fakesnow reads a quoted empty field of a CSV file as a null",
    "merge": "fakesnow cannot MERGE in a transaction that has written before",
    "keys twice": "fakesnow takes a key that stands twice in an object, which TRY_PARSE_JSON does not",
    "stages": "fakesnow has no COPY INTO that names the file and number of a line: the tests add it",
    "copy": "fakesnow copies a file only into every column of a table, or into fewer than ten",
}

ENGINE = Engine(
    name="snowflake",
    title="Snowflake",
    stands="its own connector against fakesnow, an emulator of somebody else",
    place=_place,
    can_run=_can_run,
    serve=_serve,
    deviations={} if _is_live() else DEVIATIONS,
)
