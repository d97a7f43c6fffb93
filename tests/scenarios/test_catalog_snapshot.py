"""A plan from a catalog snapshot: the same as from the warehouse, with no connection and no secret."""

from datetime import timedelta
from pathlib import Path

import pytest

from engagectl import api
from engagectl.errors import UnusableSnapshot
from engagectl.model.plan import Plan
from engagectl.planner import make_plan
from engagectl.snapshot import read_snapshot
from tests.cli.inside import run
from tests.scenarios.house import SPACE, House, identify

OLD = SPACE.replace("traits:\n", "traits:\n  old_score: {space: default, kind: sql, type: string}\n")
CHANGED = (
    SPACE.replace("traits:\n", "traits:\n  phone: {space: default, kind: sql, type: string}\n").replace(
        '"decimal(18,2)"', '"decimal(24,2)"'
    )
    + 'removed:\n  - {address: column.engage_default.users.old_score, reason: "DATA-812"}\n'
)
OTHER = """
inputs:
  others: {files: ["others/*.jsonl"]}
spaces:
  other: {slug: other, sources: {main: {input: others}}}
audiences:
  lapsed: {space: other, kind: profile}
connections:
  more: {space: other, warehouses: [cdp], send: [{audiences: ["*"], as: [identify]}]}
"""
LATE = "activations:\n  late: {audience: first_time_shopper, warehouses: [cdp], schema: elsewhere, table: late}\n"


def snapped(house: House) -> Path:
    """Apply, load, take the snapshot; then change the YAML."""
    house.write(OLD)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    house.execute('CREATE SCHEMA "elsewhere"')
    house.execute('CREATE TABLE "elsewhere"."people" ("passport" VARCHAR)')
    place = house.root / "catalog.json"
    api.drift(house.project, snapshot=place)
    house.write(CHANGED)
    house.write(OTHER, name="engage/other.yaml")
    return place


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("plain"), "    type: duckdb\n    path: ./acme.duckdb\n")
    snapped(house)
    return house


def test_a_plan_from_a_snapshot_is_the_plan_from_the_warehouse(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    place = snapped(house)
    live = house.plan()
    assert {type(one.change).__name__ for one in live.steps} >= {"AddColumn", "CreateSchema", "DropColumn"}
    monkeypatch.delenv("ENGAGECTL_SCENARIO_DSN", raising=False)
    for file in house.root.glob("acme.duckdb*"):
        file.unlink()
    plan = api.make_plan(house.project, catalog=place)
    assert plan.steps == live.steps
    assert plan.all_findings == live.all_findings
    assert plan.warehouses[0].noted == live.warehouses[0].noted
    assert plan.warehouses[0].feeds == live.warehouses[0].feeds
    assert plan.fingerprint == live.fingerprint
    assert (plan.mode, plan.warehouses[0].queries) == ("catalog", 0)


def test_it_says_which_snapshot_in_its_first_line(plain: House) -> None:
    place = str(plain.root / "catalog.json")
    taken = api.make_plan(plain.project, catalog=Path(place)).taken_at
    done = run("-C", str(plain.root), "plan", "--catalog", place)
    assert done.code == 0
    assert f"compared with the catalog snapshot of {taken}" in done.out.splitlines()[0]
    for other in (("--offline",), ("--base", "HEAD"), ("--out", "plan.json")):
        assert run("-C", str(plain.root), "plan", "--catalog", place, *other).code == 64


def test_it_holds_nothing_that_is_not_the_projects(plain: House) -> None:
    place = plain.root / "catalog.json"
    text = place.read_text()
    assert "elsewhere" in text  # that there is such a schema has to be known
    assert "passport" not in text
    assert "acme.duckdb" not in text
    assert (place.stat().st_mode & 0o777) == 0o600


def test_a_schema_that_it_did_not_look_into_is_not_a_new_one(plain: House) -> None:
    plain.write(LATE, name="engage/late.yaml")
    with pytest.raises(UnusableSnapshot, match="elsewhere that the snapshot did not look into"):
        api.make_plan(plain.project, catalog=plain.root / "catalog.json")
    (plain.root / "engage/late.yaml").unlink()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("project: acme", "project: other", "is of project 'acme'"),
        ("dev", "qa", "target 'dev'"),
        ("local", "elsewhere", "no warehouse 'elsewhere'"),
        ("version: 1", "version: 1\njournal_schema: other", "journal 'engagectl'"),
    ],
)
def test_one_that_is_not_of_this_target_is_refused(plain: House, before: str, after: str, said: str) -> None:
    root = plain.root / "engagectl.yaml"
    text = root.read_text()
    root.write_text(text.replace(before, after))
    try:
        with pytest.raises(UnusableSnapshot, match=said):
            api.make_plan(plain.project, catalog=plain.root / "catalog.json")
    finally:
        root.write_text(text)


def test_one_that_is_older_than_a_plan_may_be_is_refused(plain: House) -> None:
    snapshot = read_snapshot(plain.root / "catalog.json")

    def plan(days: int) -> Plan:
        now = snapshot.taken + timedelta(days=days)
        return make_plan(plain.project, connections=None, now=now, mode="catalog", snapshot=snapshot)

    assert plan(6).expires_at == (snapshot.taken + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(UnusableSnapshot, match="older than plan"):
        plan(7)


def test_a_snapshot_is_written_before_the_first_apply_too(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    place = tmp_path / "catalog.json"
    assert run("-C", str(house.root), "drift", "--snapshot", str(place)).code == 4  # nothing was applied
    assert api.make_plan(house.project, catalog=place).steps == house.plan().steps
