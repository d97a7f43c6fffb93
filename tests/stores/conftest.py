"""Servers of somebody else for gs:// and az://, each in a process of its own; what they are asked for is counted.

`make test-object-stores` installs them and names them here; without it these tests are not collected.
"""

import os
import re
import secrets
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import unquote

import pytest

from tests.scenarios.house import House

_REQUEST = re.compile(r'"(GET|HEAD) (?:http://[^/]+)?(\S+) HTTP/1.1" (\d+)')
# The key that every copy of this emulator knows, as its manual gives it.
_AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Bucket:
    """A bucket of a server. `asked` counts what succeeded of the requests since the last `forget`."""

    scheme: str
    name: str
    log: Path
    write: Callable[[str, bytes], object]
    settings: Mapping[str, str]
    _from: int = field(default=0)

    def url(self, pattern: str) -> str:
        return f"{self.scheme}://{self.name}/{pattern}"

    def put(self, key: str, content: bytes | str) -> None:
        self.write(key, content.encode() if isinstance(content, str) else content)

    def forget(self) -> None:
        sleep(0.2)  # the server writes its log when it has answered
        self._from = self.log.stat().st_size

    def asked(self) -> Counter[str]:
        """Return how many listings, and how many reads of each object, there were."""
        sleep(0.2)
        found: Counter[str] = Counter()
        for verb, place, status in _REQUEST.findall(self.log.read_bytes()[self._from :].decode()):
            path, _, query = place.partition("?")
            if not status.startswith("2"):
                continue
            if "comp=list" in query or "delimiter=&" in query:
                found["list"] += 1
            elif verb == "GET" and (self.scheme == "az" or path.startswith("/download")):
                found[f"read {unquote(path).rpartition(f'/{self.name}/')[2].removeprefix('o/')}"] += 1
        return found


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        ends = monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert monotonic() < ends, log.read_text()
                assert process.poll() is None, log.read_text()
                sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Bucket]]:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    port, log = _port(), tmp_path_factory.mktemp("gs") / "server.log"
    url = f"http://127.0.0.1:{port}"
    program = os.environ["ENGAGECTL_TEST_GCS"]
    with _serving([program, "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"], port, log):
        client = storage.Client(
            project="tests", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )

        def make() -> Bucket:
            name = f"engage-{secrets.token_hex(4)}"
            made = client.create_bucket(name)
            settings = {"STORAGE_EMULATOR_HOST": url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
            return Bucket("gs", name, log, lambda key, it: made.blob(key).upload_from_string(it), settings)

        yield make
        client.close()


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Bucket]]:
    from azure.storage.blob import BlobServiceClient

    port, log = _port(), tmp_path_factory.mktemp("az") / "server.log"
    address = (
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_AZURE_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    program = os.environ["ENGAGECTL_TEST_AZURITE"]
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with (
        _serving([program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options], port, log),
        BlobServiceClient.from_connection_string(address) as client,
    ):

        def make() -> Bucket:
            name = f"engage-{secrets.token_hex(4)}"
            made = client.create_container(name)
            return Bucket(
                "az",
                name,
                log,
                lambda key, it: made.upload_blob(key, it, overwrite=True),
                {"AZURE_STORAGE_CONNECTION_STRING": address},
            )

        yield make


@pytest.fixture(params=["google", "azure"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made: Bucket = request.getfixturevalue(request.param)()
    for name, value in made.settings.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
