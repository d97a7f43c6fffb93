"""`sync --due`: by schedule, by blackout, and by the ends of runs; the clock is handed in."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from engagectl import api
from engagectl.sync import passes
from engagectl.sync.passes import SyncOptions
from engagectl.sync.report import SyncReport
from tests.scenarios.house import SPACE, House, track

ACTIVATION = """
activations:
  shoppers:
    audience: first_time_shopper
    warehouses: [cdp]
    table: shoppers
"""
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}
RUN_END = {"type": "run_completed", "computation_key": "first_time_shopper", "run_id": "r1"}
CLASSIC = ("local/connection.classic", "local/users.default.main")
SHOPPERS = "local/activation.shoppers"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def sync(house: House, now: datetime, **options: Any) -> SyncReport:
    """Run a sync at a time of ours; the input files were written then."""
    for path in house.root.glob("data/**/*"):
        if path.stat().st_mtime > 1.7e9 and path.is_file():
            os.utime(path, (now.timestamp(),) * 2)
    with api.connected(house.project, command="test", read_only=False) as connections:
        return passes.sync(
            house.project,
            connections=connections,
            options=SyncOptions(**{"due": True, **options}),
            clock=lambda: now,
            progress=passes.Silent(),
        )


def ran(report: SyncReport) -> list[str]:
    return sorted(str(address) for address in report.feeds)


def ids(house: House, table: str) -> list[str]:
    return [row[0] for row in house.rows(table, "id", order="1")]


def test_a_connection_and_its_users_are_taken_once_a_period_also_when_nothing_came(house: House) -> None:
    house.write(settings="    sync: {every: 1h}\n")
    house.apply()
    assert ran(sync(house, at("2026-03-01T12:05"))) == sorted(CLASSIC)
    house.messages(track(1, "Audience Entered", ENTERED))
    second = sync(house, at("2026-03-01T12:59"))
    assert (ran(second), second.exit_code, second.chunks) == ([], 0, 0)
    assert second.as_text() == "Nothing is due. When it is: engagectl status"
    assert ran(sync(house, at("2026-03-01T13:00"))) == sorted(CLASSIC)
    assert ids(house, "engage_default.audience_entered") == ["m1"]


def test_users_are_taken_whenever_their_connection_is(house: House) -> None:
    house.write(settings="    sync: {every: 1h}\n")
    house.apply()
    sync(house, at("2026-03-01T12:05"))
    sync(house, at("2026-03-01T13:01"), due=False, select=("users.default.main",))
    assert ran(sync(house, at("2026-03-01T13:02"))) == sorted(CLASSIC)


def test_users_go_by_the_schedule_of_their_connection(house: House) -> None:
    house.write(settings="    sync: {every: 1h}\n")
    house.apply()
    sync(house, at("2026-03-01T12:05"))
    house.write(settings="    sync: {every: 15m}\n")
    house.apply(select=("users.default.main",))
    assert ran(sync(house, at("2026-03-01T12:16"))) == []
    house.apply()
    assert ran(sync(house, at("2026-03-01T12:17"))) == sorted(CLASSIC)


def test_a_plain_sync_asks_no_schedule_and_says_that_it_runs_in_a_blackout(house: House) -> None:
    house.write(settings='    sync: {every: 1d, blackout: ["12:00-13:00"]}\n')
    house.apply()
    for minute in (5, 6):
        report = sync(house, at(f"2026-03-01T12:0{minute}"), due=False)
        assert ran(report) == sorted(CLASSIC)
        assert report.warnings == ["local is in a blackout; only sync --due keeps to it"]
    assert sync(house, at("2026-03-01T13:06"), due=False).warnings == []


def test_in_a_blackout_nothing_is_due_and_what_fell_due_is_taken_after_it(house: House) -> None:
    house.write(SPACE + ACTIVATION, settings='    sync: {every: 1h, blackout: ["02:00-03:30 Europe/Berlin"]}\n')
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED), RUN_END)
    inside = sync(house, at("2026-03-01T01:15"))
    assert (ran(inside), inside.exit_code) == ([], 0)
    assert ran(sync(house, at("2026-03-01T02:30"))) == sorted([*CLASSIC, SHOPPERS])


def test_an_activation_loads_up_to_the_end_of_its_last_run_and_no_further(house: House) -> None:
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED), track(2, "Audience Entered", ENTERED))
    sync(house, at("2026-03-01T12:00"))
    assert ids(house, "default.shoppers") == []
    assert ids(house, "engage_default.audience_entered") == ["m1", "m2"]
    house.messages(RUN_END, track(3, "Audience Entered", ENTERED))
    report = sync(house, at("2026-03-01T12:01"))
    assert ran(report) == [SHOPPERS]
    assert ids(house, "default.shoppers") == ["m1", "m2"]
    (counts,) = report.feeds.values()
    assert (counts.read, counts.inserted, counts.filtered["control"]) == (3, 2, 1)
    assert ran(sync(house, at("2026-03-01T12:02"))) == []
    house.messages(RUN_END)
    sync(house, at("2026-03-01T12:03"))
    assert ids(house, "default.shoppers") == ["m1", "m2", "m3"]


def test_a_file_that_is_quiet_is_complete(house: House) -> None:
    house.write(SPACE + ACTIVATION.replace("    table:", "    trigger: {each_run: {quiet_for: 5m}}\n    table:"))
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    now = at("2026-03-01T12:00")
    sync(house, now)
    assert ids(house, "default.shoppers") == []
    os.utime(house.root / "data/a.jsonl", ((now - timedelta(minutes=5)).timestamp(),) * 2)
    with api.connected(house.project, command="test", read_only=False) as connections:
        passes.sync(
            house.project,
            connections=connections,
            options=SyncOptions(due=True),
            clock=lambda: now,
            progress=passes.Silent(),
        )
    assert ids(house, "default.shoppers") == ["m1"]


def test_a_scheduled_activation_follows_the_clock_and_not_the_runs(house: House) -> None:
    house.write(SPACE + ACTIVATION.replace("    table:", "    trigger: schedule\n    table:"))
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    assert SHOPPERS in ran(sync(house, at("2026-03-01T12:00")))
    assert ids(house, "default.shoppers") == ["m1"]


def test_a_plain_sync_loads_beyond_the_end_of_a_run_and_due_goes_on_from_there(house: House) -> None:
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    sync(house, at("2026-03-01T12:00"), due=False)
    assert ids(house, "default.shoppers") == ["m1"]
    house.messages(RUN_END)
    report = sync(house, at("2026-03-01T12:01"))
    assert [(counts.read, counts.inserted) for counts in report.feeds.values()] == [(1, 0)]


def test_a_feed_that_was_searched_and_has_loaded_nothing_still_refuses_foreign_rows(house: House) -> None:
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED))
    sync(house, at("2026-03-01T12:00"))
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('INSERT INTO "default"."shoppers" (id) VALUES (?)', ("theirs",))
    house.messages(RUN_END)
    report = sync(house, at("2026-03-01T12:01"))
    assert [(item.code, str(item.address)) for item in report.left_out] == [("EC711", SHOPPERS)]


def test_a_feed_that_is_left_out_stays_due(house: House) -> None:
    house.write(SPACE + ACTIVATION.replace("    table:", "    trigger: schedule\n    table:"))
    house.apply()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('DROP TABLE "default"."shoppers"')
    first = sync(house, at("2026-03-01T12:00"))
    again = sync(house, at("2026-03-01T12:01"))
    assert ran(first) == sorted(CLASSIC)
    assert [str(item.address) for item in again.left_out] == [SHOPPERS]
    assert (ran(again), again.exit_code) == ([], 5)
