"""Snowflake: its own connector against the server of fakesnow, which ENGAGECTL_FAKESNOW names."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

FAKESNOW = "ENGAGECTL_FAKESNOW"


def _can_run() -> bool:
    return program(FAKESNOW) is not None and is_installed("snowflake", "snowflake.connector")


@contextmanager
def _serve() -> Iterator[str]:
    port = free_port()
    with server([str(program(FAKESNOW)), "-s", "--port", str(port)], port=port):
        yield f"http://127.0.0.1:{port}"


def _place(address: str, request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("monkeypatch").setenv("HOUSE_PASSWORD", "any")
    return (
        f"    type: snowflake\n    account: fakesnow\n    host: {address}\n"
        f"    database: HOUSE_{secrets.token_hex(6).upper()}\n"
        "    auth: {method: password, user: u, password: {$env: HOUSE_PASSWORD}}\n"
    )


ENGINE = Engine(
    name="snowflake",
    title="Snowflake",
    stands="its own connector against fakesnow, an emulator of somebody else",
    place=_place,
    can_run=_can_run,
    serve=_serve,
    deviations={
        "column comments": "fakesnow accepts a comment on a column and forgets it",
        "views": "fakesnow does not list views in INFORMATION_SCHEMA.TABLES",
        "grants": "fakesnow knows no roles: SHOW GRANTS fails, and every password and key is let in",
        "ddl rollback": "fakesnow rolls DDL back; Snowflake commits it",
        "renamed sizes": "fakesnow forgets the length of a text when its table is renamed",
        "time formats": "fakesnow ignores the format of TO_VARCHAR for a TIMESTAMP_NTZ",
        "type rules": "fakesnow lets DuckDB judge a change of type; Snowflake refuses more",
    },
)
