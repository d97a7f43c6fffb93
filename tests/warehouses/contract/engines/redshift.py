"""Redshift: AWS's own driver against a PostgreSQL server behind a proxy of the tests (../redshift_proxy.py)."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import embedded
from tests.warehouses.contract import redshift_proxy
from tests.warehouses.contract.engine import Engine, is_installed, program

WANTED = "ENGAGECTL_REDSHIFT"


def _can_run() -> bool:
    return program(WANTED) is not None and is_installed("redshift_connector")


@contextmanager
def serve() -> Iterator[str]:
    given = os.environ.get("ENGAGECTL_TEST_PG_DSN")
    if given:
        with redshift_proxy.running(given) as emulator:
            yield emulator.address
        return
    with embedded.postgres() as (dsn, _), redshift_proxy.running(dsn) as emulator:
        yield emulator.address


def place(address: str, request: pytest.FixtureRequest) -> str:
    del request
    user, _, port = address.partition("@")
    return (
        f"    type: redshift\n    host: 127.0.0.1\n    port: {port}\n    user: {user}\n"
        f"    database: {redshift_proxy.PREFIX}{secrets.token_hex(6)}\n"
    )


ENGINE = Engine(
    name="redshift",
    title="Redshift",
    stands="AWS's own driver against PostgreSQL behind a proxy of the tests, which refuses what its manual refuses",
    place=place,
    can_run=_can_run,
    serve=serve,
    deviations={
        "letters": "PostgreSQL keeps the capitals of a quoted name; Redshift folds them",
        "bytes": "PostgreSQL counts the characters of a VARCHAR; Redshift counts its bytes",
        "layout": "the proxy takes DISTSTYLE, DISTKEY, SORTKEY and ENCODE out: PostgreSQL has no such layout",
        "blanks": "PostgreSQL tells `a` from `a ` in a VARCHAR; Redshift compares without blanks at the end",
        "late views": "PostgreSQL has no views WITH NO SCHEMA BINDING",
        "isolation": "PostgreSQL runs READ COMMITTED; Redshift rolls one of two transactions back that meet",
        "sign in": "the proxy's server lets every user in: neither passwords nor IAM nor TLS are tried",
    },
)
