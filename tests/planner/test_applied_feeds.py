"""What a change does to a feed that was applied before (the table of DESIGN decision 7), on both engines."""

import pytest

from engagectl import api
from engagectl.errors import RefusedError
from engagectl.model.change import ChangeSetting, CreateTable, RenameTable
from engagectl.model.plan import Plan
from tests.scenarios.house import SPACE, House, identify, track

LOG = """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: log
"""
TWO = SPACE.replace("main: {input: events}", "main: {input: events}, b: {input: events, schema: engage_b}")
FROM_B = TWO.replace("warehouses: [cdp]", "source: b\n    warehouses: [cdp]")
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}


def settings(plan: Plan) -> dict[str, tuple[str | None, str | None]]:
    found = {}
    for step in plan.steps:
        if isinstance(step.change, ChangeSetting):
            subject = f"{step.change.subject} {step.change.setting}"
            found[subject] = (step.change.before, step.change.after)
    return found


def codes(plan: Plan, *, refusing: bool = False) -> list[str]:
    return sorted({one.code for one in plan.all_findings if one.refuses or not refusing})


def gap(plan: Plan, feed: str) -> str:
    return next(one.message for one in plan.all_findings if one.code == "EC304" and str(one.address) == feed)


def applied(house: House, yaml: str) -> None:
    house.write(yaml)
    house.apply()
    assert house.plan().steps == ()


def test_a_trait_added_loads_from_the_offset_on_and_the_gap_is_told(house: House) -> None:
    applied(house, SPACE)
    house.messages(identify(1, {"tier": "gold", "total_revenue_180_days": 1}))
    house.sync()
    house.write(SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1))
    plan = house.plan()
    assert "engage_default.identifies.tier" in gap(plan, "connection.classic")
    assert "what it read up to" in gap(plan, "connection.classic")
    assert any("engagectl sync --reread --select connection.classic" in f.help[0] for f in plan.all_findings if f.help)
    house.apply()
    house.messages(identify(2, {"tier": "blue"}))
    house.sync()
    assert house.rows("engage_default.identifies", "id, tier") == [("m1", None), ("m2", "blue")]


def test_a_feed_that_has_read_nothing_has_no_gap(house: House) -> None:
    applied(house, SPACE)
    house.write(SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1))
    assert "EC304" not in codes(house.plan())


def test_an_event_kind_added_goes_on_from_the_offset(house: House) -> None:
    only_entered = SPACE + LOG + "    events: [audience_entered]\n"
    applied(house, only_entered)
    house.messages(track(1, "Audience Exited", {**ENTERED, "first_time_shopper": False}))
    house.sync()
    applied(house, SPACE + LOG)
    house.messages(track(2, "Audience Exited", {**ENTERED, "first_time_shopper": False}))
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m2",)]


def test_a_cell_included_again_says_since_when_it_was_not_fed(house: House) -> None:
    applied(house, SPACE)
    house.messages(identify(1, {"total_revenue_180_days": 1}))
    house.sync()
    excluded = "    selective_sync: {exclude: [trait.total_revenue_180_days]}\n"
    house.write(SPACE, settings=excluded)
    house.apply()
    house.messages(identify(2, {"total_revenue_180_days": 2, "first_time_shopper": True}))
    house.sync()
    house.write(SPACE)
    assert "what it read from 20" in gap(house.plan(), "connection.classic")
    house.apply()
    assert house.plan().steps == ()


