"""Snowflake alone: a role that lacks a grant is told which, one table's feed stays behind, and nothing is lost."""

from collections.abc import Iterator

import pytest

from engagectl import api
from engagectl.errors import EngagectlError
from engagectl.warehouses.contract import Warehouse
from tests.scenarios.house import House, identify, track
from tests.warehouses.contract.snowflake_gate import Gate, running
from tests.warehouses.contract.test_sync import AUDIENCE, SPACE, rows

NEEDS = "snowflake"


@pytest.fixture
def gate(house: House, address: str) -> Iterator[Gate]:
    """What stands between the house and its database."""
    with running(address) as gate:
        house.warehouse = house.warehouse.replace(address, gate.address)
        yield gate


def test_a_grant_that_is_missing_is_named_and_the_other_feeds_load(house: House, gate: Gate, record: Warehouse) -> None:
    house.write(SPACE)
    house.apply()
    house.messages(identify(1, {"shopper": True}), track(2, "Audience Entered", {**AUDIENCE, "tier": "gold"}))
    gate.revoked = {("INSERT", "DEFAULT", "LOG"), ("OWNERSHIP", "DEFAULT", "LOG")}
    report = house.sync()
    assert report.exit_code == 5
    ((left_out, code, advice),) = [(str(one.address), one.code, one.help) for one in report.left_out]
    assert (left_out, code) == ("local/activation.log", "EC703")
    assert "GRANT INSERT ON TABLE" in advice
    assert "DEFAULT.LOG TO ROLE LOADER" in advice
    assert len(rows(house, record, "engage_default.identifies", "id, user_id")) == 1
    gate.revoked = set()
    report = house.sync()
    assert report.exit_code == 0
    assert all(counts.balanced for counts in report.feeds.values())
    assert [row[0] for row in rows(house, record, "default.log", "id, tier")] == ["m2"]


def test_an_apply_that_lacks_a_right_half_way_names_it_and_goes_on_when_it_is_there(house: House, gate: Gate) -> None:
    house.write(SPACE)
    house.apply()
    house.write(SPACE.replace("traits:\n", "traits:\n  age: {space: default, kind: event, type: integer}\n"))
    gate.revoked = {("OWNERSHIP", "ENGAGE_DEFAULT", "USERS")}
    with pytest.raises(EngagectlError, match="Insufficient privileges to operate on table 'USERS'") as caught:
        house.apply()
    told = "\n".join(caught.value.help)
    assert "GRANT OWNERSHIP ON TABLE" in told
    assert "USERS TO ROLE LOADER" in told
    gate.revoked = set()
    house.apply()
    assert house.plan().steps == ()
    house.messages(identify(1, {"age": 5}))
    assert house.sync().exit_code == 0


def test_doctor_names_what_the_role_lacks(house: House, gate: Gate) -> None:
    house.write(SPACE)
    house.apply()
    gate.revoked = {("INSERT", "ENGAGE_DEFAULT", "USERS"), ("OWNERSHIP", "ENGAGE_DEFAULT", "USERS")}
    (visit,) = api.doctor(house.project, roles=("sync",))
    (check,) = [one for one in visit.checks if one.name == "sync role"]
    assert check.fix.startswith("GRANT INSERT ON TABLE ")
    gate.revoked = set()
    (visit,) = api.doctor(house.project, roles=("plan", "apply", "sync"))
    assert [one.fix for one in visit.checks if one.name.endswith(" role")] == ["", "", ""]
