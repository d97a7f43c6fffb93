"""A plan file is what we wrote, byte for byte, or it is refused."""

import copy
import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engagectl.errors import EditedPlan, EngagectlError, StalePlan
from engagectl.model.plan import Plan
from engagectl.planfile import digest, read_plan, write_plan
from engagectl.planner import make_plan
from tests.planner.test_planner import SPACE, _open

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, bytes]:
    root = tmp_path_factory.mktemp("plan")
    plan = make_plan(_open(root, SPACE), connections=None, now=NOW, mode="offline")
    write_plan(plan, root / "plan.json")
    return plan, (root / "plan.json").read_bytes()


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every leaf."""
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(value, (*path, key))
    else:
        yield path


def flipped(document: Any, path: tuple[Any, ...]) -> Any:
    """Return the document with one leaf changed."""
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = (not old) if isinstance(old, bool) else old + 1 if isinstance(old, int) else f"{old}x"
    return changed


def refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        read_plan(path, now=NOW)
    except EngagectlError as error:
        return isinstance(error, EditedPlan | StalePlan)
    return False


def test_a_written_plan_reads_back_equal(written: tuple[Plan, bytes], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(written[1])
    assert read_plan(path, now=NOW) == written[0]


def of_each_shape(every: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the first path and the last of those that differ only by places in lists."""
    shapes: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for path in every:
        shapes.setdefault(tuple("*" if isinstance(key, int) else key for key in path), []).append(path)
    return [path for same in shapes.values() for path in {same[0]: 0, same[-1]: 0}]


def test_every_field_flipped_is_refused(written: tuple[Plan, bytes], tmp_path: Path) -> None:
    document = json.loads(written[1])
    every = of_each_shape(paths(document))
    assert len(every) > 60
    kept = [
        path
        for path in every
        if not refused(
            tmp_path / "plan.json", (json.dumps(flipped(document, path), ensure_ascii=False, indent=1) + "\n").encode()
        )
    ]
    assert kept == []


def test_200_random_bytes_flipped_are_refused(written: tuple[Plan, bytes], tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311  a fixed choice of bytes, no secret
    raw = written[1]
    kept = []
    for _ in range(200):
        position, bit = chance.randrange(len(raw)), 1 << chance.randrange(8)
        content = raw[:position] + bytes([raw[position] ^ bit]) + raw[position + 1 :]
        if not refused(tmp_path / "plan.json", content):
            kept.append((position, bit))
    assert kept == []


@pytest.mark.parametrize("field", ["id", "statements", "hazards", "address", "change"])
def test_a_step_sealed_anew_is_refused_when_its_id_is_not_its_own(
    written: tuple[Plan, bytes], tmp_path: Path, field: str
) -> None:
    document = json.loads(written[1])
    step = next(s for s in document["plan"]["warehouses"][0]["steps"] if s["change"]["is"] == "CreateTable")
    match field:
        case "id":
            step["id"] = "0" * 64
        case "statements":
            step["statements"] = ["DROP TABLE engage_default.users"]
        case "hazards":
            step["hazards"] = ["LOCK"]
        case "address":
            step["address"]["name"] = "engage_default.other"
        case "change":
            step["change"]["table"]["name"]["table"] = "other"
    document["sha256"] = digest(document["plan"])
    assert refused(tmp_path / "plan.json", (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_plan_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(tmp_path / "plan.json", content)
