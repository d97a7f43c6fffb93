"""An S3 server of somebody else (moto) in a process of its own, and a bucket in it that counts what it is asked for."""

import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from tests.scenarios.conftest import house as each_house
from tests.scenarios.house import House

__all__ = ["each_house"]

_PORT = re.compile(rb"Running on http://127\.0\.0\.1:(\d+)")
_REQUEST = re.compile(r'"(?:\x1b\[[\d;]*m)*(GET|HEAD|PUT|POST) (\S+) HTTP')


@dataclass
class Server:
    url: str
    log: Path

    def refuse_unknown_keys(self, *, after: str) -> None:
        """Check signatures and keys after so many further requests ("inf": never)."""
        text = {"Content-Type": "text/plain"}
        urlopen(Request(f"{self.url}/moto-api/reset-auth", data=after.encode(), headers=text)).close()  # noqa: S310


@dataclass
class Bucket:
    """A bucket of the server. `asked` counts the requests since the last `forget`."""

    name: str
    server: Server
    client: Any
    _from: int = field(default=0)

    def url(self, pattern: str) -> str:
        return f"s3://{self.name}/{pattern}"

    def put(self, key: str, content: bytes | str) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def forget(self) -> None:
        self._from = self.server.log.stat().st_size

    def asked(self) -> Counter[str]:
        """Return how many listings, and how many reads and looks at each object, there were."""
        found: Counter[str] = Counter()
        text = self.server.log.read_bytes()[self._from :].decode()
        for verb, path in _REQUEST.findall(text):
            place, _, query = path.partition("?")
            if place.startswith(f"/{self.name}"):
                found["list" if "list-type" in query else f"{verb} {place.removeprefix(f'/{self.name}/')}"] += 1
        return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("s3") / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from moto.server import main; main(['-H', '127.0.0.1', '-p', '0'])"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
        )
        try:
            yield Server(f"http://127.0.0.1:{_port(log, process)}", log)
        finally:
            process.kill()
            process.wait()


def _port(log: Path, process: "subprocess.Popen[bytes]") -> int:
    ends = monotonic() + 60
    while monotonic() < ends and process.poll() is None:
        if (found := _PORT.search(log.read_bytes())) is not None:
            return int(found[1])
        sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Where bytes come from is nothing to a warehouse: one engine is enough, and `each_house` for one test of both."""
    return House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")


@pytest.fixture
def bucket(server: Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    name = f"engage-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    return Bucket(name, server, client)
