"""Whose things are, what is retained, renamed, taken over and found (DESIGN decisions 4 to 6), on both engines."""

import os

import psycopg
import pytest

from engagectl import api
from engagectl.errors import EngagectlError, RefusedError
from engagectl.model.change import AddColumn, RenameColumn, SetComment
from engagectl.model.plan import Plan
from tests.scenarios.house import SPACE, House, identify, track

TIER = SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1)
LOG = """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: log
    mappings: [{from: properties.a, to: a, type: string}]
"""
DEV = "  dev: {warehouses: {cdp: local}}"
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True, "a": "x"}


def execute(house: House, *statements: str) -> None:
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        for sql in statements:
            connection.execute(sql)


def codes(plan: Plan) -> set[str]:
    return {finding.code for finding in plan.all_findings if finding.refuses}


def set_root(house: House, old: str, new: str) -> None:
    root = house.root / "engagectl.yaml"
    assert old in root.read_text()
    root.write_text(root.read_text().replace(old, new))


def test_a_retired_key_is_remembered_after_its_column_is_dropped(house: House) -> None:
    house.write(TIER)
    house.apply()
    house.write(SPACE)
    house.apply()
    dropped = "".join(
        f"  - {{address: local/column.engage_default.{table}.tier, reason: D-1}}\n"
        for table in ("identifies", "users", "trait_computed")
    )
    house.write(SPACE + "removed:\n" + dropped)
    house.apply()
    house.write(SPACE.replace("    send:\n", "    on_undeclared: add_column\n    send:\n"))
    house.apply()
    house.messages(identify(1, {"tier": "gold", "first_time_shopper": True}), identify(2, {"tier": "blue"}))
    house.sync()
    with pytest.raises(EngagectlError):
        house.rows("engage_default.identifies", "tier", order="1")
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]


def test_a_rename_is_decided_table_by_table(house: House) -> None:
    house.write(TIER)
    house.apply()
    house.messages(identify(1, {"tier": "gold"}))
    house.sync()
    execute(house, "ALTER TABLE engage_default.identifies RENAME COLUMN tier TO grade")
    house.write(TIER.replace("  tier: {", "  grade: {renamed_from: tier, "))
    plan = house.plan()
    assert sorted(str(s.address) for s in plan.steps if isinstance(s.change, RenameColumn)) == [
        "local/column.engage_default.trait_computed.grade",
        "local/column.engage_default.users.grade",
    ]
    assert not [step for step in plan.steps if isinstance(step.change, AddColumn)]
    house.apply()
    house.messages(identify(2, {"tier": "old key"}), identify(3, {"grade": "new", "tier": "old"}, user="u3"))
    house.sync()
    assert house.rows("engage_default.users", "id, grade") == [("u123", "old key"), ("u3", "new")]


def test_of_two_names_an_empty_old_one_is_retained_and_a_full_one_refused(house: House) -> None:
    both = TIER.replace("traits:\n", "traits:\n  grade: {space: default, kind: sql, type: string}\n", 1)
    house.write(both)
    house.apply()
    hinted = both.replace("  tier: {space: default, kind: sql, type: string}\n", "").replace(
        "  grade: {", "  grade: {renamed_from: tier, "
    )
    house.write(hinted)
    assert not house.plan().refused
    execute(house, "INSERT INTO engage_default.identifies (id, tier) VALUES ('a', 'x')")
    assert codes(house.plan()) == {"EC604"}


def test_a_hint_that_finds_nothing_is_told(house: House) -> None:
    house.write(SPACE)
    house.apply()
    house.write(TIER.replace("  tier: {", "  tier: {renamed_from: rank, "))
    plan = house.plan()
    assert "EC614" in {finding.code for finding in plan.all_findings}
    assert not plan.refused