def test_a_trait_moved_to_another_connection_loads_there_from_its_offset_on(house: House) -> None:
    two = SPACE.replace(
        "sources: {main: {input: events}}",
        "sources: {main: {input: events}, b: {input: events, schema: engage_b}}",
    )
    first = two + (
        "  second:\n    space: default\n    source: b\n    warehouses: [cdp]\n"
        "    send: [{audiences: [first_time_shopper], as: [identify]}]\n"
    )
    applied(house, first)
    house.messages(identify(1, {"total_revenue_180_days": 1}))
    house.sync()
    moved = first.replace('      - {traits: ["*"], as: [identify, track]}\n', "").replace(
        "send: [{audiences: [first_time_shopper], as: [identify]}]",
        'send: [{traits: ["*"], audiences: [first_time_shopper], as: [identify]}]',
    )
    house.write(moved)
    assert "engage_b.identifies.total_revenue_180_days" in gap(house.plan(), "connection.second")
    house.apply()
    house.messages(identify(2, {"total_revenue_180_days": 2}))
    house.sync()
    assert [row[0] for row in house.rows("engage_b.identifies", "id", order="1")] == ["m2"]
    assert [row[0] for row in house.rows("engage_default.identifies", "id", order="1")] == ["m1"]


def test_another_table_is_new_and_the_old_one_is_retained(house: House) -> None:
    applied(house, SPACE + LOG)
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    house.write(SPACE + LOG.replace("table: log", "table: diary"))
    plan = house.plan()
    assert [str(s.address) for s in plan.steps if isinstance(s.change, CreateTable)] == ["local/table.default.diary"]
    house.apply()
    assert "local/table.default.log" in {
        str(note.address) for note in house.plan().warehouses[0].noted if note.kind == "retained"
    }
    house.messages(track(2, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",)]
    assert house.rows("default.diary", "id", order="1") == [("m2",)]


def test_another_schema_of_an_activation_is_a_new_table(house: House) -> None:
    applied(house, SPACE + LOG)
    house.write(SPACE + LOG + "    schema: elsewhere\n")
    plan = house.plan()
    assert not plan.refused
    assert [str(s.address) for s in plan.steps if isinstance(s.change, CreateTable)] == ["local/table.elsewhere.log"]


def test_an_event_name_without_the_old_one_beside_it_is_a_new_table(house: House) -> None:
    applied(house, SPACE)
    named = SPACE.replace(
        '{audiences: ["*"], as: [identify, track]}',
        '{audiences: ["*"], as: [identify, track], event_names: {audience_entered: Joined}}',
    )
    house.write(named)
    plan = house.plan()
    assert [str(s.address) for s in plan.steps if isinstance(s.change, CreateTable)] == [
        "local/table.engage_default.joined"
    ]
    house.apply()
    assert "local/table.engage_default.audience_entered" in {
        str(note.address) for note in house.plan().warehouses[0].noted if note.kind == "retained"
    }


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (
            SPACE + LOG,
            SPACE.replace("audiences:\n", "audiences:\n  vip: {space: default, kind: profile}\n", 1)
            + LOG.replace("audience: first", "audience: vip #"),
        ),
        (
            SPACE.replace("slug: default,", "slug: default, space_id: spa_1,"),
            SPACE.replace("slug: default,", "slug: default, space_id: spa_2,"),
        ),
        (SPACE, SPACE.replace("slug: default,", "slug: other,")),
        (TWO, FROM_B),
        (FROM_B, FROM_B.replace("schema: engage_b", "schema: engage_c")),
    ],
    ids=["audience of an activation", "space_id", "slug", "source of a connection", "schema of a source"],
)
def test_a_feed_cannot_become_another(house: House, first: str, then: str) -> None:
    applied(house, first)
    house.write(then)
    assert "EC604" in codes(house.plan(), refusing=True)
    with pytest.raises(RefusedError):
        house.apply()


def test_a_space_id_where_there_was_none_is_a_setting(house: House) -> None:
    applied(house, SPACE)
    house.write(SPACE.replace("slug: default,", "slug: default, space_id: spa_1,"))
    plan = house.plan()
    assert not plan.refused
    assert settings(plan)["connection.classic space_id"] == (None, "spa_1")
    house.apply()
    assert house.plan().steps == ()


