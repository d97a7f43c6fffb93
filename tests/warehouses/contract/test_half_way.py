"""A right that is taken away half-way: the grant is named, one feed stays behind, and nothing is lost."""

import pytest

from engagectl import api
from engagectl.errors import EngagectlError
from engagectl.warehouses.contract import Warehouse
from tests.scenarios.house import House, identify, track
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.test_sync import AUDIENCE, SPACE, rows

NEEDS = "bigquery databricks"
BATCH = (identify(1, {"shopper": True}), track(2, "Audience Entered", {**AUDIENCE, "tier": "gold"}))


def revoke(writing: Writing, on: str, schema: str, table: str) -> None:
    """Take the right to write to a table away, in the engine's own words."""
    with writing() as connection:
        project = getattr(connection, "project", "")
        connection.execute(
            f"REVOKE MODIFY ON TABLE `{schema}`.`{table}` FROM `tester`"
            if on == "databricks"
            else f"REVOKE `roles/bigquery.dataEditor` ON TABLE `{project}`.`{schema}`.`{table}` FROM 'user:me'"
        )


def grant(writing: Writing, advice: str) -> None:
    """Do what the error says, word by word."""
    statement = advice[advice.index("GRANT ") :].partition(";")[0].partition(", and run")[0]
    with writing() as connection:
        connection.execute(statement)


def test_a_right_that_is_lost_half_way_is_named_and_what_it_names_brings_it_back(
    on: str, house: House, writing: Writing, record: Warehouse
) -> None:
    house.write(SPACE)
    house.apply()
    house.messages(*BATCH)
    revoke(writing, on, "default", "log")
    report = house.sync()
    assert report.exit_code == 5
    ((left_out, code, advice),) = [(str(one.address), one.code, one.help) for one in report.left_out]
    assert (left_out, code) == ("local/activation.log", "EC703")
    assert len(rows(house, record, "engage_default.identifies", "id, user_id")) == 1
    assert rows(house, record, "default.log", "id, tier") == []
    grant(writing, advice)
    report = house.sync()
    assert report.exit_code == 0
    assert all(counts.balanced for counts in report.feeds.values())
    assert [row[0] for row in rows(house, record, "default.log", "id, tier")] == ["m2"]


def test_an_apply_that_loses_a_right_names_it_and_goes_on_when_it_is_there(
    on: str, house: House, writing: Writing
) -> None:
    house.write(SPACE)
    house.apply()
    house.write(SPACE.replace("traits:\n", "traits:\n  age: {space: default, kind: event, type: integer}\n"))
    revoke(writing, on, "engage_default", "users")
    with pytest.raises(EngagectlError) as caught:
        house.apply()
    advice = "\n".join(caught.value.help)
    assert "`engage_default`.`users`" in advice
    assert caught.value.exit_code == 5
    (visit,) = api.doctor(house.project, roles=("apply",))
    assert [one.ok for one in visit.checks if one.name == "apply role"] == [False]
    grant(writing, advice.replace("\n", ";"))
    house.apply()
    assert house.plan().steps == ()
    house.messages(identify(3, {"age": 5}))
    assert house.sync().exit_code == 0
