"""Where DDL is in no transaction: an apply cut after any statement or journal write, and the next one converges.

DuckDB is run through its own record with that capability switched off.
"""

import dataclasses
import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engagectl import api
from engagectl.apply.run import Run
from engagectl.journal import names
from engagectl.journal.applied import read_feeds
from engagectl.journal.ownership import read_owned
from engagectl.model.schema import TableName
from engagectl.planner import make_plan
from engagectl.warehouses.registry import warehouse
from tests.apply.plug import Cut, Plug
from tests.scenarios.house import SPACE, House, identify, track

RECORD = dataclasses.replace(
    warehouse("duckdb"),
    capabilities=dataclasses.replace(warehouse("duckdb").capabilities, ddl_in_transaction=False),
)
BEFORE = (
    SPACE.replace("traits:\n", "traits:\n  tier: {space: default, kind: sql, type: string}\n", 1)
    + """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: log
    mappings: [{from: properties.a, to: a, type: string}, {from: properties.b, to: b, type: integer}]
"""
)
AFTER = (
    SPACE.replace("  total_revenue_180_days: {", "  revenue: {renamed_from: total_revenue_180_days, ").replace(
        "traits:\n", "traits:\n  score: {space: default, kind: ml, type: float}\n", 1
    )
    + """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: diary
    table_renamed_from: log
    mappings:
      - {from: properties.a, to: a2, renamed_from: a, type: string, description: the letter}
      - {from: properties.b, to: b, type: "decimal(20,2)"}
  more: {audience: first_time_shopper, warehouses: [cdp], table: more}
removed:
  - {address: local/column.engage_default.users.tier, reason: D-1}
"""
)
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True, "a": "x", "b": 7}


def run(house: House, *, after: int | None) -> tuple[int, bool]:
    """Apply without transactions; return the writes that were left, and whether the plug was pulled."""
    project = house.project
    with api.connected(project, command="test", read_only=False) as connections:
        plan = make_plan(project, connections=connections, now=datetime.now(UTC))
        plug = Plug(connections["local"], after if after is not None else 1_000_000)
        try:
            Run(
                plan=plan,
                part=plan.warehouses[0],
                connection=plug,  # type: ignore[arg-type]  # lock, unlock and the like are not asked of it
                record=RECORD,
                journal="engagectl",
                apply_id=uuid.uuid4().hex,
            ).go()
        except Cut:
            return 0, True
        return plug.left, False


def journal_of(house: House) -> object:
    """Return what the journal says in the end, free of times and numbers of applies."""
    with api.connected(house.project, command="test", read_only=True) as connections:
        connection = connections["local"]
        feeds = [(one.number, dataclasses.replace(one.feed, stopped=())) for one in read_feeds(connection, "engagectl")]
        owned = read_owned(connection, "engagectl")
        times = names.times_columns(connection, "engagectl", TableName("engage_default", "users"))
        return feeds, owned, times


def contents(house: House) -> object:
    return [
        house.rows("engage_default.identifies", "id, revenue"),
        house.rows("engage_default.users", "id, revenue, first_time_shopper"),
        house.rows("default.diary", "id, a2, b"),
    ]


@pytest.fixture
def begun(tmp_path: Path) -> House:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(BEFORE)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 5, "tier": "gold"}), track(2, "Audience Entered", ENTERED))
    house.sync()

    house.write(AFTER)
    shutil.copy(tmp_path / "acme.duckdb", tmp_path / "begun.duckdb")
    return house


def test_cut_after_every_write_the_next_apply_converges(begun: House) -> None:
    house = begun
    left, cut = run(house, after=None)
    assert not cut
    writes = 1_000_000 - left
    wanted, rows = journal_of(house), contents(house)
    assert house.plan().steps == ()
    assert writes > 60
    step = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "big" else 5
    for after in range(1, writes + 1, step):
        shutil.copy(house.root / "begun.duckdb", house.root / "acme.duckdb")
        _, cut = run(house, after=after)
        assert cut
        run(house, after=None)
        assert house.plan().steps == (), after
        assert journal_of(house) == wanted, after
        assert contents(house) == rows, after
