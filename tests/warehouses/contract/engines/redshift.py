"""Redshift: AWS's own driver against a PostgreSQL server behind a proxy of the tests (../redshift_proxy.py)."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.request import Request, urlopen

import pytest

from tests import embedded
from tests.warehouses.contract import redshift_proxy
from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

WANTED = "ENGAGECTL_REDSHIFT"


def _can_run() -> bool:
    return program(WANTED) is not None and is_installed("redshift_connector", "moto")


@contextmanager
def serve() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-c", f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"]
    given = os.environ.get("ENGAGECTL_TEST_PG_DSN")
    with ExitStack() as stack:
        stack.enter_context(server(command, port=port))
        dsn = given or stack.enter_context(embedded.postgres())[0]
        yield stack.enter_context(redshift_proxy.running(dsn, f"http://127.0.0.1:{port}")).address


def place(address: str, request: pytest.FixtureRequest) -> str:
    user, port, s3 = address.split("@")
    settings = {
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        request.getfixturevalue("monkeypatch").setenv(name, value)
    name = secrets.token_hex(6)
    urlopen(Request(f"{s3}/staging-{name}", method="PUT")).close()  # noqa: S310  the emulator's own
    return (
        f"    type: redshift\n    host: 127.0.0.1\n    port: {port}\n    user: {user}\n"
        f"    database: {redshift_proxy.PREFIX}{name}\n    staging: s3://staging-{name}/engage\n"
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