def test_a_removed_activation_is_retired_and_goes_on_where_it_stood(house: House) -> None:
    applied(house, SPACE + LOG)
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    house.write(SPACE)
    assert settings(house.plan()) == {"activation.log feed": ("applied", None)}
    house.apply()
    assert house.plan().steps == ()
    house.messages(track(2, "Audience Entered", ENTERED), name="data/b.jsonl")
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",)]
    applied(house, SPACE + LOG)
    house.messages(track(3, "Audience Entered", ENTERED), name="data/b.jsonl")
    house.sync()
    assert house.rows("default.log", "id", order="1") == [("m1",), ("m2",), ("m3",)]


def test_a_trait_removed_and_put_back_leaves_a_gap_that_is_told(house: House) -> None:
    more = SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1)
    applied(house, more)
    house.messages(identify(1, {"tier": "gold"}))
    house.sync()
    applied(house, SPACE)
    house.messages(identify(2, {"tier": "lost", "total_revenue_180_days": 2}))
    report = house.sync()
    assert report.exit_code == 0
    house.write(more)
    assert "what it read from 20" in gap(house.plan(), "connection.classic")
    house.apply()
    house.messages(identify(3, {"tier": "back"}))
    house.sync()
    assert house.rows("engage_default.identifies", "id, tier") == [("m1", "gold"), ("m2", None), ("m3", "back")]


def test_a_schema_handed_to_segment_and_back_begins_anew_and_meets_its_rows(house: House) -> None:
    applied(house, SPACE + LOG)
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    segment = (SPACE + LOG).replace("slug: default,", "slug: default, managed_by: segment,")
    house.write(segment)
    plan = house.plan()
    assert {step.address.kind for step in plan.steps} == {"activation", "connection", "users"}
    assert set(settings(plan).values()) == {("engagectl", "segment")}
    house.apply()
    assert house.plan().steps == ()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
    applied(house, SPACE + LOG)
    report = house.sync()
    assert ("EC711", "local/connection.classic") in {(one.code, str(one.address)) for one in report.left_out}


def test_the_input_of_a_source_changes_at_once(house: House) -> None:
    applied(house, SPACE)
    house.write(SPACE.replace("data/*.jsonl", "other/*.jsonl"))
    assert house.plan().steps == ()
    house.messages(identify(1, {"first_time_shopper": True}), name="other/a.jsonl")
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]


def test_an_activations_own_table_is_renamed_by_its_hint(house: House) -> None:
    applied(house, SPACE + LOG)
    house.messages(track(1, "Audience Entered", ENTERED))
    house.sync()
    house.write(SPACE + LOG.replace("table: log", "table: diary\n    table_renamed_from: log"))
    plan = house.plan()
    assert [s.change.before.table for s in plan.steps if isinstance(s.change, RenameTable)] == ["log"]
    assert "EC304" not in codes(plan)
    house.apply()
    assert house.plan().steps == ()
    house.messages(track(2, "Audience Entered", ENTERED))
    house.sync()
    assert house.rows("default.diary", "id", order="1") == [("m1",), ("m2",)]
    assert api.drift(house.project).steps == ()


def test_a_hash_taken_away_is_a_setting_that_a_reviewer_sees(house: House) -> None:
    hashed = SPACE.replace(
        "    warehouses: [cdp]\n", "    warehouses: [cdp]\n    columns: {tier: {transform: [sha256]}}\n"
    )
    hashed = hashed.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1)
    applied(house, hashed)
    house.write(hashed.replace("    columns: {tier: {transform: [sha256]}}\n", ""))
    assert settings(house.plan())["connection.classic transform.identifies.tier"] == ('["sha256"]', None)


def test_what_no_setting_says_is_explained(house: House) -> None:
    applied(house, SPACE)
    house.write(SPACE, settings="    selective_sync: {include: [trait.total_revenue_180_days]}\n")
    before, after = settings(house.plan())["connection.classic details"]
    assert before == "as applied"
    assert after is not None
    assert "total_revenue_180_days.decided_by added" in after
