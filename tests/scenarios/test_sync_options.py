"""What a sync may be asked to do, and what it does when an input, a feed or its user gets in the way."""

import gzip
import io
import json
from datetime import UTC, datetime

import pytest

from engagectl import api
from engagectl.errors import UsageError
from engagectl.sync.options import Limit, Silent, SyncOptions
from engagectl.sync.passes import sync
from engagectl.sync.report import SyncReport
from engagectl.warehouses.contract import Connection
from tests.scenarios.house import SPACE, House, identify, track

REVENUE = "total_revenue_180_days"
SHOPPER = "first_time_shopper"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTERED = {"audience_key": SHOPPER, SHOPPER: True}
LATER = """
activations:
  shoppers:
    audience: first_time_shopper
    warehouses: [cdp]
    table: shoppers
"""


def _ids(house: House, table: str = "engage_default.identifies") -> list[str]:
    return [str(row[0]) for row in house.rows(table, "id", order="1")]


def test_reread_brings_in_exactly_what_was_undeclared(house: House) -> None:
    house.write(SPACE.replace(f"  {REVENUE}:", "  other:"))
    house.apply()
    house.messages(identify(1, {SHOPPER: True}), identify(2, {REVENUE: 5}), "{broken", identify(3, {REVENUE: "bad"}))
    house.sync()
    assert _ids(house) == ["m1"]
    house.write()
    house.apply()
    assert house.sync().inserted == 0
    assert house.sync(reread=True).inserted > 0
    assert _ids(house) == ["m1", "m2", "m3"]
    assert house.rows("engage_default.users", f"id, CAST({REVENUE} AS INTEGER), {SHOPPER}") == [("u123", 5, True)]
    kept = house.query("SELECT reason, count(*) FROM engagectl.quarantine GROUP BY reason ORDER BY reason")
    again = house.sync(reread=True)
    by_kind = {address.kind: counts for address, counts in again.feeds.items()}
    assert (by_kind["connection"].inserted, by_kind["connection"].duplicate) == (0, 3)
    assert _ids(house) == ["m1", "m2", "m3"]
    assert house.query("SELECT reason, count(*) FROM engagectl.quarantine GROUP BY reason ORDER BY reason") == kept
    house.messages(identify(4, {REVENUE: 7}))
    assert house.sync().feeds.popitem()[1].read == 1


def test_reread_brings_in_exactly_what_was_excluded(house: House) -> None:
    entered = {"audience_key": SHOPPER, SHOPPER: True}
    tables = "table.engage_default.audience_entered, table.engage_default.tracks"
    house.write(settings=f"    selective_sync: {{exclude: [{tables}]}}\n")
    house.apply()
    house.messages(identify(1, {SHOPPER: True}), track(2, "Audience Entered", entered))
    house.sync()
    house.write()
    house.apply()
    house.messages(track(3, "Audience Entered", entered))
    house.sync()
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m3",)]
    again = house.sync(reread=True)
    by_kind = {address.kind: counts for address, counts in again.feeds.items()}
    assert (by_kind["connection"].inserted, by_kind["connection"].duplicate) == (1, 2)
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m2",), ("m3",)]
    assert _ids(house) == ["m1"]


def test_a_rewritten_file_stops_alone_and_can_be_read_as_new(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {SHOPPER: True}))
    house.sync()
    (house.root / "data/a.jsonl").unlink()
    house.messages(identify(2, {SHOPPER: False}), identify(3, {SHOPPER: False}))
    house.messages(identify(4, {SHOPPER: False}), name="data/b.jsonl")
    report = house.sync()
    assert report.exit_code == 5
    assert {item.code for item in report.left_out} == {"EC720"}
    assert "--as-new data/a.jsonl" in report.left_out[0].help
    assert _ids(house) == ["m1", "m4"]
    assert house.sync(as_new=("data/a.jsonl",)).exit_code == 0
    assert _ids(house) == ["m1", "m2", "m3", "m4"]


def test_a_damaged_file_is_left_out_and_the_others_load(house: House) -> None:
    house.write(SPACE.replace("*.jsonl", "*"))
    house.apply()
    house.messages(identify(1, {SHOPPER: True}))
    whole = gzip.compress(b"".join(b'{"type":"run_completed"}\n' for _ in range(2000)), mtime=0)
    (house.root / "data/cut.gz").write_bytes(whole[:-20])
    (house.root / "data/bad.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\xff" * 40)
    report = house.sync()
    assert report.exit_code == 5
    assert sorted({(item.code, item.reason.split(":")[0]) for item in report.left_out}) == [
        ("EC721", "data/bad.zst is damaged"),
        ("EC721", "data/cut.gz is cut short"),
    ]
    assert _ids(house) == ["m1"]
    (house.root / "data/cut.gz").write_bytes(whole)
    (house.root / "data/bad.zst").unlink()
    assert house.sync().exit_code == 0


