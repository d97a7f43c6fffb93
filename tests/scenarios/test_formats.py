"""One history in every format gives the same tables; a Parquet row is a message."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from engagectl import api
from tests.scenarios.house import SPACE, House, identify, track

FILES = SPACE.replace('"data/*.jsonl"', '"data/*"')
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}
MESSAGES = [
    identify(1, {"first_time_shopper": True}, context={"ip": "1.2.3.4", "library": {"name": "x\ny"}}),
    identify(2, {"total_revenue_180_days": 450.5}),
    track(3, "Audience Entered", ENTERED),
    identify(1, {"first_time_shopper": True}),
    identify(4, {"total_revenue_180_days": "many", "Extra": [1, {"a": None}]}),
    identify(5, {"total_revenue_180_days": 7}, user=None),
]
QUERIES = {
    "engage_default.identifies": "id, user_id, first_time_shopper, total_revenue_180_days, context_library_name",
    "engage_default.audience_entered": "id, received_at::text, event_text",
    "engage_default.users": "id, first_time_shopper, total_revenue_180_days",
    "engagectl.quarantine": "reason, column_name, line, content",
}


def _parquet(path: Path, lines: list[str], select: str) -> None:
    db = duckdb.connect()
    numbers = list(range(len(lines)))
    db.execute("CREATE TABLE given AS SELECT unnest(?) AS n, unnest(?) AS line", [numbers, lines]).fetchall()
    db.execute(
        f"COPY (SELECT {select} FROM given ORDER BY n) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
    ).fetchall()
    db.close()


def _text(name: str) -> str:
    return f"json_extract_string(line, '/{name}') AS \"{name}\""


PARQUET = ", ".join(
    [
        *map(
            _text,
            ("type", "messageId", "userId", "anonymousId", "event", "timestamp", "traits", "properties", "context"),
        ),
        "CAST(json_extract_string(line, '/receivedAt') AS TIMESTAMPTZ) AS \"receivedAt\"",
    ]
)


def _write(house: House, kind: str) -> None:
    lines = [json.dumps(message) for message in MESSAGES]
    data = "".join(line + "\n" for line in lines).encode()
    folder = house.root / "data"
    folder.mkdir(exist_ok=True)
    match kind:
        case "ndjson":
            (folder / "a").write_bytes(data)
        case "gzip":
            (folder / "a").write_bytes(gzip.compress(data))
        case "zstd":
            (folder / "a").write_bytes(zstandard.compress(data))
        case "parquet":
            _parquet(folder / "a", lines, PARQUET)


def _tables(house: House) -> dict[str, list[tuple[Any, ...]]]:
    return {table: house.rows(table, columns, order="1, 2, 3") for table, columns in QUERIES.items()}


def test_every_format_gives_the_same_tables(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    house.write(FILES)
    house.apply()
    found = []
    for kind in ("ndjson", "gzip", "zstd", "parquet"):
        with api.connected(house.project, command="test", read_only=False) as connections:
            for connection in connections.values():
                for table in ("checkpoints", "seen", "quarantine", "loads"):
                    connection.execute(f"DELETE FROM engagectl.{table}")
                for table in ("identifies", "tracks", "audience_entered", "users"):
                    connection.execute(f"DELETE FROM engage_default.{table}")
        _write(house, kind)
        assert house.sync().exit_code == 0
        found.append(_tables(house))
    assert found[0]["engage_default.identifies"][0] == ("m1", "u123", True, None, "x\ny")
    for other in found[1:]:
        assert other == found[0]


def test_a_parquet_file_is_read_once_and_resumed(house: House) -> None:
    house.write(FILES)
    house.apply()
    lines = [json.dumps(identify(n, {"total_revenue_180_days": n})) for n in range(7_000)]
    (house.root / "data").mkdir()
    _parquet(house.root / "data/a[1].parquet", lines, PARQUET)
    report = house.sync(chunk_bytes=1 << 18)
    assert report.chunks > 1
    assert house.rows("engage_default.identifies", "count(*), count(DISTINCT id)", order="1") == [(7_000, 7_000)]
    assert house.rows("engagectl.checkpoints", "DISTINCT byte_offset, line", order="1") == [(7_000, 7_000)]
    assert sum(counts.read for counts in house.sync().feeds.values()) == 0


def test_nested_columns_are_objects_with_exact_numbers(house: House) -> None:
    house.write(FILES.replace("decimal(18,2)", "decimal(38,20)"))
    house.apply()
    (house.root / "data").mkdir()
    select = (
        "'identify' AS type, 'm' || n AS \"messageId\", 'u' || n AS \"userId\", TIMESTAMP '2024-01-02 03:04:05' AS"
        " \"receivedAt\", {'total_revenue_180_days': CAST(0.10000000000000000555 AS DECIMAL(38, 20)),"
        " 'first_time_shopper': CASE WHEN n = 0 THEN true END} AS traits, MAP {'ip': line} AS context"
    )
    _parquet(house.root / "data/a.parquet", ["one", "two"], select)
    house.sync()
    rows = house.rows(
        "engage_default.identifies",
        "id, total_revenue_180_days::text, first_time_shopper, context_ip, received_at::text",
    )
    assert [row[:4] for row in rows] == [
        ("m0", "0.10000000000000000555", True, "one"),
        ("m1", "0.10000000000000000555", None, "two"),
    ]
    assert rows[0][4].startswith("2024-01-02 03:04:05")


def test_a_file_that_only_begins_like_parquet_is_an_error_of_its_own(house: House) -> None:
    house.write(FILES)
    house.apply()
    (house.root / "data").mkdir()
    (house.root / "data/a").write_bytes(b"PAR1 and nothing else")
    house.messages(json.dumps(MESSAGES[0]), name="data/b.jsonl")
    report = house.sync()
    assert report.exit_code == 5
    assert {item.code for item in report.left_out} == {"EC732"}
    assert house.query("SELECT count(*) FROM engage_default.identifies") == [(1,)]
