"""A plan as people read it in a terminal: whole at two widths, and a new table's standard columns folded."""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from engagectl import api
from engagectl.errors import Place
from engagectl.model.address import Address, column_address, schema_address, table_address
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    Hazard,
    WidenColumn,
)
from engagectl.model.column_type import Decimal, Text, Timestamp
from engagectl.model.plan import Finding, Noted, Plan, Step, WarehousePlan
from engagectl.model.schema import Column, Table, TableName
from engagectl.show.as_text import plan_diff, plan_text
from tests.scenarios.house import SPACE, House


class TextFile(SingleFileSnapshotExtension):
    file_extension = "txt"
    _write_mode = WriteMode.TEXT


VIP = TableName("default", "vip")
TIER = Column(name="plan_tier", type=Text(max_chars=32), fed_by=("activation.vip.mapping",))
COLUMNS = (Column(name="id", type=Text()), Column(name="received_at", type=Timestamp()), TIER)


def step(
    address: Address, change: Change, sql: str, *, rows: int | None = None, hazards: tuple[Hazard, ...] = ()
) -> Step:
    return Step(
        id=str(address),
        address=address,
        change=change,
        statements=(sql,) if sql else (),
        hazards=hazards,
        rows=rows,
        place=Place("engage/vip.yaml", 14, 9),
        owner="growth",
    )


USERS = TableName("engage_default", "users")
LTV = Column(name="lifetime_value_of_all_orders", type=Decimal(18, 2), fed_by=("trait.ltv",))
WIDE = Column(name="tier", type=Text())
PLAN = Plan(
    project="acme",
    target="prod",
    warehouses=(
        WarehousePlan(
            warehouse="main",
            type="postgres",
            delivery="exactly once",
            queries=9,
            rows_read=412,
            creates_journal=True,
            steps=(
                step(schema_address("default", warehouse="main"), CreateSchema(schema="default"), "CREATE SCHEMA d"),
                step(
                    table_address("default", "vip", warehouse="main"),
                    CreateTable(table=Table(name=VIP, columns=COLUMNS)),
                    "CREATE TABLE v (\n  id text\n)",
                ),
                step(
                    column_address("engage_default", "users", LTV.name, warehouse="main"),
                    AddColumn(table=USERS, column=LTV),
                    "ALTER TABLE u ADD COLUMN l",
                ),
                step(
                    column_address("engage_default", "users", "tier", warehouse="main"),
                    WidenColumn(table=USERS, before=Column(name="tier", type=Text(max_chars=8)), column=WIDE),
                    "ALTER TABLE u ALTER COLUMN tier TYPE text",
                    rows=1200,
                    hazards=("LOCK",),
                ),
                step(
                    Address("connection", "classic", "main"),
                    ChangeSetting(subject=Address("connection", "classic"), setting="every", before="1h", after="15m"),
                    "",
                ),
                step(
                    column_address("engage_default", "users", "old", warehouse="main"),
                    DropColumn(table=USERS, column="old", type=Text(), reason="DATA-812"),
                    "ALTER TABLE u DROP COLUMN old",
                    rows=0,
                    hazards=("DATA_LOSS", "BACKWARD_INCOMPATIBLE"),
                ),
            ),
            findings=(
                Finding(
                    code="EC304",
                    severity="info",
                    message="what came before stays a gap",
                    address=Address("trait", "ltv"),
                    place=Place("engage/vip.yaml", 3, 1),
                    help=("engagectl sync --reread closes it",),
                ),
            ),
            noted=(Noted(kind="retained", address=Address("column", "engage_default.users.gone"), rows=12),),
        ),
    ),
    fingerprint="0123456789abcdef" * 4,
    created_at="2026-01-01T00:00:00Z",
    expires_at="2026-01-08T00:00:00Z",
    engagectl="0.1.0",
)


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_in_a_terminal(width: int, snapshot: SnapshotAssertion) -> None:
    assert plan_text(PLAN, colour=False, width=width) == snapshot(extension_class=TextFile)


def test_a_plan_with_its_sql_shows_every_column(snapshot: SnapshotAssertion) -> None:
    assert plan_text(PLAN, colour=False, width=80, sql=True) == snapshot(extension_class=TextFile)


def test_the_standard_columns_of_a_first_plan_are_folded_unless_asked_for(tmp_path: Path) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE)
    plan = api.make_plan(house.project, offline=True)
    folded = plan_text(plan, colour=False, width=80)
    whole = plan_text(plan, colour=False, width=80, every_column=True)
    created = [one.change.table for one in plan.steps if isinstance(one.change, CreateTable)]
    standard = [column.name for table in created for column in table.columns if not column.fed_by]
    assert len(standard) > 100
    assert len(whole.splitlines()) == len(folded.splitlines()) + len(standard) - len(created)
    lines = folded.splitlines()
    assert not [line for line in lines if line.split()[:2] == ["+", "context_ip"]]
    assert [line for line in lines if line.split()[:2] == ["+", "first_time_shopper"]]
    assert sum("standard and context columns" in line for line in lines) == len(created)


def test_a_plan_as_a_diff_has_its_symbols_first(snapshot: SnapshotAssertion) -> None:
    assert plan_diff(PLAN, width=80) == snapshot(extension_class=TextFile)
