"""`users` is a feed of its own: several chunks are folded together, and what a crash leaves is read again for it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from engagectl import api
from engagectl.sync.options import Silent, SyncOptions
from engagectl.sync.passes import sync
from engagectl.warehouses.contract import Connection
from tests.scenarios.house import SPACE, House, identify

REVENUE = "total_revenue_180_days"
SHOPPER = "first_time_shopper"
SMALL = 400  # bytes: two messages a chunk
KILLED = """
import os, signal, sys
from pathlib import Path
from engagectl import api
from engagectl.sync.options import Silent, SyncOptions

class Killer(Silent):
    def advance(self, file, done, total):
        if done >= int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

api.sync(api.open_project(Path(sys.argv[1])), options=SyncOptions(chunk_bytes=400), progress=Killer())
"""


def _history(house: House, count: int = 12) -> None:
    house.messages(*(identify(n, {REVENUE: n, SHOPPER: n % 2 == 0}, user=f"u{n % 3}") for n in range(1, count + 1)))


def _users(house: House) -> list[tuple[object, ...]]:
    return house.rows("engage_default.users", f"id, CAST({REVENUE} AS DOUBLE PRECISION), {SHOPPER}")


def test_several_chunks_are_one_fold(house: House) -> None:
    house.write()
    house.apply()
    _history(house)
    report = house.sync(chunk_bytes=SMALL)
    assert report.chunks > 3
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]
    stamps = house.query(
        "SELECT f.kind, count(DISTINCT l.uuid_ts), sum(l.read) FROM engagectl.loads AS l"
        " JOIN engagectl.feeds AS f ON f.number = l.feed GROUP BY f.kind ORDER BY f.kind"
    )
    assert [(kind, int(folds), int(read)) for kind, folds, read in stamps] == [
        ("connection", report.chunks, 12),
        ("users", 1, 12),
    ]


@pytest.mark.parametrize("limit", [{"fold_rows": 1}, {"fold_bytes": 1}], ids=["rows", "bytes"])
def test_many_identifies_are_folded_before_the_end(house: House, limit: dict[str, int]) -> None:
    house.write()
    house.apply()
    _history(house)
    report = house.sync(chunk_bytes=SMALL, **limit)
    folds = house.query(
        "SELECT count(DISTINCT uuid_ts) FROM engagectl.loads AS l JOIN engagectl.feeds AS f ON f.number = l.feed"
        " WHERE f.kind = 'users'"
    )
    assert 1 < int(folds[0][0]) <= report.chunks
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]


def test_wide_users_are_folded_in_parts(house: House) -> None:
    """More cells than one fold takes: one load in the journal, and the same users."""
    house.write()
    house.apply()
    _history(house)
    report = house.sync(fold_rows=1)
    folded = house.query(
        "SELECT sum(t.inserted) FROM engagectl.load_tables AS t JOIN engagectl.feeds AS f ON f.number = t.feed"
        " WHERE f.kind = 'users'"
    )
    assert [counts.read for address, counts in report.feeds.items() if address.kind == "users"] == [12]
    assert int(folded[0][0]) == 3
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]


def test_many_traits_are_folded_in_groups(house: House) -> None:
    """More traits than are folded together: what each user has of each, with two identifies of one instant."""
    names = [f"t{n}" for n in range(60)]
    traits = "".join(f"  {name}: {{space: default, kind: event, type: integer}}\n" for name in names)
    house.write(SPACE.replace("audiences:\n", f"{traits}audiences:\n", 1))
    house.apply()
    messages = [identify(n, {name: n}, user=f"u{n % 2}") for n, name in enumerate(names, 1)]
    house.messages(*messages, messages[-1] | {"messageId": "again", "traits": {"t59": 99}})
    house.sync()
    found = house.rows("engage_default.users", ", ".join(["id", *names]))
    assert found == [
        ("u0", *(None if n % 2 else n for n in range(1, 60)), 99),
        ("u1", *(n if n % 2 else None for n in range(1, 61))),
    ]


def test_a_crash_before_the_fold_costs_users_nothing(house: House) -> None:
    house.write()
    house.apply()
    _history(house)
    size = (house.root / "data/a.jsonl").stat().st_size
    done = subprocess.run([sys.executable, "-c", KILLED, str(house.root), str(size)], env=os.environ, timeout=240)
    assert done.returncode == -signal.SIGKILL
    assert _users(house) == []
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 12
    report = house.sync(chunk_bytes=SMALL)
    by_kind = {address.kind: counts for address, counts in report.feeds.items()}
    assert by_kind["users"].read == 12
    assert by_kind["connection"].read == 0
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 12
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]


def test_a_crash_in_the_middle_is_read_on_by_each_feed_from_its_own_place(house: House) -> None:
    house.write()
    house.apply()
    _history(house)
    subprocess.run([sys.executable, "-c", KILLED, str(house.root), "700"], env=os.environ, timeout=240, check=False)
    stored = len(house.rows("engage_default.identifies", "id", order="1"))
    assert 0 < stored < 12
    report = house.sync(chunk_bytes=SMALL)
    by_kind = {address.kind: counts for address, counts in report.feeds.items()}
    assert (by_kind["connection"].read, by_kind["users"].read) == (12 - stored, 12)
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 12
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]


def test_a_fold_that_fails_leaves_its_offset_and_the_others_load(house: House) -> None:
    house.write()
    house.apply()
    _history(house)

    class Breaks(Silent):
        """Takes users away once the first chunk is committed."""

        def __init__(self, connection: Connection) -> None:
            self.connection = connection

        def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  the protocol's
            self.connection.execute("DROP TABLE IF EXISTS engage_default.users")

    with api.connected(house.project, command="sync", read_only=False) as connections:
        (connection,) = connections.values()
        report = sync(
            house.project,
            connections=connections,
            options=SyncOptions(chunk_bytes=SMALL),
            clock=lambda: datetime.now(UTC),
            progress=Breaks(connection),
        )
    assert report.exit_code == 5
    assert [(item.address.kind, item.code) for item in report.left_out] == [("users", "EC703")]
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 12
    assert house.query(
        "SELECT DISTINCT f.kind FROM engagectl.checkpoints AS c JOIN engagectl.feeds AS f ON f.number = c.feed"
    ) == [("connection",)]
    house.apply()
    house.sync()
    assert _users(house) == [("u0", 12.0, True), ("u1", 10.0, True), ("u2", 11.0, False)]


def test_null_erases_over_several_chunks(house: House) -> None:
    house.write(SPACE.replace("    warehouses: [cdp]\n", "    warehouses: [cdp]\n    null_erases: true\n"))
    house.apply()
    house.messages(identify(1, {REVENUE: 5}), identify(2, {REVENUE: None}), identify(3, {SHOPPER: True}))
    house.sync(chunk_bytes=1)
    assert _users(house) == [("u123", None, True)]


def test_an_identify_whose_only_value_does_not_fit_makes_its_user(house: House) -> None:
    """As in identifies: the row loads without the cell, so every user id of an identify that loads is in users."""
    house.write()
    house.apply()
    house.messages(identify(1, {REVENUE: "a lot"}, user="u1"))
    report = house.sync()
    assert _users(house) == [("u1", None, None)]
    assert house.rows("engage_default.identifies", f"user_id, {REVENUE}") == [("u1", None)]
    assert {counts.feed.kind: (counts.inserted, counts.cells) for counts in report.feeds.values()} == {
        "connection": (1, 1),
        "users": (1, 1),
    }
