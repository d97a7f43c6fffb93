"""The view beside a table of BigQuery, as Segment makes it."""

from tests.scenarios.house import SPACE, House, identify
from tests.warehouses.contract.conftest import Writing

NEEDS = "bigquery"
ONE = SPACE.replace("as: [identify, track]", "as: [identify]")
VIEWS = "    views: {days: 60}\n"


def views(house: House) -> list[tuple[str, str]]:
    return [
        (type(step.change).__name__, step.address.name)
        for step in house.plan().steps
        if step.address.name.endswith("_view")
    ]


def test_a_view_is_made_kept_in_step_and_dropped_with_its_table(house: House) -> None:
    house.write(ONE, settings=VIEWS)
    assert views(house) == [("SetView", "engage_default.identifies_view")]
    house.apply()
    assert house.plan().steps == ()
    assert house.drift().steps == ()
    assert not house.plan().warehouses[0].noted

    more = ONE.replace("\naudiences:", "\n  more: {space: default, kind: event, type: integer}\naudiences:")
    house.write(more, settings=VIEWS)
    assert views(house) == [("SetView", "engage_default.identifies_view")]
    house.apply()
    assert house.plan().steps == ()
    assert house.query("SELECT more FROM engage_default.identifies_view") == []

    house.write(
        'inputs: {events: {files: ["data/*.jsonl"]}}\n'
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}\n"
        "removed: [{address: table.engage_default.identifies, reason: x}]\n",
        settings=VIEWS,
    )
    assert views(house) == [("DropView", "engage_default.identifies_view")]
    house.apply()
    assert house.plan().steps == ()


def test_a_view_shows_the_newest_row_of_an_id_and_leaves_the_old_ones_out(house: House, writing: Writing) -> None:
    house.write(ONE, settings=VIEWS)
    house.apply()
    insert = "INSERT INTO engage_default.identifies (id, user_id, uuid_ts, received_at) VALUES ('{}', '{}', {}, {})"
    ago = "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {} DAY)"
    with writing() as connection:
        for id_, user, days in (("a", "old", 2), ("a", "new", 1), ("b", "gone", 90)):
            at = ago.format(days)
            connection.execute(insert.format(id_, user, at, at))
    assert house.query("SELECT id, user_id FROM engage_default.identifies_view") == [("a", "new")]
    assert len(house.query("SELECT id FROM engage_default.identifies")) == 3


def test_a_view_of_somebody_else_is_left_as_it_is(house: House, writing: Writing) -> None:
    house.write(ONE)
    house.apply()
    with writing() as connection:
        connection.execute("CREATE VIEW engage_default.identifies_view AS SELECT id FROM engage_default.identifies")
    assert not house.plan().warehouses[0].noted
    house.write(ONE, settings=VIEWS)
    assert house.plan().steps == ()
    assert [one.code for one in house.plan().warehouses[0].findings] == ["EC623"]
    house.messages(identify(1, {"total_revenue_180_days": 1}))
    assert house.sync().inserted == 2
