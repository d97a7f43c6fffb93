"""`inspect FILES`: what messages hold, counted; no value in the output."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard

from engagectl import api
from engagectl.inspect.files import ComputationKey
from tests.cli.inside import run
from tests.scenarios.house import identify, track

MESSAGES = [
    identify(
        1, {"Total Revenue": 450.5, "vip": True}, context={"personas": {"computation_key": "vip", "space_id": "s1"}}
    ),
    identify(2, {"total_revenue": "much", "secret_name": "hunter2"}),
    track(3, "Audience Entered", {"audience_key": "vip", "vip": True}),
]
LINES = "".join(json.dumps(one) + "\n" for one in MESSAGES)


def test_calls_events_keys_and_spellings(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LINES + "no json\n[1]\n\n")
    (one,) = api.inspect_files([tmp_path / "a.jsonl"], rows=100)
    assert (one.lines, one.bad, one.whole) == (5, 2, True)
    assert one.calls == {"identify": 2, "track": 1}
    assert one.events == {"Audience Entered": 1}
    assert {of: facts.messages for of, facts in one.computations.items()} == {
        ComputationKey("s1", "", "vip"): 1,
        ComputationKey("", "audience", "vip"): 1,
    }
    assert one.spaces == {"s1": 1}
    revenue = one.keys["total_revenue"]
    assert (revenue.types, revenue.spellings) == ({"number", "string"}, {"Total Revenue", "total_revenue"})
    done = run("inspect", str(tmp_path / "a.jsonl"))
    assert done.code == 0, done.err
    assert "Total Revenue and total_revenue both become total_revenue" in done.out
    assert "hunter2" not in done.out + run("inspect", "--json", str(tmp_path / "a.jsonl")).out


def test_gzip_whatever_its_name_and_only_the_first_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(LINES.encode()))
    (one,) = api.inspect_files([tmp_path / "a.jsonl"], rows=2)
    assert (one.lines, one.whole) == (2, False)


@pytest.mark.parametrize("kind", ["gzip", "zstd", "parquet"])
def test_however_it_is_stored_it_holds_the_same(kind: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text(LINES)
    packed = tmp_path / "packed"
    match kind:
        case "gzip":
            packed.write_bytes(gzip.compress(LINES.encode()))
        case "zstd":
            packed.write_bytes(zstandard.compress(LINES.encode()))
        case _:
            rows = [
                {key: json.dumps(value) if isinstance(value, dict) else value for key, value in one.items()}
                for one in MESSAGES
            ]
            pa.parquet.write_table(pa.Table.from_pylist(rows, schema=_schema(rows)), packed)
    plain, other = api.inspect_files([tmp_path / "plain", tmp_path / "packed"])
    assert other.format == kind
    assert (other.calls, other.events, other.keys) == (plain.calls, plain.events, plain.keys)
    assert other.computations == plain.computations


def _schema(rows: list[dict[str, object]]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in dict.fromkeys(key for row in rows for key in row)])


def test_what_is_no_messages_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    assert run("inspect", str(tmp_path / "a.bin")).code == 64
    (tmp_path / "b.jsonl").write_bytes(gzip.compress(LINES.encode())[:-9])
    done = run("inspect", str(tmp_path / "b.jsonl"))
    assert (done.code, "cut short" in done.out) in ((0, True), (1, False))
    assert run("inspect", str(tmp_path / "nothing.jsonl")).code == 1
