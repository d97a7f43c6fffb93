"""Plan, apply, plan: what a change of the YAML becomes, on a real DuckDB."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from engagectl import api
from engagectl.config.project import Project
from engagectl.errors import EditedPlan, StalePlan
from engagectl.model.change import AddColumn, ChangeSetting, DropColumn, RenameColumn, WidenColumn
from engagectl.model.plan import Plan
from engagectl.planfile import read_plan, write_plan
from engagectl.planner import make_plan
from engagectl.show.as_json import plan_json
from engagectl.show.as_text import plan_text
from engagectl.show.envelope import envelope

ROOT = """version: 1
project: acme
include: ["engage/*.yaml"]
default_target: dev
targets: {dev: {warehouses: {cdp: local}}}
warehouses: {local: {type: duckdb, path: ./db.duckdb}}
"""
SPACE = """
inputs: {events: {files: ["data/*.jsonl"]}}
spaces: {default: {slug: default, sources: {main: {input: events}}}}
traits:
  revenue: {space: default, kind: event, type: "decimal(10,2)"}
  score: {space: default, kind: ml, type: float}
audiences:
  vip: {space: default, kind: linked, entity: account}
  buyers: {space: default, kind: profile}
connections:
  classic: {space: default, warehouses: [cdp], send: [{traits: ["*"], audiences: ["*"], as: [identify, track]}]}
activations:
  log: {audience: vip, warehouses: [cdp], table: log,
        mappings: [{from: entity.account.id, to: account_id, type: string}]}
