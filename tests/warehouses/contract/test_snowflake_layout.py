"""Snowflake alone: tables get the clustering key that the YAML says, and lose it when it says so."""

from collections.abc import Iterator

import pytest

from tests.scenarios.house import SPACE, House
from tests.warehouses.contract.snowflake_gate import Gate, running

NEEDS = "snowflake"
ONE = SPACE.replace("as: [identify, track]", "as: [identify]")
KEY = "    layout: {{events: {{cluster_by: [{}]}}}}\n"


@pytest.fixture
def gate(house: House, address: str) -> Iterator[Gate]:
    """What stands between the house and its database, and keeps clustering keys."""
    with running(address) as gate:
        house.warehouse = house.warehouse.replace(address, gate.address)
        yield gate


def _said(house: House) -> list[str]:
    return [" ".join(sql.split()) for step in house.plan().steps for sql in step.statements]


def test_a_clustering_key_is_set_changed_and_dropped_in_place(house: House, gate: Gate) -> None:
    table = 'ALTER TABLE "ENGAGE_DEFAULT"."IDENTIFIES"'
    house.write(ONE)
    house.apply()
    for columns, statement in (
        ("received_at, user_id", f'{table} CLUSTER BY ("RECEIVED_AT", "USER_ID")'),
        ("user_id", f'{table} CLUSTER BY ("USER_ID")'),
        ("", f"{table} DROP CLUSTERING KEY"),
    ):
        house.write(ONE, settings=KEY.format(columns))
        assert _said(house) == [statement]
        (changed,) = house.drift().steps
        assert changed.address.name == "engage_default.identifies"
        house.apply()
        assert _said(house) == []
        assert house.drift().steps == ()
    assert gate.keys == {}


def test_a_key_that_nobody_said_and_one_of_expressions_are_left_as_they_are(house: House, gate: Gate) -> None:
    house.write(ONE, settings=KEY.format("user_id"))
    house.apply()
    assert gate.keys == {("ENGAGE_DEFAULT", "IDENTIFIES"): "LINEAR(USER_ID)"}
    house.write(ONE)
    assert _said(house) == []
    gate.keys["ENGAGE_DEFAULT", "IDENTIFIES"] = "LINEAR(TO_DATE(RECEIVED_AT), USER_ID)"
    house.write(ONE, settings=KEY.format("user_id"))
    assert _said(house) == []


def test_a_column_of_the_key_is_not_dropped(house: House, gate: Gate) -> None:
    users = "    layout: {{users: {{cluster_by: [{}]}}}}\n"
    house.write(ONE, settings=users.format("first_time_shopper"))
    house.apply()
    gone = ONE.replace("first_time_shopper", "other")
    gone += "removed: [{address: column.engage_default.users.first_time_shopper, reason: x}]\n"
    house.write(gone)
    (refused,) = [one for one in house.plan().warehouses[0].findings if one.refuses]
    assert refused.code == "EC622"
    house.write(gone, settings=users.format("id"))
    house.apply()
    assert house.plan().steps == ()
    assert gate.keys["ENGAGE_DEFAULT", "USERS"] == "LINEAR(ID)"
