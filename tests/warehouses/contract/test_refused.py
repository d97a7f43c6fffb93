"""Rows that an engine refuses although nothing here could have known: their feed goes on without them."""

import pytest

from engagectl import api
from engagectl.journal.quarantine import list_entries
from engagectl.model.schema import TableName
from engagectl.render import table_sql
from engagectl.warehouses.contract import Warehouse
from tests.scenarios.house import House, track
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.test_sync import AUDIENCE, SPACE, balanced, rows

NEEDS = "duckdb postgres redshift snowflake bigquery databricks"
TIME = "time without time zone"
NATIVE = {
    "duckdb": "TIME",
    "postgres": TIME,
    "redshift": TIME,
    "snowflake": "TIME",
    "bigquery": "TIME",
    "databricks": "TIMESTAMP_NTZ",
}
"""A type of the engine that is not checked here: any text is sent."""
GOOD = {"databricks": "2026-01-01 12:30:00"}


@pytest.fixture
def clocks(on: str, house: House) -> House:
    good = GOOD.get(on, "12:30:00")
    house.write(SPACE + f"      - {{from: properties.at, to: clock, type: string, native: {{local: {NATIVE[on]}}}}}\n")
    house.messages(
        *(
            track(
                n,
                "Audience Entered",
                {**AUDIENCE, "tier": f"t{n}", "at": "noon" if n in (2, 5) else good},
            )
            for n in range(8)
        )
    )
    house.apply()
    return house


def test_rows_that_the_engine_refuses_wait_in_the_quarantine(
    clocks: House, record: Warehouse, writing: Writing
) -> None:
    report = clocks.sync()
    assert not report.left_out
    assert balanced(report)
    assert [row[0] for row in rows(clocks, record, "default.log", "id, tier")] == [
        f"m{n}" for n in range(8) if n not in (2, 5)
    ]
    assert len(rows(clocks, record, "engage_default.audience_entered", "id, user_id")) == 8
    with writing() as connection:
        entries = list_entries(connection, "engagectl", project="acme")
        connection.execute(f"DELETE FROM {table_sql(record, TableName('default', 'log'))}")
    assert [(one.feed, one.message_id, one.reason[:8]) for one in entries] == [
        ("activation.log", name, "refused_") for name in ("m2", "m5")
    ]
    assert api.replay_quarantine(clocks.project).messages == 0
    assert rows(clocks, record, "default.log", "id, tier") == []
