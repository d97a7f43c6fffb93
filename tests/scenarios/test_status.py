"""`status` and `history`: what waits for what, what did not end, what was loaded."""

import os
from datetime import UTC, datetime
from typing import Any

from engagectl import api
from engagectl.journal import history
from engagectl.model.status import FeedStatus, StatusReport
from engagectl.show.as_history import happened_text, history_text
from engagectl.show.as_status import status_text
from engagectl.sync import status as room
from tests.cli.inside import run
from tests.scenarios.house import SPACE, House, identify, track
from tests.scenarios.test_due import ACTIVATION, ENTERED, RUN_END, at, sync


def status(house: House, now: datetime) -> StatusReport:
    with api.connected(house.project, command="test", read_only=True) as connections:
        return room.status(house.project, connections=connections, now=now)


def feed(report: StatusReport, name: str) -> FeedStatus:
    (found,) = [one for one in report.feeds if one.feed == name]
    return found


def test_before_the_first_apply_it_says_so(house: House) -> None:
    house.write()
    report = status(house, datetime.now(UTC))
    assert report.feeds == ()
    assert "nothing applied yet: engagectl apply" in status_text(report)
    assert report.warehouses[0].not_applied != ()


def test_it_tells_when_a_feed_is_due_what_it_waits_for_and_how_old_its_data_is(house: House) -> None:
    house.write(SPACE + ACTIVATION, settings='    sync: {every: 1h, blackout: ["13:00-13:30"]}\n')
    house.apply()
    house.messages(track(1, "Audience Entered", ENTERED), RUN_END, track(2, "Audience Entered", ENTERED))
    fresh = feed(status(house, at("2026-03-01T12:05")), "connection.classic")
    assert (fresh.last_sync, fresh.next_due, fresh.lag_s) == (None, "now", None)
    now = at("2026-03-01T12:05")
    sync(house, now)
    report = status(house, now)
    classic, shoppers = feed(report, "connection.classic"), feed(report, "activation.shoppers")
    assert (classic.schedule, classic.outcome, classic.unread_bytes) == ("every 1h", "Success", 0)
    assert classic.next_due == "2026-03-01T13:30:00Z"
    assert classic.lag_s == int((now - at("2024-01-02T00:02")).total_seconds())
    assert (shoppers.schedule, shoppers.next_due) == ("each run", "when a run ends")
    assert [(wait.file, wait.since) for wait in shoppers.waits] == [("data/a.jsonl", "2024-01-02T00:02:00Z")]
    assert shoppers.unread_bytes == shoppers.waits[0].bytes > 0
    text = status_text(report)
    assert "    waits for run_completed in data/a.jsonl since 2024-01-02T00:02:00Z" in text
    assert feed(status(house, at("2026-03-01T13:10")), "connection.classic").in_blackout


def test_changes_that_are_not_applied_and_retired_feeds_are_told(house: House) -> None:
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.write(SPACE)
    assert "1 change not applied: engagectl plan" in status_text(status(house, at("2026-03-01T12:05")))
    house.apply()
    report = status(house, at("2026-03-01T12:05"))
    assert report.warehouses[0].not_applied == ()
    assert (feed(report, "activation.shoppers").state, feed(report, "activation.shoppers").next_due) == ("retired", "")


def test_quarantine_is_counted_and_what_has_a_column_now_names_the_command(house: House) -> None:
    keeping = SPACE.replace("    send:\n", "    on_undeclared: quarantine\n    send:\n")
    house.write(keeping)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True, "plan": "gold"}), "not json")
    sync(house, at("2026-03-01T12:05"), due=False)
    (warehouse,) = status(house, at("2026-03-01T12:06")).warehouses
    assert (warehouse.quarantine["undeclared"], warehouse.quarantine["malformed_json"]) == (1, 1)
    assert warehouse.storable == ()
    assert [(item.feed, item.key) for item in warehouse.undeclared] == [("connection.classic", "plan")]
    house.write(keeping.replace("traits:\n", "traits:\n  plan: {space: default, kind: event, type: string}\n", 1))
    house.apply()
    (warehouse,) = status(house, at("2026-03-01T12:06")).warehouses
    assert [(item.feed, item.key, item.entries) for item in warehouse.storable] == [("connection.classic", "plan", 1)]
    program, *words = warehouse.storable[0].command.split()
    assert program == "engagectl"
    assert run("-C", str(house.root), *words, env=dict(os.environ)).code == 0
    assert house.rows("engage_default.identifies", "id, plan") == [("m1", "gold")]


def test_a_sync_that_was_killed_is_running_until_somebody_looks(house: House) -> None:
    house.write()
    house.apply()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        history.start_sync(
            connection, "engagectl", id="killed", project="acme", target="dev", now="2026-03-01T12:00:00.000000Z"
        )
    (_, entry) = next(pair for pair in api.history(house.project, kind="sync"))
    assert (entry.status, entry.stopped) == ("Running", True)
    assert "Running (did not end)" in history_text([("local", entry)])
    assert "did not end: sync killed" in status_text(status(house, at("2026-03-01T12:05")))


def test_one_apply_shows_its_steps_and_one_sync_its_feeds(house: House) -> None:
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True, "plan": 1}), track(2, "Audience Entered", ENTERED))
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('DROP TABLE "default"."shoppers"')
    report = house.sync()
    assert report.exit_code == 5
    (sync_,) = api.happened(house.project, report.sync_id[:6])
    assert (sync_.entry.status, sync_.entry.kind) == ("Partial", "sync")
    found: dict[str, Any] = {one.feed: one for one in sync_.feeds}
    classic = found["connection.classic"]
    assert classic.status == "Success"
    assert classic.read == classic.inserted + classic.duplicate + classic.filtered + classic.quarantined == 2
    assert ("engage_default.identifies", 1) in classic.rows
    assert (found["activation.shoppers"].status, found["activation.shoppers"].read) == ("Failure", 0)
    assert "table default.shoppers is missing" in happened_text([sync_])
    ((_, apply_entry),) = api.history(house.project, kind="apply")
    (apply_,) = api.happened(house.project, apply_entry.id)
    assert {step.outcome for step in apply_.steps} == {"done"}
    assert any("default.shoppers" in step.address for step in apply_.steps)