def test_another_target_is_refused_and_takes_over_with_its_offsets(house: House) -> None:
    house.write(SPACE + LOG)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    set_root(house, DEV, DEV + "\n  prod: {warehouses: {cdp: local}}")
    set_root(house, "default_target: dev", "default_target: prod")
    assert codes(house.plan()) == {"EC603"}
    with pytest.raises(RefusedError):
        house.apply()
    house.apply(take_over=True)
    assert house.plan().steps == ()
    assert house.drift().steps == ()
    house.messages(track(2, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",), ("m2",)]
    set_root(house, "default_target: prod", "default_target: dev")
    assert codes(house.plan()) == {"EC603"}


def test_another_target_retires_nothing_of_the_first(house: House) -> None:
    house.write(SPACE + LOG)
    set_root(house, DEV, DEV + "\n  prod: {warehouses: {other: local}}")
    house.apply()
    house.write(SPACE + LOG + "  late: {audience: first_time_shopper, warehouses: [other], table: late}\n")
    set_root(house, DEV, DEV + "\n  prod: {warehouses: {other: local}}")
    set_root(house, "default_target: dev", "default_target: prod")
    assert {str(s.address) for s in house.plan().steps} == {"local/table.default.late", "local/activation.late"}
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("default.late", "id", order="1") == [("m1",)]
    assert house.rows("default.log", "id", order="1") == []
    set_root(house, "default_target: prod", "default_target: dev")
    assert house.plan().steps == ()
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",)]


def test_another_project_takes_over_with_offsets_and_dedupe(house: House) -> None:
    house.write(SPACE + LOG)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    set_root(house, "project: acme", "project: other")
    assert codes(house.plan()) == {"EC603"}
    house.apply(take_over=True)
    assert house.plan().steps == ()
    house.messages(track(2, "Audience Entered", ENTERED), track(1, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",), ("m2",)]


def test_a_found_not_null_column_that_may_stay_empty_is_refused(house: House) -> None:
    house.write(SPACE)
    execute(
        house,
        'CREATE SCHEMA "default"',
        'CREATE TABLE "default".log'
        " (id text NOT NULL, received_at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'x')",
    )
    house.write(SPACE + LOG)
    assert not house.plan().refused
    execute(house, 'DROP TABLE "default".log', 'CREATE TABLE "default".log (id text, must text NOT NULL)')
    assert codes(house.plan()) == {"EC606"}
    execute(house, 'DROP TABLE "default".log', 'CREATE TABLE "default".log (id text, a text NOT NULL)')
    assert codes(house.plan()) == {"EC606"}
    house.write(SPACE + LOG.replace("type: string}", "type: string, required: true}"))
    assert not house.plan().refused


def test_a_view_is_no_table(house: House) -> None:
    house.write(SPACE)
    execute(house, 'CREATE SCHEMA "default"', "CREATE VIEW \"default\".log AS SELECT 'a' AS id")
    house.write(SPACE + LOG)
    assert "EC608" in codes(house.plan())


def test_a_view_that_reads_a_table_is_a_hazard(house: House) -> None:
    house.write(SPACE)
    house.apply()
    execute(house, "CREATE VIEW engage_default.v AS SELECT id, total_revenue_180_days FROM engage_default.users")
    house.write(SPACE.replace("decimal(18,2)", "decimal(20,2)"))
    hazards = {s.address.name: s.hazards for s in house.plan().steps}
    assert "DEPENDENT_VIEW" in hazards["engage_default.users.total_revenue_180_days"]
    assert "DEPENDENT_VIEW" not in hazards["engage_default.identifies.total_revenue_180_days"]


def test_a_description_is_a_comment_that_converges(house: House) -> None:
    house.write(TIER)
    house.apply()
    house.write(TIER.replace("  tier: {", "  tier: {description: the customer's tier, "))
    comments = [s for s in house.plan().steps if isinstance(s.change, SetComment)]
    assert len(comments) == 3
    house.apply()
    assert house.plan().steps == ()


def test_a_native_type_is_accepted_and_never_altered(house: House) -> None:
    house.write(SPACE)
    execute(house, 'CREATE SCHEMA "default"', 'CREATE TABLE "default".log (id text, a smallint)')
    house.write(SPACE + LOG.replace("type: string}", "type: integer}"))
    assert [step.address.name for step in house.plan().steps if step.hazards] == ["default.log.a"]
    native = SPACE + LOG.replace("type: string}", "type: integer, native: {local: smallint}}")
    house.write(native)
    assert [step.address.name for step in house.plan().steps if step.hazards] == []
    house.apply()
    assert house.plan().steps == ()


@pytest.mark.postgres
@pytest.mark.parametrize("house", ["postgres"], indirect=True)
def test_a_plan_needs_no_right_to_write_and_a_missing_grant_is_one_finding(house: House) -> None:
    house.write(TIER)
    house.apply()
    house.messages(identify(1, {"tier": "7"}))
    house.sync()
    dsn = os.environ["ENGAGECTL_SCENARIO_DSN"]
    role = f"reader_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        admin.execute(f"GRANT USAGE ON SCHEMA engage_default TO {role}")
        try:
            with psycopg.connect(dsn) as owner:
                owner.execute(f"GRANT {role} TO CURRENT_USER")
            _plans_as(house, dsn, role, admin)
        finally:
            admin.execute(f"DROP OWNED BY {role}")
            admin.execute(f"DROP ROLE {role}")


def _plans_as(house: House, dsn: str, role: str, admin: "psycopg.Connection[object]") -> None:
    separator = "&" if "?" in dsn else "?"
    os.environ["ENGAGECTL_SCENARIO_DSN"] = f"{dsn}{separator}options=-c%20role%3D{role}"
    try:
        plan = house.plan()
        assert [finding.code for finding in plan.all_findings if finding.refuses] == ["EC531"]
        admin.execute(f"GRANT USAGE ON SCHEMA engagectl TO {role}")
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA engagectl TO {role}")
        assert house.plan().steps == ()
        assert house.plan().warehouses[0].queries <= 12
        house.write(TIER.replace("type: string", "type: integer"))
        set_root(house, "default_target: dev", "default_target: dev\nlifecycle: {type_changes: rebuild}")
        plan = house.plan()
        assert {finding.code for finding in plan.all_findings} >= {"EC531"}
        assert not plan.refused
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA engage_default TO {role}")
        assert "EC531" not in {finding.code for finding in house.plan().all_findings}
    finally:
        os.environ["ENGAGECTL_SCENARIO_DSN"] = dsn