def test_the_time_that_is_up_ends_a_sync_between_chunks(house: House) -> None:
    house.write()
    house.apply()
    house.messages(*(identify(n, {SHOPPER: True}) for n in range(1, 7)))
    report = house.sync(chunk_bytes=1, max_time_s=0)
    assert (report.exit_code, report.chunks) == (0, 1)
    assert report.unfinished == ["the time is up: 16 %, 1 files left"]
    assert house.query(f"SELECT id, {SHOPPER} FROM engage_default.users") == [("u123", True)]
    assert house.sync().unfinished == []
    assert len(_ids(house)) == 6


def test_a_stop_ends_a_sync_between_chunks_with_130(house: House) -> None:
    house.write()
    house.apply()
    house.messages(*(identify(n, {SHOPPER: True}) for n in range(1, 7)))
    answers = iter([False, True])
    report = house.sync(chunk_bytes=1, stop=lambda: next(answers))
    assert (report.exit_code, report.chunks) == (130, 1)
    assert house.sync().exit_code == 0
    assert len(_ids(house)) == 6


def test_selecting_a_connection_selects_its_users(house: House) -> None:
    house.write(SPACE + LATER)
    house.apply()
    house.messages(identify(1, {SHOPPER: True}))
    report = house.sync(select=("connection.classic",))
    assert sorted(address.kind for address in report.feeds) == ["connection", "users"]


def test_a_selection_that_names_nothing_says_what_there_is(house: House) -> None:
    house.write(SPACE + LATER)
    house.apply()
    with pytest.raises(UsageError) as wrong:
        house.sync(select=("connection.clasic",))
    assert "activation.shoppers, connection.classic, users.default.main" in wrong.value.help[0]


def _sync_with(house: House, progress: type["Beside"]) -> SyncReport:
    """Run a sync whose progress works on the same connection, between chunks."""
    with api.connected(house.project, command="sync", read_only=False) as connections:
        return sync(
            house.project,
            connections=connections,
            options=SyncOptions(chunk_bytes=1),
            clock=lambda: NOW,
            progress=progress(connections["local"]),
        )


class Beside(Silent):
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class DropsTheActivation(Beside):
    def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  the protocol's
        self.connection.execute('DROP TABLE IF EXISTS "default".shoppers')


def test_one_broken_feed_is_named_and_the_others_load(house: House) -> None:
    house.write(SPACE + LATER)
    house.apply()
    house.messages(*(track(n, "Audience Entered", ENTERED) for n in range(1, 5)))
    report = _sync_with(house, DropsTheActivation)
    assert report.exit_code == 5
    assert [(str(item.address), item.code) for item in report.left_out] == [("local/activation.shoppers", "EC703")]
    assert len(_ids(house, "engage_default.audience_entered")) == 4


def test_stamps_grow_over_syncs_while_the_clock_stands(house: House) -> None:
    house.write()
    house.apply()
    for n in range(1, 4):
        house.messages(identify(n, {SHOPPER: True}))
        _sync_with(house, Beside)
    stamps = house.query("SELECT uuid_ts FROM engagectl.loads ORDER BY offset_from, feed")
    assert len({stamp for (stamp,) in stamps}) == 6


def test_a_feed_that_only_catches_up_yields_to_who_waits(house: House) -> None:
    house.write()
    house.apply()
    for n in range(1, 4):
        house.messages(*(track(10 * n + m, "Audience Entered", ENTERED) for m in range(3)), name=f"data/{n}.jsonl")
    house.sync()
    house.write(SPACE + LATER)
    house.apply()
    house.messages(track(99, "Audience Entered", ENTERED), name="data/3.jsonl")
    with house.somebody_waits():
        report = house.sync(chunk_bytes=1)
    assert report.exit_code == 0
    assert [text.split(":")[0] for text in report.unfinished] == ["catching up"]
    assert "m99" in _ids(house, "engage_default.audience_entered")
    assert 0 < len(_ids(house, "default.shoppers")) < 10
    assert house.sync().unfinished == []
    assert len(_ids(house, "default.shoppers")) == 10


def test_quarantine_is_kept_for_so_long(house: House) -> None:
    house.write()
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text() + "quarantine: {keep: 1d}\n")
    house.apply()
    house.messages("{broken", identify(1, {SHOPPER: True}))
    house.sync()
    assert len(house.query("SELECT reason FROM engagectl.quarantine")) == 1
    house.execute("UPDATE engagectl.quarantine SET recorded_at = '2020-01-01T00:00:00.000000Z'")
    house.sync()
    assert house.query("SELECT reason FROM engagectl.quarantine") == []


