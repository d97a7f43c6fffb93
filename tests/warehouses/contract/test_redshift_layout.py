"""Redshift alone: a table that is laid out in another way than the YAML says is told of, and never written again."""

from engagectl.show.as_text import plan_text
from tests.scenarios.house import SPACE, House

NEEDS = "redshift"
ONE = SPACE.replace("as: [identify, track]", "as: [identify]")


def _told(house: House) -> list[tuple[str, str]]:
    plans = (house.plan(), house.drift())
    assert [plan.steps for plan in plans] == [(), ()]
    first, second = (
        [(one.address.name, one.detail) for one in plan.warehouses[0].noted if one.kind == "layout"] for plan in plans
    )
    assert first == second
    return first


def test_another_layout_is_told_and_is_no_step(house: House) -> None:
    house.write(ONE)
    house.apply()
    assert _told(house) == [], "nothing is said"
    house.write(ONE, settings="    layout: {events: {sortkey: [received_at]}, users: {distkey: id, sortkey: [id]}}\n")
    assert _told(house) == [], "it is as it is said"
    house.write(ONE, settings="    layout: {events: {distkey: user_id, sortkey: [user_id, id]}}\n")
    assert _told(house) == [
        (
            "engage_default.identifies",
            "spread by nothing, sorted by received_at; `layout` says spread by user_id, sorted by user_id, id",
        )
    ]
    assert "Laid out in another way" in plan_text(house.plan(), colour=False, width=120)


def test_a_column_of_the_layout_is_not_dropped(house: House) -> None:
    users = "    layout: {users: {sortkey: [first_time_shopper]}}\n"
    house.write(ONE, settings=users)
    house.apply()
    gone = ONE.replace("first_time_shopper", "other")
    gone += "removed: [{address: column.engage_default.users.first_time_shopper, reason: x}]\n"
    house.write(gone)
    (refused,) = [one for one in house.plan().warehouses[0].findings if one.refuses]
    assert refused.code == "EC622"
