"""`inspect FILES`: what messages hold, counted; no value in the output."""

import gzip
import json
from pathlib import Path

from engagectl.inspect.files import read_facts
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
    (one,) = read_facts([tmp_path / "a.jsonl"], rows=100)
    assert (one.lines, one.bad, one.whole) == (5, 2, True)
    assert one.calls == {"identify": 2, "track": 1}
    assert one.events == {"Audience Entered": 1}
    assert one.computations == {("", "vip"): 1}
    assert one.spaces == {"s1": 1}
    assert one.keys["total_revenue"] == {"types": {"number", "string"}, "spellings": {"Total Revenue", "total_revenue"}}
    done = run("inspect", str(tmp_path / "a.jsonl"))
    assert done.code == 0, done.err
    assert "Total Revenue and total_revenue both become total_revenue" in done.out
    assert "hunter2" not in done.out + run("inspect", "--json", str(tmp_path / "a.jsonl")).out


def test_gzip_whatever_its_name_and_only_the_first_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(LINES.encode()))
    (one,) = read_facts([tmp_path / "a.jsonl"], rows=2)
    assert (one.lines, one.whole) == (2, False)


def test_what_is_no_messages_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    assert run("inspect", str(tmp_path / "a.bin")).code == 64
    (tmp_path / "b.jsonl").write_bytes(gzip.compress(LINES.encode())[:-9])
    assert run("inspect", str(tmp_path / "b.jsonl")).code in (0, 64)
    assert run("inspect", str(tmp_path / "nothing.jsonl")).code == 1
