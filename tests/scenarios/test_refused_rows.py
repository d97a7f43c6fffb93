"""A warehouse that refuses rows whose values fit: they wait in the quarantine, and everything else loads."""

import pytest

from engagectl import api
from engagectl.journal.quarantine import list_entries
from engagectl.sync import refused
from engagectl.sync.report import SyncReport
from tests.scenarios.house import SPACE, House, identify, track

SHOPPER, REVENUE = "first_time_shopper", "total_revenue_180_days"
MEMBERS = "activations:\n  members: {audience: first_time_shopper, warehouses: [cdp], table: members}\n"
ENTERED = {"audience_key": SHOPPER, SHOPPER: True}


def _entries(house: House) -> list[tuple[str, str, str]]:
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return sorted(
            (one.feed, one.message_id, one.reason) for one in list_entries(connection, "engagectl", project="acme")
        )


def _is_whole(report: SyncReport) -> bool:
    return all(counts.balanced for counts in report.feeds.values())


def test_rows_that_a_constraint_refuses_are_quarantined_and_put_back_when_it_is_gone(house: House) -> None:
    house.write(SPACE + MEMBERS)
    house.apply()
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN first_time_shopper SET NOT NULL")
    sent = [identify(n, {SHOPPER: True, REVENUE: n} if n % 12 else {REVENUE: n}, user=f"u{n}") for n in range(30)]
    house.messages(*sent, track(200, "Audience Entered", ENTERED))
    report = house.sync(chunk_bytes=3_000)
    assert not report.left_out
    assert report.exit_code == 0
    assert _is_whole(report)
    assert [word for word in report.warnings if "does not take some messages" in word]
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 27
    assert len(house.rows("engage_default.users", "id", order="1")) == 30, "its table takes them"
    assert house.rows("default.members", "id", order="1") == [("m200",)]
    (reason,) = {reason for _, _, reason in _entries(house)}
    assert reason in ("refused_23000", "refused_23502")
    assert [(feed, id_) for feed, id_, _ in _entries(house)] == [("connection.classic", f"m{n}") for n in (0, 12, 24)]
    assert api.replay_quarantine(house.project).messages == 0
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN first_time_shopper DROP NOT NULL")
    assert api.replay_quarantine(house.project).messages == 3
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 30
    assert house.sync().exit_code == 0
    assert _entries(house) == []


def test_of_two_messages_of_one_id_the_one_that_is_taken_loads(house: House) -> None:
    house.write()
    house.apply()
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN first_time_shopper SET NOT NULL")
    house.messages(identify(1, {REVENUE: 1}), identify(1, {SHOPPER: True}), identify(2, {SHOPPER: False}))
    assert _is_whole(house.sync())
    assert house.rows("engage_default.identifies", f"id, {SHOPPER}") == [("m1", True), ("m2", False)]
    assert [id_ for _, id_, _ in _entries(house)] == ["m1"]


def test_a_table_that_takes_nothing_leaves_its_feed_out_and_the_others_load(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "FEW", 3)  # a hundred would take two hundred trials
    house.write(SPACE + MEMBERS)
    house.apply()
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN anonymous_id SET NOT NULL")
    house.messages(*(identify(n, {SHOPPER: True}, user=f"u{n}") for n in range(9)))
    house.messages(*(track(300 + n, "Audience Entered", ENTERED) for n in range(9)))
    report = house.sync()
    assert [(str(item.address), item.code) for item in report.left_out] == [("local/connection.classic", "EC703")]
    assert len(house.rows("default.members", "id", order="1")) == 9
    assert _entries(house) == []
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN anonymous_id DROP NOT NULL")
    assert house.sync().exit_code == 0
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 9


def test_a_rehearsal_tells_of_the_refusal_and_changes_nothing(house: House) -> None:
    house.write()
    house.apply()
    house.execute("ALTER TABLE engage_default.identifies ALTER COLUMN first_time_shopper SET NOT NULL")
    house.messages(identify(1, {REVENUE: 1}), identify(2, {SHOPPER: True}))
    assert [item.code for item in house.sync(dry_run=True).left_out] == ["EC703"]
    assert house.sync().exit_code == 0
    assert len(_entries(house)) == 1
