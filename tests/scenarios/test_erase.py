"""One person is removed from every table, and stays away: on both engines, down to the bytes of a DuckDB file."""

from pathlib import Path

import pytest

from engagectl import api
from engagectl.cli.app import run
from engagectl.erase.person import EraseReport
from tests.scenarios.house import SPACE, House, identify, track

GONE, STAYS = "u-gone-7f3a", "u123"
CLASSIC = ("identifies", "users", "tracks", "audience_entered")
LOG = """
activations:
  log: {audience: first_time_shopper, warehouses: [cdp], table: log}
  bare:
    audience: first_time_shopper
    warehouses: [cdp]
    table: bare
    mappings: [{from: properties.audience_key, to: audience_key, type: string}]
"""


def messages(user: str, first: int) -> list[dict[str, object]]:
    body = {"audience_key": "first_time_shopper", "first_time_shopper": True}
    return [
        identify(first, {"first_time_shopper": True}, user=user),
        track(first + 1, "Audience Entered", body, user=user),
        identify(first + 2, {"total_revenue_180_days": f"not a number of {user}"}, user=user),
    ]


@pytest.fixture
def loaded(house: House) -> House:
    house.write(SPACE + LOG)
    house.messages(*messages(STAYS, 1), *messages(GONE, 11))
    house.apply()
    house.sync()
    return house


def erase(house: House, *, forever: bool = False, dry_run: bool = False) -> EraseReport:
    return api.erase(house.project, GONE, forever=forever, dry_run=dry_run, confirm=lambda _: True)


def held(house: House) -> dict[str, int]:
    """Return, per table, how many rows are of the person."""
    found = {}
    for table in (*(f"engage_default.{name}" for name in CLASSIC), "default.log"):
        column = "id" if table.endswith("users") else "user_id"
        found[table] = len([row for row in house.rows(table, f"{column}, received_at::varchar") if row[0] == GONE])
    found["bare"] = len([row for row in house.rows("default.bare", "id, received_at::varchar") if row[0] == "m12"])
    return found


def test_rows_go_everywhere_and_nobody_elses(loaded: House) -> None:
    others = {table: len(loaded.rows(f"engage_default.{table}", "id, received_at::varchar")) for table in CLASSIC}
    assert all(held(loaded).values())
    report = erase(loaded)
    assert report.exit_code == 0
    assert {str(one.table): one.link for one in report.tables}["local/table.default.bare"] == "message"
    assert not any(held(loaded).values())
    left = {table: len(loaded.rows(f"engage_default.{table}", "id, received_at::varchar")) for table in CLASSIC}
    assert {table: number * 2 for table, number in left.items()} == others
    with api.connected(loaded.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        kept = connection.query('SELECT message_id, content FROM "engagectl"."quarantine"')
        times = connection.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'engagectl'"
            " AND table_name LIKE 'users_times%'"
        )
        (ids,) = [connection.query(f'SELECT id FROM "engagectl"."{name}"') for (name,) in times]
    assert kept
    assert not [row for row in kept if GONE in str(row)]
    assert ids == [(STAYS,)]


def test_a_dry_run_counts_the_same_and_writes_nothing(loaded: House) -> None:
    before = held(loaded)
    counted = erase(loaded, dry_run=True)
    assert held(loaded) == before
    done = erase(loaded)
    assert [(one.table, one.rows) for one in counted.tables] == [(one.table, one.rows) for one in done.tables]


def test_old_messages_stay_away_and_later_ones_come_in(loaded: House) -> None:
    erase(loaded)
    loaded.messages(*messages(GONE, 11), *messages(GONE, 21), name="data/again.jsonl")
    late = identify(31, {"first_time_shopper": True}, user=GONE) | {"receivedAt": "2999-01-01T00:00:00Z"}
    loaded.messages(late, name="data/late.jsonl")
    report = loaded.sync()
    assert sum(counts.filtered["erased"] for counts in report.feeds.values()) > 0
    assert [row[0] for row in loaded.rows("engage_default.identifies", "id, user_id") if row[1] == GONE] == ["m31"]


def test_forever_means_later_ones_too(loaded: House) -> None:
    erase(loaded, forever=True)
    late = identify(31, {"first_time_shopper": True}, user=GONE) | {"receivedAt": "2999-01-01T00:00:00Z"}
    loaded.messages(late, name="data/late.jsonl")
    loaded.sync()
    assert not any(held(loaded).values())
    assert not [row for row in loaded.rows("engage_default.users", "id, received_at::varchar") if row[0] == GONE]


def test_no_byte_of_the_file_holds_the_person(loaded: House) -> None:
    files = [path for path in loaded.root.glob("*.duckdb*") if path.is_file()]
    if not files:  # PostgreSQL: its files are the server's, and are named as not reached
        report = erase(loaded)
        assert any("write-ahead log" in one for one in report.not_reached)
        return
    assert any(GONE.encode() in path.read_bytes() for path in files)
    erase(loaded)
    left = [path for path in loaded.root.glob("*.duckdb*") if path.is_file()]
    assert left
    assert not [path for path in left if GONE.encode() in path.read_bytes()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in left)
    assert loaded.plan().steps == ()


def test_what_is_not_reached_is_named(loaded: House) -> None:
    named = " | ".join(erase(loaded).not_reached)
    assert "backups" in named
    assert "input" in named


def test_a_table_without_a_link_is_named(house: House) -> None:
    house.write(SPACE + LOG)
    house.messages(*messages(GONE, 11))
    house.apply()
    house.sync()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('ALTER TABLE "default".bare RENAME COLUMN id TO row_number')
    report = erase(house)
    assert report.exit_code == 5
    assert [str(one) for one in report.unlinked] == ["local/table.default.bare"]


def test_the_command_asks_first(
    loaded: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(loaded.root)
    assert run(["erase", "--user", GONE]) == 4
    assert any(held(loaded).values())
    assert run(["erase", "--user", GONE, "--yes", "--json"]) == 0
    assert not any(held(loaded).values())
    assert run(["erase", "--user", ""]) == 64
    assert Path("engagectl.yaml").exists()
    capsys.readouterr()
