"""Objects that the warehouse loads itself give the tables that the client gives, cell for cell."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.scenarios.house import House, identify, track
from tests.sync.landing.play import BUCKET, counted, put, snapshot
from tests.sync.landing.test_landing import ODD, PLAIN, YAML, lines
from tests.warehouses.contract.engines import ENGINES

NEEDS = "snowflake"


DIRT = [line for line in ODD if not (isinstance(line, bytes) and line.count(b'"type"') > 1)]
"""But for a key that stands twice at the top, which only the emulator takes."""


class Both:
    """The same project twice: one is loaded by the client, the other by the warehouse from its stage."""

    def __init__(self, root: Path, on: str, address: str, request: pytest.FixtureRequest) -> None:
        self.folder = root / "objects"
        self.folder.mkdir()
        self.client, self.warehouse = (House(root / name, ENGINES[on].place(address, request)) for name in "cw")
        for house in (self.client, self.warehouse):
            house.root.mkdir()
            house.write(YAML)
            house.apply()
        database = str(re.search(r"database: (\S+)", self.warehouse.warehouse)[1])  # type: ignore[index]  # it is there
        self.warehouse.execute(f"CREATE SCHEMA {database}.RAW")
        self.warehouse.execute(f"CREATE STAGE {database}.RAW.EVENTS URL = 'file://{self.folder}/'")
        self.warehouse.write(
            YAML, settings=f"    external_stages: [{{url: '{BUCKET}', stage: {database}.RAW.EVENTS}}]\n"
        )

    def load(self, objects: Mapping[str, bytes]) -> None:
        put(objects)
        for name, data in objects.items():
            (self.folder / name).write_bytes(data)
        first, second = self.client.sync(), self.warehouse.sync()
        assert counted(second) == counted(first)
        assert snapshot(self.warehouse) == snapshot(self.client)


@pytest.fixture
def both(tmp_path: Path, on: str, address: str, request: pytest.FixtureRequest) -> Both:
    return Both(tmp_path, on, address, request)


def test_objects_of_a_stage_give_what_the_client_gives(both: Both) -> None:
    both.load(
        {
            "a.json": lines(*PLAIN[:9], *DIRT[:8]),
            "b.json.gz": gzip.compress(lines(*PLAIN[9:], *DIRT[8:])),
            "c.json": lines(PLAIN[5]) + b"\xff\xfe\n",
            "d.json": lines(PLAIN[0], DIRT[6], end=b"\r\n"),
        }
    )
    both.load({"e.json": lines(*PLAIN, identify(50, {"visits": 4}), track(51, "Reminder", {"audience_key": "x"}))})
