"""An apply that fails in the middle tells the fate of every step, leaves nothing half done, and then converges."""

from pathlib import Path

import pytest

from engagectl import api
from engagectl.errors import FailedError, PartlyDoneError, RefusedError
from tests.scenarios.house import SPACE, House, identify

WIDER = SPACE.replace("decimal(18,2)", "decimal(20,2)").replace(
    "traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1
)


def execute(house: House, sql: str) -> None:
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute(sql)


def test_the_fate_of_every_step_is_told(house: House) -> None:
    house.write(SPACE)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 5}))
    house.sync()
    if "duckdb" in house.warehouse:  # an index keeps DuckDB from changing the type, a view PostgreSQL
        block, free = "CREATE INDEX i ON engage_default.users (total_revenue_180_days)", "DROP INDEX engage_default.i"
    else:
        block = "CREATE VIEW engage_default.v AS SELECT total_revenue_180_days FROM engage_default.users"
        free = "DROP VIEW engage_default.v"
    execute(house, block)
    house.write(WIDER)
    with pytest.raises(FailedError) as caught:
        house.apply()
    assert (caught.value.code, caught.value.exit_code) == ("EC620", 1)
    lines = caught.value.help
    assert "rolled back: local/column.engage_default.users.tier" in lines
    assert "failed: widen_column local/column.engage_default.users.total_revenue_180_days" in lines
    assert any(line.startswith("SQL: ALTER TABLE") for line in lines)
    assert len([step for step in house.plan().steps if "tier" in step.address.name]) == 3
    assert house.rows("engage_default.users", "id", order="1") == [("u123",)]
    execute(house, free)
    house.apply()
    assert house.plan().steps == ()
    assert [int(row[1]) for row in house.rows("engage_default.users", "id, total_revenue_180_days")] == [5]


def test_a_rebuild_counts_what_would_not_convert_and_keeps_every_row(house: House) -> None:
    text = SPACE.replace('type: "decimal(18,2)"', "type: string")
    house.write(text)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": "12"}), identify(2, {"total_revenue_180_days": "x"}))
    house.sync()
    house.write(text.replace("type: string", "type: integer"))
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text() + "\nlifecycle: {type_changes: rebuild}\n")
    plan = house.plan()
    assert [f.code for f in plan.all_findings if f.refuses] == ["EC602", "EC602"]
    assert any("1 values of local/column.engage_default.identifies" in f.message for f in plan.all_findings)
    with pytest.raises(RefusedError):
        house.apply()
    execute(house, "UPDATE engage_default.identifies SET total_revenue_180_days = NULL WHERE id = 'm2'")
    execute(house, "UPDATE engage_default.users SET total_revenue_180_days = '12'")
    house.apply()
    assert house.plan().steps == ()
    assert house.rows("engage_default.identifies", "id, total_revenue_180_days") == [("m1", 12), ("m2", None)]


TWO = """
version: 1
project: acme
include: ["engage/*.yaml"]
targets: {dev: {warehouses: {cdp: first, other: second}}}
default_target: dev
warehouses:
  first: {type: duckdb, path: ./first.duckdb}
  second: {type: duckdb, path: ./second.duckdb}
"""


def test_what_the_first_warehouse_committed_stays_when_the_second_fails(tmp_path: Path) -> None:
    house = House(tmp_path, "")
    house.write(SPACE.replace("[cdp]", "[cdp, other]"))
    (tmp_path / "engagectl.yaml").write_text(TWO)
    house.apply()
    house.write(WIDER.replace("[cdp]", "[cdp, other]"))
    (tmp_path / "engagectl.yaml").write_text(TWO)
    with api.connected(house.project, command="test", read_only=False) as connections:
        connections["second"].execute("CREATE INDEX i ON engage_default.users (total_revenue_180_days)")
    with pytest.raises(PartlyDoneError) as caught:
        house.apply()
    assert (caught.value.code, caught.value.exit_code) == ("EC621", 5)
    assert "done: first/column.engage_default.users.tier" in caught.value.help
    assert {step.address.warehouse for step in house.plan().steps} == {"second"}
