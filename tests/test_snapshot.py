"""A file that is no snapshot of ours, whatever it holds, is one clear error."""

import json
import random
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engagectl import api
from engagectl.errors import EngagectlError, UnusableSnapshot
from engagectl.planner import make_plan
from engagectl.snapshot import FORMAT, _digest, read_snapshot, snapshot_schema, write_snapshot
from tests.planner.test_planfile import paths
from tests.scenarios.house import House, identify

SHIPPED = Path(__file__).parents[1] / "schemas" / "snapshot.schema.json"
WRONG: tuple[Any, ...] = (None, [], {}, -1, 1.5, True, "", "x\0y", "\ud800", "DROP TABLE x; --", {"is": "Table"})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("snapshot"), "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    api.drift(house.project, snapshot=house.root / "catalog.json")
    return house


def document(house: House) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((house.root / "catalog.json").read_text())
    return read


def refusal(content: bytes, tmp_path: Path) -> str:
    place = tmp_path / "hostile.json"
    place.write_bytes(content)
    with pytest.raises(UnusableSnapshot) as caught:
        read_snapshot(place)
    assert (caught.value.code, caught.value.exit_code) == ("EC618", 4)
    return caught.value.message


def test_what_was_written_reads_back_equal(house: House, tmp_path: Path) -> None:
    snapshot = read_snapshot(house.root / "catalog.json")
    write_snapshot(snapshot, tmp_path / "again.json")
    assert read_snapshot(tmp_path / "again.json") == snapshot
    assert (tmp_path / "again.json").read_bytes() == (house.root / "catalog.json").read_bytes()


def test_it_is_what_its_schema_says(house: House) -> None:
    schema = json.loads(SHIPPED.read_text())
    assert schema == snapshot_schema(), "make schemas"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document(house))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no catalog snapshot"),
        (b"\xff\xfe", "no catalog snapshot"),
        (b"[" * 100_000, "no catalog snapshot"),
        (b"[]", "no catalog snapshot"),
        (b'{"format": "engagectl/snapshot/1", "snapshot": {"rows": NaN}}', "no catalog snapshot"),
        (b'{"format": "engagectl/planfile/1"}', "of this version"),
        (b'{"format": "engagectl/snapshot/1", "sha256": "0"}', "was changed"),
        (b'{"format": "engagectl/snapshot/1", "sha256": "0", "snapshot": "\\ud800"}', "was changed"),
    ],
)
def test_another_file_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    assert said in refusal(content, tmp_path)


def test_a_damaged_file_is_refused(house: House, tmp_path: Path) -> None:
    whole = (house.root / "catalog.json").read_bytes()
    chosen = random.Random(7)  # noqa: S311  a test's choice of bytes
    for place in chosen.sample(range(len(whole)), 30):
        flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        try:
            same = json.loads(flipped)["snapshot"] == document(house)["snapshot"]
        except (ValueError, KeyError):
            same = False
        if not same:
            assert refusal(flipped, tmp_path)
    assert refusal(whole[: len(whole) // 2], tmp_path)


def test_a_forged_file_is_refused_or_planned_from_and_never_a_traceback(house: House, tmp_path: Path) -> None:
    whole, place = document(house), tmp_path / "forged.json"
    chosen, refused = random.Random(7), 0  # noqa: S311  a test's choice of leaves
    for path in chosen.sample(sorted(paths(whole["snapshot"]), key=str), 30):
        content = deepcopy(whole["snapshot"])
        at = content
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = chosen.choice(WRONG)
        try:
            forged = {"format": FORMAT, "sha256": _digest(content), "snapshot": content}
        except ValueError:  # half a surrogate pair has no digest
            forged = {"format": FORMAT, "sha256": whole["sha256"], "snapshot": content}
        place.write_text(json.dumps(forged))
        try:
            make_plan(
                house.project, connections=None, now=datetime.now(UTC), mode="catalog", snapshot=read_snapshot(place)
            )
        except EngagectlError:
            refused += 1
    assert refused > 15
