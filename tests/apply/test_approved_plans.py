"""Approved plans played for real: what they hold runs, what they do not hold stops everything."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.errors import RefusedError, StalePlan
from engagectl.model.change import AddColumn
from engagectl.model.plan import Plan
from engagectl.planfile import read_plan, write_plan
from tests.scenarios.house import ROOT, SPACE, House

TIER = SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1)
RANK = SPACE.replace("traits:\n", "traits:\n  rank: {space: default, kind: sql, type: integer}\n", 1)
BOTH = TIER.replace("traits:\n", "traits:\n  rank: {space: default, kind: sql, type: integer}\n", 1)
LOG = """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: log
    mappings: [{from: properties.a, to: a, type: string}]
"""


def planned(house: House, yaml: str, name: str = "plan.json") -> Plan:
    """Write the YAML and return its plan, as a file has carried it."""
    house.write(yaml)
    write_plan(house.plan(), house.root / name)
    return read_plan(house.root / name)


def apply(house: House, *approved: Plan, **more: Any) -> Any:
    return api.apply_plan(house.project, approved=approved, confirm=lambda _: True, reporter=lambda _: None, **more)


def execute(house: House, sql: str) -> None:
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute(sql)


def test_an_approved_plan_runs_and_running_it_again_does_nothing(house: House) -> None:
    plan = planned(house, SPACE)
    assert len(apply(house, plan).steps) == len(plan.steps)
    assert apply(house, plan).steps == ()
    assert house.plan().steps == ()


def test_steps_that_are_done_already_are_fine(house: House) -> None:
    house.write(SPACE)
    house.apply()
    plan = planned(house, TIER)
    execute(
        house,
        "ALTER TABLE engage_default.users ADD COLUMN tier VARCHAR"
        if "duckdb" in house.warehouse
        else "ALTER TABLE engage_default.users ADD COLUMN tier text",
    )
    apply(house, plan)
    assert house.plan().steps == ()


def test_a_step_that_nobody_approved_stops_all(house: House) -> None:
    house.write(SPACE)
    house.apply()
    plan = planned(house, TIER)
    house.write(BOTH)
    with pytest.raises(StalePlan) as caught:
        apply(house, plan)
    assert any("engage_default.users.rank" in line for line in caught.value.help)
    house.write(SPACE)
    assert house.plan().steps == ()


def test_two_pull_requests_that_both_add_to_users_merge_in_either_order(house: House) -> None:
    house.write(SPACE)
    house.apply()
    one, two = planned(house, TIER, "one.json"), planned(house, RANK, "two.json")
    house.write(BOTH)
    merged = {str(s.address) for s in house.plan().steps if isinstance(s.change, AddColumn)}
    approved = {str(s.address) for plan in (one, two) for s in plan.steps if isinstance(s.change, AddColumn)}
    assert merged == approved
    apply(house, two, one)
    assert house.plan().steps == ()


def test_an_approved_create_approves_its_columns(house: House) -> None:
    house.write(SPACE)
    house.apply()
    plan = planned(house, SPACE + LOG)
    execute(house, 'CREATE SCHEMA "default"')
    text = "VARCHAR" if "duckdb" in house.warehouse else "text"
    execute(house, f'CREATE TABLE "default".log (id {text})')
    apply(house, plan)
    assert house.plan().steps == ()


def test_a_warehouse_changed_between_plan_and_apply_stops(house: House) -> None:
    house.write(SPACE)
    house.apply()
    plan = planned(house, SPACE.replace("decimal(18,2)", "decimal(20,2)"))
    kind = "DECIMAL(19,2)" if "duckdb" in house.warehouse else "numeric(19,2)"
    execute(house, f"ALTER TABLE engage_default.users ALTER COLUMN total_revenue_180_days SET DATA TYPE {kind}")
    with pytest.raises(StalePlan):
        apply(house, plan)


def test_a_plan_of_another_target_or_an_expired_one_is_refused(house: House) -> None:
    plan = planned(house, SPACE)
    with pytest.raises(StalePlan):
        read_plan(house.root / "plan.json", now=datetime(2999, 1, 1, tzinfo=UTC))
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text().replace("  dev: {", "  prod: {").replace("default_target: dev", ""))
    with pytest.raises(StalePlan):
        apply(house, plan)


def test_a_plan_made_against_another_database_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./one.duckdb\n")
    house.write(SPACE)
    house.apply()
    other = House(tmp_path, "    type: duckdb\n    path: ./two.duckdb\n")
    other.write(SPACE)
    other.apply()
    plan = planned(house, TIER)
    other.write(TIER)
    with pytest.raises(StalePlan, match="another database"):
        apply(other, plan)


def test_two_warehouses_that_are_one_database_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(SPACE)
    house.apply()
    if "duckdb" in house.warehouse:
        (house.root / "copy").mkdir()
        (house.root / "copy/acme.duckdb").write_bytes((house.root / "acme.duckdb").read_bytes())
        twin = "  twin: {type: duckdb, path: ./copy/acme.duckdb}\n"
    else:
        monkeypatch.setenv("ENGAGECTL_TWIN_DSN", os.environ["ENGAGECTL_SCENARIO_DSN"])
        twin = "  twin: {type: postgres, dsn: {$env: ENGAGECTL_TWIN_DSN}}\n"
    root = ROOT.replace("{cdp: local}", "{cdp: local, more: twin}")
    (house.root / "engagectl.yaml").write_text(root + house.warehouse + twin)
    assert "EC413" in {finding.code for finding in house.plan().findings}
    with pytest.raises(RefusedError) as refused:
        house.apply()
    assert refused.value.code == "EC413"


def test_a_selected_approved_plan_applies_its_selection_only(house: House) -> None:
    house.write(SPACE + LOG)
    write_plan(house.plan(select=("activation.log",)), house.root / "plan.json")
    apply(house, read_plan(house.root / "plan.json"))
    assert [str(feed.address) for feed in applied_feeds(house)] == ["activation.log"]
    assert house.plan(select=("activation.log",)).steps == ()
    assert house.plan().steps != ()


def applied_feeds(house: House) -> list[Any]:
    from engagectl.journal.applied import read_feeds

    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return [one.feed for one in read_feeds(connection, "engagectl")]
