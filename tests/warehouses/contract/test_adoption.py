"""A warehouse that Segment has filled, on every engine: looked at, taken over into YAML, and then nothing differs."""

import pytest

from engagectl import api
from engagectl.inspect.survey import survey
from engagectl.warehouses.contract import Warehouse
from tests.inspect.segment import Segment
from tests.scenarios.house import House
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.engines import deviates


@pytest.fixture
def filled(house: House, writing: Writing, record: Warehouse) -> House:
    with writing() as connection:
        Segment(connection, record).fill()
    return house


def test_after_import_the_plan_is_empty(filled: House) -> None:
    (done,) = api.import_yaml(filled.project, write=True)
    assert {"space.default", "audience.vip", "trait.revenue", "activation.vip_log"} <= set(done.resources)
    plan = filled.plan()
    assert plan.steps == ()
    assert not plan.refused
    assert [one.message for one in plan.all_findings if one.code == "EC609"] == []
    assert filled.drift().all_findings == ()
    (again,) = api.import_yaml(filled.project, write=True)
    assert again.resources == ()


def test_a_survey_tells_computations_and_last_rows(on: str, filled: House, writing: Writing, record: Warehouse) -> None:
    with writing() as connection:
        found = survey(connection, record)
    assert {(one.kind, one.key) for one in found.computations} >= {("audience", "vip"), ("trait", "revenue")}
    facts = found.facts["engage_default.identifies"]
    assert (facts.read, facts.whole, facts.last_at) == (2, True, "2024-01-02T00:00:02Z")


def test_two_loads_are_compared_row_by_row(house: House, writing: Writing, record: Warehouse) -> None:
    with writing() as connection:
        segment = Segment(connection, record)
        for schema, length in (("one", "short"), ("two", "text")):
            segment.table(f"{schema}.log", {"id": "text", "tier": length, "at": "time", "n": "number", "b": "boolean"})
            for number, tier in enumerate(("gold", "silver" if schema == "one" else "bronze")):
                at = f"2024-01-02 00:00:0{number}+00"
                segment.row(f"{schema}.log", id=f"m{number}", tier=tier, at=at, n="1.5", b="true")
    (found,) = api.compare(house.project, "one", "two").tables
    assert (found.rows, found.missing, found.extra, found.unequal) == ((2, 2), 0, 0, 1)
    assert found.columns == (("tier", 1),)


def test_doctor_looks_and_names_what_is_missing(on: str, house: House) -> None:
    (visit,) = api.doctor(house.project, roles=("plan",))
    wrong = [check for check in visit.checks if not check.ok]
    assert [check.name for check in wrong] == (["roles"] if deviates(on, "grants") else [])
    assert {"version", "journal"} <= {check.name for check in visit.checks}
