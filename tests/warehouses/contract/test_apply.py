"""Apply on every engine that has it: what was planned is made and recorded; failed half-way, the next one ends it."""

import pytest

from engagectl import api
from engagectl.apply.report import StepEvent
from engagectl.errors import EngagectlError, LockHeld
from engagectl.journal.applied import read_feeds
from engagectl.journal.ownership import read_owned
from engagectl.model.column_type import Decimal
from engagectl.warehouses.contract import Holder, Warehouse
from tests.scenarios.house import House
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.test_structure import SPACE, but_comments

NEEDS = "structure"


def _left(on: str, house: House) -> list[str]:
    return [str(step.address) for step in but_comments(on, list(house.plan().steps))]


def test_after_apply_the_plan_is_empty_and_the_journal_says_whose_it_is(on: str, house: House) -> None:
    house.write(SPACE)
    house.apply()
    assert _left(on, house) == []
    assert house.drift().steps == ()
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        feeds = {(one.feed.kind, one.feed.id) for one in read_feeds(connection, "engagectl")}
        owned = {(one.schema, one.table, one.column): one.origin for one in read_owned(connection, "engagectl")}
    assert {("connection", "classic"), ("activation", "log")} <= feeds
    assert owned["default", "log", "tier"] == "created"
    assert owned["engage_default", "users", ""] == "created"


def test_columns_are_added_widened_renamed_and_dropped(on: str, house: House, record: Warehouse) -> None:
    digits = 12 if record.relate(Decimal(10, 2), Decimal(12, 2)) == "widen" else 10  # not every engine widens them
    house.write(SPACE)
    house.apply()
    house.write(
        SPACE.replace("to: mrr,", "to: revenue, renamed_from: mrr,")
        .replace("decimal(10,2)", f"decimal({digits},2)")
        .replace("max_chars: 32", "max_chars: 64")
        .replace("traits:", "traits:\n  more: {space: default, kind: sql, type: integer}", 1)
        .replace("      - {from: properties.order, to: order, type: json}\n", "")
        + "removed:\n  - {address: local/column.default.log.order, reason: D-1}\n"
    )
    house.apply()
    assert _left(on, house) == []
    history = api.history(house.project)
    assert [(entry.kind, entry.status) for _, entry in history] == [("apply", "Success"), ("apply", "Success")]


def test_what_others_changed_after_an_apply_is_drift_and_applied_again(
    on: str, house: House, writing: Writing, record: Warehouse
) -> None:
    house.write(SPACE)
    house.apply()
    with writing() as connection:
        connection.execute(
            'ALTER TABLE "DEFAULT"."LOG" DROP COLUMN "MRR"'
            if on == "snowflake"
            else 'ALTER TABLE "default"."log" DROP COLUMN "mrr"'
        )
    assert [str(step.address) for step in house.drift().steps] == ["local/column.default.log.mrr"]
    house.apply()
    assert house.drift().steps == ()


def test_an_apply_that_fails_half_way_is_ended_by_the_next(on: str, house: House) -> None:
    house.write(SPACE)

    def reporter(event: object) -> None:
        if isinstance(event, StepEvent) and event.number == 3 and event.outcome is None:
            raise EngagectlError("somebody pulled the plug")

    with pytest.raises(EngagectlError):
        api.apply_plan(house.project, confirm=lambda _: True, reporter=reporter)
    house.apply()
    assert _left(on, house) == []
    assert house.drift().steps == ()


def test_a_second_apply_is_told_who_is_at_work(house: House) -> None:
    house.write(SPACE)
    with api.connected(house.project, command="apply", read_only=False) as connections:
        (connection,) = connections.values()
        connection.lock("engagectl", timeout_s=0, holder=Holder(command="apply", host="ci-7", pid=41))
        with pytest.raises(EngagectlError, match="apply") as caught:
            api.apply_plan(house.project, confirm=lambda _: True, lock_timeout_s=0.3)
        assert isinstance(caught.value, LockHeld)
    assert api.unlock(house.project) == (("local", None),)
    house.apply()