"""


def _open(root: Path, yaml: str, settings: str = ROOT) -> Project:
    (root / "engage").mkdir(exist_ok=True)
    (root / "engagectl.yaml").write_text(settings)
    (root / "engage/space.yaml").write_text(yaml)
    return api.open_project(root)


def _apply(root: Path, yaml: str) -> Plan:
    project = _open(root, yaml)
    api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
    return api.make_plan(project)


def _columns(plan: Plan, table: str) -> set[str]:
    tables = [t for w in plan.warehouses for f in w.feeds for t in f.tables if str(t.name) == table]
    return {column.name for t in tables for column in t.columns}


def test_plan_after_apply_is_empty_and_drift_is_clean(tmp_path: Path) -> None:
    assert _apply(tmp_path, SPACE).steps == ()
    assert api.drift(api.open_project(tmp_path)).steps == ()


def test_plan_writes_nothing(tmp_path: Path) -> None:
    project = _open(tmp_path, SPACE)
    assert api.make_plan(project).steps
    assert not (tmp_path / "db.duckdb").exists()


def test_activations_hold_exactly_their_columns(tmp_path: Path) -> None:
    plan = api.make_plan(_open(tmp_path, SPACE), offline=True)
    assert _columns(plan, "default.log") == {"id", "received_at", "account_id", "entity_context"}
    assert _columns(plan, "engage_default.users") == {
        "id", "user_id", "received_at", "timestamp", "uuid_ts", "revenue", "score", "vip", "buyers",
    }  # fmt: skip


def test_the_order_of_the_yaml_does_not_matter(tmp_path: Path) -> None:
    first = api.make_plan(_open(tmp_path, SPACE), offline=True)
    blocks = SPACE.replace(
        "  vip: {space: default, kind: linked, entity: account}\n  buyers: {space: default, kind: profile}\n",
        "  buyers: {space: default, kind: profile}\n  vip: {space: default, kind: linked, entity: account}\n",
    )
    assert blocks != SPACE
    assert api.make_plan(_open(tmp_path, blocks), offline=True).fingerprint == first.fingerprint


def test_a_trait_added_is_a_column_in_every_table_that_carries_it(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    more = SPACE.replace("traits:\n", "traits:\n  plan_tier: {space: default, kind: sql, type: string}\n")
    plan = api.make_plan(_open(tmp_path, more))
    added = {str(step.address) for step in plan.steps if isinstance(step.change, AddColumn)}
    assert added == {
        f"local/column.engage_default.{table}.plan_tier" for table in ("identifies", "trait_computed", "users")
    }
    assert _apply(tmp_path, more).steps == ()


def test_a_decimal_that_grows_is_widened(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    wider = SPACE.replace("decimal(10,2)", "decimal(18,2)")
    assert {type(step.change) for step in api.make_plan(_open(tmp_path, wider)).steps} == {WidenColumn}
    assert _apply(tmp_path, wider).steps == ()


def test_a_decimal_that_shrinks_leaves_the_wider_column(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    plan = api.make_plan(_open(tmp_path, SPACE.replace("decimal(10,2)", "decimal(8,2)")))
    assert not any(isinstance(step.change, WidenColumn) for step in plan.steps)
    assert "found" in {one.kind for one in plan.warehouses[0].noted}


def test_a_type_that_would_lose_values_is_refused(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    plan = api.make_plan(_open(tmp_path, SPACE.replace("kind: ml, type: float", "kind: ml, type: integer")))
    assert "EC602" in {finding.code for finding in plan.all_findings if finding.refuses}


def test_a_trait_is_renamed_by_hint_only(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    renamed = SPACE.replace("  score: {", "  grade: {renamed_from: score, ")
    plan = api.make_plan(_open(tmp_path, renamed))
    assert {step.change.before for step in plan.steps if isinstance(step.change, RenameColumn)} == {"score"}
    assert _apply(tmp_path, renamed).steps == ()


def test_absence_is_never_a_drop_and_removed_is(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    without = SPACE.replace("  score: {space: default, kind: ml, type: float}\n", "")
    plan = api.make_plan(_open(tmp_path, without))
    assert not any(isinstance(step.change, DropColumn) for step in plan.steps)
    assert "local/column.engage_default.users.score" in {
        str(one.address) for one in plan.warehouses[0].noted if one.kind == "retained"
    }
    _apply(tmp_path, without)
    removed = without + "removed: [{address: local/column.engage_default.users.score, reason: D-1}]\n"
    dropped = [s for s in api.make_plan(_open(tmp_path, removed)).steps if isinstance(s.change, DropColumn)]
    assert [str(step.address) for step in dropped] == ["local/column.engage_default.users.score"]
    assert _apply(tmp_path, removed).steps == ()


def test_removed_may_not_name_what_is_not_ours(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    with api.connected(api.open_project(tmp_path), command="test", read_only=False) as connections:
        connections["local"].execute('CREATE TABLE "default".theirs (a INTEGER)')
    plan = api.make_plan(_open(tmp_path, SPACE + "removed: [{address: local/table.default.theirs, reason: D-2}]\n"))
    assert "EC605" in {finding.code for finding in plan.all_findings}
    assert plan.steps == ()


def test_another_audience_under_the_same_id_is_refused(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    plan = api.make_plan(
        _open(
            tmp_path,
            SPACE.replace("log: {audience: vip", "log: {audience: buyers").replace(
                "from: entity.account.id", "from: properties.x"
            ),
        )
    )
    assert "EC604" in {finding.code for finding in plan.all_findings if finding.refuses}


def test_a_setting_is_compared_with_the_applied_state(tmp_path: Path) -> None:
    _apply(tmp_path, SPACE)
    plan = api.make_plan(
        _open(tmp_path, SPACE.replace("warehouses: [cdp], send", "null_erases: true, warehouses: [cdp], send"))
    )
    settings = {(str(s.address), s.change.setting) for s in plan.steps if isinstance(s.change, ChangeSetting)}
    assert settings == {("local/connection.classic", "null_erases"), ("local/users.default.main", "null_erases")}


def test_select_takes_addresses_and_globs(tmp_path: Path) -> None:
    project = _open(tmp_path, SPACE)
    plan = api.make_plan(project, select=("activation.log",))
    assert {str(step.address) for step in plan.steps} == {
        "local/schema.default", "local/table.default.log", "local/activation.log",
    }  # fmt: skip
    assert [str(feed.address) for feed in plan.warehouses[0].feeds] == ["activation.log"]


def test_a_plan_file_reads_back_equal_and_refuses_edits_and_age(tmp_path: Path) -> None:
    project = _open(tmp_path, SPACE)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    plan = make_plan(project, connections=None, now=now, mode="offline")
    path = tmp_path / "plan.json"
    write_plan(plan, path)
    assert read_plan(path, now=now) == plan
    with pytest.raises(StalePlan):
        read_plan(path, now=now + timedelta(days=8))
    document = json.loads(path.read_text())
    document["plan"]["project"] = "evil"
    path.write_text(json.dumps(document))
    with pytest.raises(EditedPlan):
        read_plan(path, now=now)


def test_a_plan_is_shown_to_people_and_machines(tmp_path: Path) -> None:
    plan = api.make_plan(_open(tmp_path, SPACE), offline=True)
    text = plan_text(plan, colour=False, width=100)
    assert "+ table.default.log" in text
    assert "\x1b" not in text
    data = plan_json(plan)
    assert data["schema"] == "engagectl/plan/1"
    assert len(data["warehouses"][0]["steps"]) == len(plan.steps)
    document = {**envelope("plan", ok=True), **data}
    jsonschema.validate(document, json.loads((Path(__file__).parents[2] / "schemas/plan.schema.json").read_text()))
    assert plan_text(dataclasses.replace(plan, warehouses=()), colour=True, width=80)


TOKEN = "{method: token, user: token, token: {$env: TOKEN}}"
KEY = "{method: key_pair, user: loader, private_key: {$env: KEY}}"
CLOUDS = {
    "snowflake": f"account: acme, database: CDP, compute_warehouse: WH, role: R, auth: {KEY}",
    "redshift": "cluster: engage, region: eu-west-1, database: cdp, user: loader, auth: {method: default}",
    "bigquery": "project: acme-cdp, auth: {method: default}",
    "databricks": f"host: adb-1.2.azuredatabricks.net, http_path: /sql/1.0/warehouses/a, catalog: cdp, auth: {TOKEN}",
}


@pytest.mark.parametrize("kind", sorted(CLOUDS))
def test_a_schema_that_segment_itself_would_not_write_is_noted(tmp_path: Path, kind: str) -> None:
    yaml = SPACE.replace("table: log", "table: log, schema: crm")
    assert yaml != SPACE
    root = ROOT.replace("{type: duckdb, path: ./db.duckdb}", f"{{type: {kind}, {CLOUDS[kind]}}}")
    usual, plan = (api.make_plan(_open(tmp_path, text, root), offline=True) for text in (SPACE, yaml))
    assert [one for one in usual.warehouses[0].noted if one.kind == "schema"] == []
    shown = plan_text(plan, colour=False, width=100)
    if kind == "snowflake":
        assert "Storage Actions" not in shown
        return
    assert "Storage Actions have that on Snowflake only" in shown
    assert "table.crm.log: not default, the schema of the space" in shown
