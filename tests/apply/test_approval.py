"""Approved plans: what was approved runs, an approved table approves its columns, anything else is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engagectl.apply.approval import compare, refuse
from engagectl.errors import RefusedError, StalePlan
from engagectl.model.address import Address
from engagectl.model.change import AddColumn, Change, CreateTable, address_of
from engagectl.model.column_type import Integer, Text
from engagectl.model.plan import Finding, Plan, Step, WarehousePlan
from engagectl.model.schema import Column, Table, TableName

NOW = datetime(2026, 1, 2, tzinfo=UTC)
VIP = TableName("default", "vip")
PLAN_COLUMN = Column(name="plan", type=Text())
CREATE = CreateTable(table=Table(name=VIP, columns=(Column(name="id", type=Text()), PLAN_COLUMN)))
ADD = AddColumn(table=VIP, column=PLAN_COLUMN)
OTHER = AddColumn(table=VIP, column=Column(name="plan", type=Integer()))


def plan(*changes: Change, findings: tuple[Finding, ...] = ()) -> Plan:
    steps = tuple(Step(id=repr(c), address=address_of(c), change=c, statements=()) for c in changes)
    return Plan(
        project="p",
        target="prod",
        warehouses=(WarehousePlan(warehouse="w", type="duckdb", steps=steps, findings=findings),),
        fingerprint="f" * 64,
        created_at="2026-01-01T00:00:00.000000Z",
        expires_at="2026-01-08T00:00:00.000000Z",
        engagectl="0",
    )


def test_approved_steps_their_union_and_done_ones_pass() -> None:
    compare(plan(CREATE, OTHER), [plan(CREATE), plan(OTHER)], now=NOW)
    compare(plan(), [plan(CREATE)], now=NOW)
    compare(plan(ADD), [plan(CREATE)], now=NOW)


def test_a_step_nobody_approved_is_named() -> None:
    with pytest.raises(StalePlan) as caught:
        compare(plan(OTHER), [plan(CREATE)], now=NOW)
    assert (caught.value.code, caught.value.exit_code) == ("EC611", 4)
    assert "new: add_column column.default.vip.plan" in caught.value.help


@pytest.mark.parametrize(
    "other", [{"target": "dev"}, {"project": "q"}, {"mode": "offline"}, {"expires_at": "2026-01-01T00:00:01.000000Z"}]
)
def test_a_foreign_offline_or_expired_plan_is_refused(other: dict[str, str]) -> None:
    with pytest.raises(StalePlan):
        compare(plan(CREATE), [replace(plan(CREATE), **other)], now=NOW)  # type: ignore[arg-type]  # fields by name


def test_taking_over_lifts_one_refusal_and_no_other() -> None:
    def finding(code: str) -> Finding:
        return Finding(code=code, severity="error", message="no", address=Address("table", "default.vip"), refuses=True)

    refuse(plan(findings=(finding("EC603"),)), take_over=True)
    for codes, take_over in ((("EC603",), False), (("EC603", "EC604"), True)):
        with pytest.raises(RefusedError):
            refuse(plan(findings=tuple(map(finding, codes))), take_over=take_over)
