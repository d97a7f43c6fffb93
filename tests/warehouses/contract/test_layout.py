"""How tables are laid out: as the YAML says, where the engine can; what it cannot is refused before it is sent."""

import re

import pytest

from engagectl.errors import RefusedError
from tests.scenarios.house import SPACE, House

NEEDS = "bigquery databricks"
SAYS = "    layout: {{events: {{cluster_by: [{}]}}}}\n"
ONE = SPACE.replace("as: [identify, track]", "as: [identify]")


def layouts(house: House) -> list[tuple[str, str]]:
    return [
        (step.address.name, " ".join(step.statements[0].split()).partition(" CLUSTER BY ")[2])
        for step in house.plan().steps
    ]


def test_a_layout_is_changed_in_place_and_then_the_plan_is_empty(house: House) -> None:
    house.write(ONE)
    house.apply()
    house.write(ONE, settings=SAYS.format("id, user_id"))
    assert [(name, re.findall(r"\w+", by)) for name, by in layouts(house)] == [
        ("engage_default.identifies", ["id", "user_id"])
    ]
    house.apply()
    assert layouts(house) == []
    assert house.drift().steps == ()
    house.write(ONE, settings=SAYS.format("id"))
    (changed,) = house.drift().steps
    assert changed.address.name == "engage_default.identifies"


def test_a_column_of_the_layout_is_not_dropped(house: House) -> None:
    users = "    layout: {{users: {{cluster_by: [{}]}}}}\n"
    house.write(ONE, settings=users.format("first_time_shopper"))
    house.apply()
    gone = ONE.replace("first_time_shopper", "other")
    gone += "removed: [{address: column.engage_default.users.first_time_shopper, reason: x}]\n"
    house.write(gone)
    (refused,) = [one for one in house.plan().warehouses[0].findings if one.refuses]
    assert refused.code == "EC622"
    with pytest.raises(RefusedError):
        house.apply()
    house.write(gone, settings=users.format("id"))
    house.apply()
    assert house.plan().steps == ()
