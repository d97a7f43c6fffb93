"""Redshift: AWS's own driver against a PostgreSQL server behind a proxy of the tests (../redshift_proxy.py).

Or against the service (`make test-live W=redshift`), where ENGAGECTL_LIVE_REDSHIFT_HOST, _DATABASE, _USER, _PASSWORD,
_STAGING (s3://..) and _IAM_ROLE say who may create databases there: each test has one, and drops it.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.request import Request, urlopen

import pytest

from tests import embedded
from tests.warehouses.contract import redshift_proxy
from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

WANTED = "ENGAGECTL_REDSHIFT"
LIVE = "ENGAGECTL_LIVE_REDSHIFT_"


def is_live() -> bool:
    return f"{LIVE}HOST" in os.environ


def _can_run() -> bool:
    return is_installed("redshift_connector") and (is_live() or (program(WANTED) is not None and is_installed("moto")))


@contextmanager
def serve() -> Iterator[str]:
    if is_live():
        yield ""
        return
    port = free_port()
    command = [sys.executable, "-c", f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"]
    given = os.environ.get("ENGAGECTL_TEST_PG_DSN")
    with ExitStack() as stack:
        stack.enter_context(server(command, port=port))
        dsn = given or stack.enter_context(embedded.postgres())[0]
        yield stack.enter_context(redshift_proxy.running(dsn, f"http://127.0.0.1:{port}")).address


def place(address: str, request: pytest.FixtureRequest) -> str:
    if not address:
        return _fresh_database(request)
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


def _fresh_database(request: pytest.FixtureRequest) -> str:
    """Create a database in the service, to be dropped after the test."""
    name = f"{redshift_proxy.PREFIX}test_{secrets.token_hex(6)}"
    _administer(f"CREATE DATABASE {name}")
    request.addfinalizer(lambda: _administer(f"DROP DATABASE {name}"))
    return (
        f"    type: redshift\n    host: {os.environ[LIVE + 'HOST']}\n    database: {name}\n"
        f"    auth: {{method: password, user: {{$env: {LIVE}USER}}, password: {{$env: {LIVE}PASSWORD}}}}\n"
        f"    staging: {os.environ[LIVE + 'STAGING']}\n    iam_role: {os.environ[LIVE + 'IAM_ROLE']}\n"
    )


def _administer(statement: str) -> None:
    import redshift_connector as driver

    from engagectl.warehouses.redshift.address import parameters

    said = {name: os.environ[LIVE + name.upper()] for name in ("host", "database", "user", "password")}
    with closing(driver.connect(**parameters(said))) as session:
        session.autocommit = True
        session.cursor().execute(statement)


DEVIATIONS = {
    "letters": "PostgreSQL keeps the capitals of a quoted name; Redshift folds them",
    "lengths": "PostgreSQL cuts names at 63 bytes; Redshift at 127",
    "bytes": "PostgreSQL counts the characters of a VARCHAR; Redshift counts its bytes",
    "layout": "the proxy takes DISTSTYLE, DISTKEY, SORTKEY and ENCODE out: PostgreSQL has no such layout",
    "blanks": "PostgreSQL tells `a` from `a ` in a VARCHAR; Redshift compares without blanks at the end",
    "late views": "PostgreSQL has no views WITH NO SCHEMA BINDING",
    "isolation": "PostgreSQL runs READ COMMITTED; Redshift rolls one of two transactions back that meet",
    "sign in": "the proxy's server lets every user in: neither passwords nor IAM nor TLS are tried",
}

ENGINE = Engine(
    name="redshift",
    title="Redshift",
    stands="AWS's own driver against PostgreSQL behind a proxy of the tests, which refuses what its manual refuses",
    place=place,
    can_run=_can_run,
    serve=serve,
    deviations={} if is_live() else DEVIATIONS,
)
