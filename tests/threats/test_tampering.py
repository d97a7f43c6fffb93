"""A saved plan that somebody touched: every byte, every field, and the seal made anew."""

import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engagectl.errors import EditedPlan, EngagectlError, RefusedError, StalePlan
from engagectl.planfile import digest, read_plan, write_plan
from engagectl.planner import make_plan
from tests.apply.test_approved_plans import apply
from tests.planner.test_planner import _open
from tests.scenarios.house import SPACE, House

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BITS = 8 if os.environ.get("ENGAGECTL_TEST_TAMPER") == "all" else 1  # make tamper
SMALL = """
inputs: {events: {files: ["data/*.jsonl"]}}
spaces: {default: {slug: default, sources: {main: {input: events}}}}
audiences: {vip: {space: default, kind: profile}}
activations:
  vip:
    audience: vip
    warehouses: [cdp]
    table: vip
    mappings: [{from: properties.tier, to: tier, type: string}]
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("plan")
    write_plan(make_plan(_open(root, SMALL), connections=None, now=NOW, mode="offline"), root / "plan.json")
    return (root / "plan.json").read_bytes()


def _refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        read_plan(path, now=NOW)
    except (EditedPlan, StalePlan):
        return True
    return False


def test_every_byte_changed_left_out_or_doubled_is_refused(written: bytes, tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311  which bit, no secret
    path, kept = tmp_path / "plan.json", []
    assert 3_000 < len(written) < 12_000
    for at in range(len(written)):
        bits = range(8) if BITS == 8 else (chance.randrange(8),)
        tries = [bytes([written[at] ^ 1 << bit]) for bit in bits]
        tries += [b"", written[at : at + 1] * 2] if BITS == 8 or at % 25 == 0 else []
        for piece in tries:
            content = written[:at] + piece + written[at + 1 :]
            if content != written and not _refused(path, content):
                kept.append((at, piece))
    assert kept == []
    assert not _refused(path, written)


@pytest.mark.parametrize("extra", [b" ", b"\n", b"\0", b"{}", b"//", b"\xef\xbb\xbf"])
def test_what_is_added_is_refused(written: bytes, tmp_path: Path, extra: bytes) -> None:
    assert _refused(tmp_path / "plan.json", written + extra)
    assert _refused(tmp_path / "plan.json", extra + written)


def test_a_key_said_twice_is_refused(written: bytes, tmp_path: Path) -> None:
    """Readers differ in which of the two counts: the text must be the one that we write."""
    text = written.decode()
    for key in ("sha256", "project", "target", "expires_at"):
        line = next(one for one in text.splitlines() if f'"{key}"' in one)
        doubled = text.replace(line, f"{line.rstrip(',')},\n{line}", 1)
        assert json.loads(doubled) == json.loads(text)
        assert _refused(tmp_path / "plan.json", doubled.encode())


def _sealed(document: dict[str, Any]) -> bytes:
    document["sha256"] = digest(document["plan"])
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


@pytest.mark.parametrize("field", ["project", "target"])
def test_a_plan_for_somewhere_else_with_a_new_seal_is_refused(house: House, field: str) -> None:
    house.write(SPACE)
    write_plan(house.plan(), house.root / "plan.json")
    document = json.loads((house.root / "plan.json").read_bytes())
    document["plan"][field] = "other"
    (house.root / "plan.json").write_bytes(_sealed(document))
    with pytest.raises(RefusedError):
        apply(house, read_plan(house.root / "plan.json"))
    assert house.plan().steps


def test_sql_of_a_plan_is_never_run(house: House) -> None:
    """Statements, id, fingerprint and seal all made anew: the step is then none of ours, and nothing runs."""
    from engagectl.model.codec import decode
    from engagectl.model.plan import Plan
    from engagectl.planfile import fingerprint, step_id

    house.write(SPACE)
    house.execute("CREATE SCHEMA bystander")
    house.execute("CREATE TABLE bystander.victims AS SELECT 1 AS a")
    write_plan(house.plan(), house.root / "plan.json")
    document = json.loads((house.root / "plan.json").read_bytes())
    document["plan"]["warehouses"][0]["steps"][0]["statements"] = ["DROP TABLE bystander.victims"]
    plan = decode(Plan, document["plan"])
    for at, step in enumerate(plan.warehouses[0].steps):
        made = step_id(step.change, step.address, hazards=step.hazards, statements=step.statements)
        document["plan"]["warehouses"][0]["steps"][at]["id"] = made
    document["plan"]["fingerprint"] = fingerprint(decode(Plan, document["plan"]).warehouses)
    (house.root / "plan.json").write_bytes(_sealed(document))
    forged = read_plan(house.root / "plan.json")  # it is of one piece, and says what we never would
    with pytest.raises(EngagectlError) as caught:
        apply(house, forged)
    assert caught.value.exit_code == 4
    assert house.query("SELECT a FROM bystander.victims") == [(1,)]
