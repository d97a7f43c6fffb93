"""BigQuery: its own client against bqemulator, whose Python ENGAGECTL_BQEMULATOR names.

With ENGAGECTL_LIVE_BIGQUERY, a project that is there for this alone, against BigQuery itself, as whoever is signed in:
before each case the datasets of the contract are deleted there.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

BQEMULATOR, LIVE = "ENGAGECTL_BQEMULATOR", "ENGAGECTL_LIVE_BIGQUERY"
_DATASETS = ("engagectl", "engage_default", "default", "one", "two")
SCRIPT = Path(__file__).parents[1] / "bqemulator_ddl.py"


def _can_run() -> bool:
    return (program(BQEMULATOR) or os.environ.get(LIVE)) is not None and is_installed(
        "google", "google.cloud", "google.cloud.bigquery"
    )


@contextmanager
def _serve() -> Iterator[str]:
    if LIVE in os.environ:
        yield ""
        return
    port = free_port()
    command = [str(program(BQEMULATOR)), str(SCRIPT), "start", "--ephemeral", "--rest-port", str(port)]
    with server([*command, "--grpc-port", str(free_port())], port=port):
        yield f"http://127.0.0.1:{port}"


def _place(address: str, request: pytest.FixtureRequest) -> str:
    del request
    if not address:
        return _live(os.environ[LIVE], os.environ.get("ENGAGECTL_LIVE_LOCATION", "US"))
    return f"    type: bigquery\n    host: {address}\n    project: house-{secrets.token_hex(6)}\n    location: EU\n"


def _live(project: str, location: str) -> str:
    from google.cloud import bigquery

    with bigquery.Client(project, location=location) as client:
        for name in _DATASETS:
            client.delete_dataset(f"{project}.{name}", delete_contents=True, not_found_ok=True)
    return f"    type: bigquery\n    project: {project}\n    location: {location}\n    auth: {{method: default}}\n"


ENGINE = Engine(
    name="bigquery",
    title="BigQuery",
    stands="its own client against bqemulator, an emulator of somebody else, with the schema rules of the manual",
    place=_place,
    can_run=_can_run,
    serve=_serve,
    deviations={
        "schema changes": "bqemulator forgets in its catalog what ALTER TABLE changes; the tests' own start of it adds"
        " that, with the rules of BigQuery's manual",
        "isolation": "bqemulator has one session for all, so what a transaction has not committed is seen by others",
        "iam": "bqemulator knows no IAM: whoever comes is let in; the tests' own start of it adds rights on tables",
        "etags": "bqemulator does not compare etags",
        "rates": "bqemulator has no quotas and no limits of rates",
    },
)
