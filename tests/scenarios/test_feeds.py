"""Feeds keep their own place in the inputs: added late, selected, renamed, retired, excluded, broken."""

import pytest

from engagectl.errors import EngagectlError, NothingApplied, RefusedError
from tests.scenarios.house import SPACE, House, identify, track

LATER = """
activations:
  shoppers:
    audience: first_time_shopper
    warehouses: [cdp]
    table: shoppers
"""
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}


def test_an_activation_added_later_sees_all_history(house: House) -> None:
    house.write()
    house.messages(*(track(n, "Audience Entered", ENTERED) for n in range(1, 6)))
    house.apply()
    house.sync()
    house.write(LATER, name="engage/later.yaml")
    house.write()
    house.apply()
    house.messages(track(6, "Audience Entered", ENTERED), name="data/b.jsonl")
    house.sync()
    assert len(house.rows("default.shoppers", "id", order="1")) == 6
    assert len(house.rows("engage_default.audience_entered", "id", order="1")) == 6


def test_a_selected_sync_never_costs_another_feed_a_row(house: House) -> None:
    house.write(SPACE + LATER)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync(select=("activation.shoppers",))
    assert house.rows("engage_default.audience_entered", "id", order="1") == []
    house.sync()
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m1",)]
    assert house.rows("default.shoppers", "id", order="1") == [("m1",)]


def test_one_audience_through_both_doors_at_once(house: House) -> None:
    house.write(SPACE + LATER)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m1",)]
    assert house.rows("default.shoppers", "id", order="1") == [("m1",)]


def test_a_renamed_activation_keeps_its_place(house: House) -> None:
    house.write(SPACE + LATER)
    house.messages(track(1, "Audience Entered", ENTERED))
    house.apply()
    house.sync()
    house.write(SPACE + LATER.replace("  shoppers:\n", "  buyers:\n    renamed_from: shoppers\n"))
    house.apply()
    house.sync()
    assert house.rows("default.shoppers", "id", order="1") == [("m1",)]


def test_sync_before_any_apply_is_refused(house: House) -> None:
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    with pytest.raises(NothingApplied):
        house.sync()
    with pytest.raises(NothingApplied):
        house.drift()


def test_a_merged_change_that_is_not_applied_does_not_stop_loading(house: House) -> None:
    house.write()
    house.apply()
    house.write(SPACE.replace("audiences:\n", "audiences:\n  vip: {space: default, kind: profile}\n", 1))
    house.messages(identify(1, {"first_time_shopper": True, "vip": True}))
    house.sync()
    assert house.rows("engage_default.identifies", "id, first_time_shopper") == [("m1", True)]
    assert house.plan().steps != ()


def test_a_trait_renamed_keeps_its_rows_and_reads_the_old_key(house: House) -> None:
    house.write()
    house.messages(identify(1, {"total_revenue_180_days": 1}))
    house.apply()
    house.sync()
    renamed = SPACE.replace("total_revenue_180_days: {", "revenue: {renamed_from: total_revenue_180_days, ")
    house.write(renamed)
    house.apply()
    house.messages(identify(2, {"total_revenue_180_days": 2}, user="u2"), identify(3, {"revenue": 3}, user="u3"))
    house.sync()
    assert [int(v) for _, v in house.rows("engage_default.identifies", "id, revenue")] == [1, 2, 3]
    assert [int(v) for _, v in house.rows("engage_default.users", "id, revenue")] == [1, 2, 3]
    assert house.plan().steps == ()


def test_a_removed_trait_is_retained_and_only_dropped_when_asked(house: House) -> None:
    house.write()
    house.messages(identify(1, {"total_revenue_180_days": 1, "first_time_shopper": True}))
    house.apply()
    house.sync()
    without = (
        SPACE.replace('  total_revenue_180_days: {space: default, kind: event, type: "decimal(18,2)"}\n', "")
        .replace("traits:\n", "", 1)
        .replace('      - {traits: ["*"], as: [identify, track]}\n', "")
    )
    house.write(without)
    assert not [step for step in house.plan().steps if "DATA_LOSS" in step.hazards]
    house.apply()
    assert len(house.rows("engage_default.identifies", "id, total_revenue_180_days")) == 1
    house.write(
        without
        + "removed:\n  - {address: local/column.engage_default.users.total_revenue_180_days, reason: DATA-812}\n"
    )
    plan = house.plan()
    assert [str(step.address) for step in plan.steps if "DATA_LOSS" in step.hazards] == [
        "local/column.engage_default.users.total_revenue_180_days"
    ]
    house.apply()
    with pytest.raises(EngagectlError):
        house.rows("engage_default.users", "total_revenue_180_days")


def test_a_schema_managed_by_segment_gets_no_statement_and_no_row(house: House) -> None:
    house.write(SPACE.replace("slug: default,", "slug: default, managed_by: segment,"))
    house.messages(identify(1, {"first_time_shopper": True}))
    assert house.plan().steps == ()
    house.apply()
    with pytest.raises(RefusedError):
        house.sync()
    with pytest.raises(EngagectlError):
        house.rows("engage_default.identifies", "id")


def test_a_space_with_three_sources_has_three_schemas(house: House) -> None:
    yaml = SPACE.replace(
        "sources: {main: {input: events}}",
        "sources: {main: {input: events}, b: {input: events, schema: engage_default_b},"
        " c: {input: events, schema: engage_default_c}}",
    )
    second = yaml + "".join(
        f"  classic_{s}:\n    space: default\n    source: {s}\n    warehouses: [cdp]\n"
        f'    send: [{{audiences: ["*"], as: [identify]}}]\n'
        for s in ("b", "c")
    )
    house.write(second + LATER)
    house.messages(identify(1, {"first_time_shopper": True}), track(2, "Audience Entered", ENTERED))
    house.apply()
    house.sync()
    for schema in ("engage_default", "engage_default_b", "engage_default_c"):
        assert house.rows(f"{schema}.identifies", "id", order="1") == [("m1",)]
    assert house.rows("default.shoppers", "id", order="1") == [("m2",)]


def test_identifies_excluded_leaves_users_right(house: House) -> None:
    house.write(settings="    selective_sync: {exclude: [table.engage_default.identifies]}\n")
    house.messages(identify(1, {"first_time_shopper": True}))
    house.apply()
    house.sync()
    assert house.rows("engage_default.users", "id, first_time_shopper") == [("u123", True)]


def test_two_projects_share_one_database(house: House) -> None:
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.apply()
    house.sync()
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text().replace("project: acme", "project: other"))
    plan = house.plan()
    assert plan.refused
    assert "EC603" in {finding.code for finding in plan.all_findings}
