"""Many small files load as one chunk, and nothing tells it from loading each alone: cells, places, counts."""

import gzip
import json
from pathlib import Path
from typing import Any

from tests.scenarios.house import SPACE, House, identify, track

FILES = SPACE.replace('"data/*.jsonl"', '"data/*"')
TABLES = {
    "engage_default.identifies": "id, user_id, first_time_shopper, total_revenue_180_days::varchar",
    "engage_default.tracks": "id, event",
    "engage_default.users": "id, first_time_shopper, total_revenue_180_days::varchar",
    "engagectl.quarantine": "feed, file, line_offset, line, reason, column_name, message_id",
    "engagectl.checkpoints": "feed, file, byte_offset, line, identity",
    "engagectl.loads": "feed, file, offset_from, offset_to, read, inserted, duplicate, filtered_by, quarantined, cells",
}
UNSORTED = '{"type": "identify", "messageId": "x", "userId": "u", "receivedAt": "2024-01-02T00:00:00Z", "traits": '


def written(root: Path) -> None:
    data = root / "data"
    data.mkdir()

    def put(name: str, *lines: dict[str, Any] | bytes, packed: bool = False) -> None:
        text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        (data / name).write_bytes(gzip.compress(text) if packed else text)

    put("a.jsonl", identify(1, {"first_time_shopper": True}), b"broken\n", identify(2, {"surprise": 1}))
    put(
        "b.gz",
        b"\n",
        identify(3, {"total_revenue_180_days": "many"}),
        identify(1, {"first_time_shopper": False}),
        packed=True,
    )
    put("c.jsonl")
    put("d.jsonl", track(4, "Audience Entered", {"audience_key": "first_time_shopper"}), b"\xff\xfe\n")
    deep = UNSORTED.encode() + b"[" * 200 + b"]" * 200 + b"}\n"
    exact = UNSORTED.replace('"x"', '"m5"').encode() + b'{"total_revenue_180_days": 99999999999999.99}}\n'
    put("e.jsonl", deep, exact, identify(6, {"first_time_shopper": 7}))
    put("f.jsonl", identify(7, {"first_time_shopper": True}), b'{"type": "identify", "mess')
    put(
        "g.jsonl",
        identify(3, {"total_revenue_180_days": 3}),
        identify(8, {"total_revenue_180_days": "no", "first_time_shopper": True}),
    )


def facts(house: House) -> dict[str, list[tuple[Any, ...]]]:
    numbers = dict(house.query("SELECT number, kind FROM engagectl.feeds"))
    found = {}
    for table, columns in TABLES.items():
        rows = house.rows(table, columns, order=", ".join(str(n + 1) for n in range(len(columns.split(", ")))))
        if columns.startswith("feed"):
            rows = sorted(((numbers.get(row[0], "line"), *row[1:]) for row in rows), key=str)
        found[table] = rows
    return found


def test_together_is_as_one_by_one(house: House, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    alone = House(tmp_path / "alone", "    type: duckdb\n    path: ./acme.duckdb\n")
    made = {}
    for one, chunk_bytes in ((house, 64 << 20), (alone, 1600)):  # an eighth of a chunk is too small for these files
        one.write(FILES)
        written(one.root)
        one.apply()
        report = one.sync(chunk_bytes=chunk_bytes)
        made[one.root] = (report.chunks, facts(one))
        assert one.sync(chunk_bytes=chunk_bytes).chunks == 0
    (together, mine), (each, theirs) = made[house.root], made[alone.root]
    assert (together, each) == (3, 6), "f.jsonl has an unfinished line, and goes alone"
    for table in TABLES:
        assert mine[table] == theirs[table], table
    assert (
        "line",
        "data/d.jsonl",
        len(json.dumps(track(4, "Audience Entered", {"audience_key": "first_time_shopper"}))) + 1,
    ) in [row[:3] for row in mine["engagectl.quarantine"]]


def test_a_file_that_some_feed_has_read_goes_alone(house: House) -> None:
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}), name="data/a.jsonl")
    house.apply()
    house.sync(select=["users.default.main"])
    house.messages(identify(2, {"first_time_shopper": True}), name="data/b.jsonl")
    house.messages(identify(3, {"first_time_shopper": True}), name="data/c.jsonl")
    report = house.sync()
    assert report.exit_code == 0
    counts = {address.kind: one for address, one in report.feeds.items()}
    assert (counts["connection"].read, counts["users"].read) == (3, 2)
    assert [row[0] for row in house.rows("engage_default.identifies", "id", order="1")] == ["m1", "m2", "m3"]


def test_a_feed_that_stops_at_what_it_meets_has_none_of_the_files(house: House) -> None:
    house.write(SPACE.replace("    warehouses: [cdp]\n", "    warehouses: [cdp]\n    on_undeclared: fail\n"))
    house.messages(identify(1, {"first_time_shopper": True}), name="data/a.jsonl")
    house.messages(identify(2, {"surprise": 1, "first_time_shopper": True}), name="data/b.jsonl")
    house.apply()
    report = house.sync()
    assert {item.code for item in report.left_out} == {"EC706"}
    assert house.rows("engage_default.identifies", "id", order="1") == []
    assert house.rows("engage_default.users", "id", order="1") == [("u123",)]
    house.write(SPACE)
    house.apply()
    house.sync()
    assert [row[0] for row in house.rows("engage_default.identifies", "id", order="1")] == ["m1", "m2"]
