"""BigQuery: its own client against bqemulator, whose Python ENGAGECTL_BQEMULATOR names."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.warehouses.contract.engine import Engine, free_port, is_installed, program, server

BQEMULATOR = "ENGAGECTL_BQEMULATOR"
SCRIPT = Path(__file__).parents[1] / "bqemulator_ddl.py"


def _can_run() -> bool:
    return program(BQEMULATOR) is not None and is_installed("google", "google.cloud", "google.cloud.bigquery")


@contextmanager
def _serve() -> Iterator[str]:
    port = free_port()
    command = [str(program(BQEMULATOR)), str(SCRIPT), "start", "--ephemeral", "--rest-port", str(port)]
    with server([*command, "--grpc-port", str(free_port())], port=port):
        yield f"http://127.0.0.1:{port}"


def _place(address: str, request: pytest.FixtureRequest) -> str:
    del request
    return f"    type: bigquery\n    host: {address}\n    project: house-{secrets.token_hex(6)}\n    location: EU\n"


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
        "iam": "bqemulator knows no IAM: whoever comes is let in, and testIamPermissions is not there",
        "etags": "bqemulator does not compare etags",
        "rates": "bqemulator has no quotas and no limits of rates",
    },
)
