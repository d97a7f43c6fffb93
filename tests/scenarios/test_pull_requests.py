"""Plans approved in pull requests, and what apply makes of them after merges in any order."""

import pytest

from engagectl import api
from engagectl.errors import StalePlan
from engagectl.model.plan import Plan
from tests.scenarios.house import SPACE, House

PHONE = "  phone: {space: default, kind: sql, type: string}\n"
SCORE = "  churn_score: {space: default, kind: ml, type: float}\n"


def yaml(*traits: str) -> str:
    head, _, tail = SPACE.partition("audiences:\n")
    return head + "".join(traits) + "audiences:\n" + tail


def planned(house: House, *traits: str) -> Plan:
    """Return the plan of a branch that adds these traits to what is applied."""
    house.write(yaml(*traits))
    return house.plan()


def apply(house: House, *approved: Plan) -> int:
    return len(api.apply_plan(house.project, approved=approved, confirm=lambda _: True).steps)


@pytest.fixture
def applied(house: House) -> House:
    house.write(yaml())
    house.apply()
    return house


@pytest.mark.parametrize("order", [(PHONE, SCORE), (SCORE, PHONE)], ids=["phone first", "score first"])
def test_two_that_add_to_users_merge_in_either_order(applied: House, order: tuple[str, str]) -> None:
    plans = {PHONE: planned(applied, PHONE), SCORE: planned(applied, SCORE)}
    first, second = order
    applied.write(yaml(first))
    assert apply(applied, plans[first]) > 0
    applied.write(yaml(PHONE, SCORE))
    assert apply(applied, plans[second]) > 0
    assert applied.plan().steps == ()
    assert applied.rows("engage_default.users", "phone, churn_score") == []


def test_a_skipped_apply_is_caught_up_by_the_next(applied: House) -> None:
    plans = planned(applied, PHONE), planned(applied, SCORE)
    applied.write(yaml(PHONE, SCORE))
    assert apply(applied, *plans) > 0
    assert applied.plan().steps == ()


def test_what_nobody_approved_stops_all_of_it(applied: House) -> None:
    phone = planned(applied, PHONE)
    applied.write(yaml(PHONE, SCORE))
    with pytest.raises(StalePlan) as caught:
        apply(applied, phone)
    assert any("churn_score" in line for line in caught.value.help)
    applied.write(yaml())
    assert applied.plan().steps == ()


def test_steps_that_are_done_already_are_fine(applied: House) -> None:
    phone = planned(applied, PHONE)
    assert apply(applied, phone) > 0
    assert apply(applied, phone) == 0