@pytest.mark.parametrize(("limit", "code"), [(Limit(0), 5), (Limit(9), 0), (Limit(10, is_share=True), 5)])
def test_too_much_quarantine_ends_with_5(house: House, limit: Limit, code: int) -> None:
    house.write()
    house.apply()
    house.messages("{broken", identify(1, {SHOPPER: True}))
    assert house.sync(max_quarantine=limit).exit_code == code


def test_a_renamed_file_is_read_on_where_it_stood(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {SHOPPER: True}), identify(2, {SHOPPER: True}))
    house.sync()
    (house.root / "data/a.jsonl").rename(house.root / "data/b.jsonl")
    house.messages(identify(3, {SHOPPER: True}), name="data/b.jsonl")
    report = house.sync()
    assert {address.kind: counts.read for address, counts in report.feeds.items()} == {"connection": 1, "users": 1}
    assert report.notes == ["data/b.jsonl is what was data/a.jsonl: read on from there"]
    assert _ids(house) == ["m1", "m2", "m3"]
    assert house.query("SELECT DISTINCT file FROM engagectl.checkpoints") == [("data/b.jsonl",)]


def test_a_file_with_another_beginning_is_another_file(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {SHOPPER: True}))
    house.sync()
    (house.root / "data/a.jsonl").unlink()
    house.messages(identify(2, {SHOPPER: True}), identify(3, {SHOPPER: True}), name="data/b.jsonl")
    report = house.sync()
    assert report.notes == []
    assert _ids(house) == ["m1", "m2", "m3"]


def test_a_dry_run_counts_and_writes_nothing(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {SHOPPER: True}), identify(1, {SHOPPER: True}), "{broken", identify(2, {SHOPPER: "?"}))
    before = house.query("SELECT count(*) FROM engagectl.syncs")
    report = house.sync(dry_run=True, chunk_bytes=1)
    by_kind = {address.kind: counts for address, counts in report.feeds.items()}
    counts = by_kind["connection"]
    assert (counts.read, counts.inserted, counts.duplicate, counts.quarantined, counts.cells) == (4, 2, 1, 1, 1)
    assert by_kind["users"].read == 4
    for table in ("engage_default.identifies", "engage_default.users"):
        assert _ids(house, table) == []
    for table in ("checkpoints", "loads", "quarantine", "seen"):
        assert house.query(f"SELECT count(*) FROM engagectl.{table}") == [(0,)]
    assert house.query("SELECT count(*) FROM engagectl.syncs") == before
    assert house.sync().feeds.keys() == report.feeds.keys()
    assert _ids(house) == ["m1", "m2"]


def test_standard_input_stands_in_for_an_input(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write()
    house.apply()
    sent = b"\n".join(json.dumps(identify(n, {SHOPPER: True})).encode() for n in range(1, 4))
    for inserted in (3, 0):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(sent)))
        report = house.sync(standard_input="", chunk_bytes=200)
        by_kind = {address.kind: counts for address, counts in report.feeds.items()}
        assert (by_kind["connection"].read, by_kind["connection"].inserted) == (3, inserted)
    assert _ids(house) == ["m1", "m2", "m3"]
    assert house.query(f"SELECT id, {SHOPPER} FROM engage_default.users") == [("u123", True)]
    assert house.query("SELECT count(*) FROM engagectl.checkpoints") == [(0,)]
    with pytest.raises(UsageError):
        house.sync(standard_input="other")


def test_a_sync_says_which_apply_it_goes_by_and_what_is_not_applied(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {SHOPPER: True}))
    report = house.sync()
    assert report.applies["local"].startswith("apply ")
    assert report.warnings == []
    house.write(SPACE + LATER)
    assert [text for text in house.sync().warnings if "not applied yet: engagectl plan" in text]


def test_that_nothing_waits_is_remembered_until_something_does(house: House) -> None:
    house.write()
    house.apply()
    waits = "SELECT content FROM engagectl.meta WHERE item LIKE 'nothing waits%'"
    assert house.query(waits) == []
    house.sync()
    (first,) = house.query(waits)
    house.sync()
    assert house.query(waits) == [first]
    house.write(SPACE + LATER)
    assert [text for text in house.sync().warnings if "not applied yet" in text]
    house.write()
    assert house.sync().warnings == []
    house.execute(f"ALTER TABLE engage_default.identifies DROP COLUMN {SHOPPER}")
    assert [text for text in house.sync().warnings if "1 changes for local that are not applied yet" in text]


def test_a_dry_run_does_not_remember_that_nothing_waits(house: House) -> None:
    house.write()
    house.apply()
    house.sync(dry_run=True)
    assert house.query("SELECT content FROM engagectl.meta WHERE item LIKE 'nothing waits%'") == []
