"""Rows that were there before the feed: `existing_rows`; and how long an id is remembered: `dedupe_window`."""

import pytest

from engagectl import api
from engagectl.sync.options import SyncOptions
from engagectl.sync.ready import ready_feeds
from tests.scenarios.house import SPACE, House, identify, track

ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}
KNOWN = SPACE + "    existing_rows: known\n"
ACTIVATION = """
activations:
  log: {audience: first_time_shopper, warehouses: [cdp], table: log, existing_rows: known}
"""
TABLES = ["engage_default.identifies", "engage_default.tracks", "engage_default.audience_entered", "default.log"]


def _drop_journal(house: House) -> None:
    with api.connected(house.project, command="test", read_only=False) as connections:
        for connection in connections.values():
            connection.execute('DROP SCHEMA "engagectl" CASCADE')


def test_a_lost_journal_gives_no_row_twice(house: House) -> None:
    house.write(KNOWN + ACTIVATION)
    house.apply()
    house.messages(
        identify(1, {"first_time_shopper": True, "total_revenue_180_days": 5}),
        identify(2, {"total_revenue_180_days": 7}),
        track(3, "Audience Entered", ENTERED),
        {key: value for key, value in identify(4, {"first_time_shopper": False}).items() if key != "messageId"},
    )
    assert house.sync().exit_code == 0
    before = {table: house.rows(table, "id, received_at::text") for table in TABLES}
    users = house.rows("engage_default.users", "id, first_time_shopper, total_revenue_180_days")
    _drop_journal(house)
    house.messages(identify(5, {"total_revenue_180_days": 9}))
    house.apply()
    report = house.sync()
    assert report.exit_code == 0
    assert {table: house.rows(table, "id, received_at::text") for table in TABLES[1:]} == {
        table: before[table] for table in TABLES[1:]
    }
    rows = house.rows(TABLES[0], "id, received_at::text")
    assert [row for row in rows if row[0] != "m5"] == before[TABLES[0]]
    assert len(rows) == len(before[TABLES[0]]) + 1
    (user,) = house.rows("engage_default.users", "id, first_time_shopper, total_revenue_180_days")
    assert user[:2] == users[0][:2]
    assert user[2] == 9
    assert house.sync().inserted == 0


def test_rows_of_nobody_stop_a_feed_that_was_not_told(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 5}))
    house.sync()
    _drop_journal(house)
    house.apply()
    report = house.sync()
    assert {item.code for item in report.left_out} == {"EC711"}
    assert report.exit_code in (4, 5)
    assert "existing_rows: known" in report.left_out[0].help


def test_kept_rows_are_loaded_beside(house: House) -> None:
    house.write(SPACE + "    existing_rows: keep\n")
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 5}))
    house.sync()
    _drop_journal(house)
    house.apply()
    house.sync()
    assert house.rows("engage_default.identifies", "id, user_id") == [("m1", "u123")] * 2


@pytest.mark.parametrize(("window", "rows"), [(None, 1), ("3d", 2), ("30d", 1)])
def test_an_id_is_remembered_as_long_as_the_window(house: House, window: str | None, rows: int) -> None:
    house.write(SPACE + (f"    dedupe_window: {window}\n" if window else ""))
    house.apply()
    first = identify(1, {"total_revenue_180_days": 5})
    house.messages(first, identify(2, {"total_revenue_180_days": 5}, receivedAt="2024-01-04T00:00:00Z"))
    house.sync()
    house.messages({**first, "receivedAt": "2024-01-04T00:00:00Z"}, name="data/b.jsonl")
    house.sync()
    assert [row[0] for row in house.rows("engage_default.identifies", "id, user_id")] == ["m1", "m2"]
    again = {**first, "receivedAt": "2024-01-12T00:00:00Z"}
    house.messages(again, name="data/c.jsonl")
    house.sync()
    house.messages(again, name="data/d.jsonl")
    house.sync()
    found = [row for row in house.rows("engage_default.identifies", "id, user_id") if row[0] == "m1"]
    assert len(found) == rows


def test_feeds_are_checked_with_one_look_at_the_catalog(house: House) -> None:
    """A thousand activations once took a thousand looks: the work grew with the square of the feeds."""
    one = "  log{n}: {{audience: first_time_shopper, warehouses: [cdp], table: log{n}, emitter_id: act_{n}}}\n"
    asked = []
    for feeds in (1, 6):
        house.write(SPACE + "activations:\n" + "".join(one.format(n=n) for n in range(feeds)))
        house.apply()
        with api.connected(house.project, command="test", read_only=True) as connections:
            (name, connection), *_ = connections.items()
            before = connection.queries
            ready = ready_feeds(house.project, name, connection, SyncOptions())
            asked.append(connection.queries - before)
        assert len(ready.works) == feeds + 2
    # two for each feed that has read nothing: whether standard input fed it, and whether its table holds rows
    assert asked[1] - asked[0] <= 5 * 2
