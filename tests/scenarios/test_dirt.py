"""Every kind of dirt ends in the quarantine with its true offset, line and reason; what is beside it loads."""

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest

from engagectl import api
from engagectl.journal.quarantine import QuarantineEntry
from tests.scenarios.house import House, identify

YAML = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  whole: {space: default, kind: event, type: integer}
  near: {space: default, kind: event, type: float}
  exact: {space: default, kind: event, type: "decimal(38,20)"}
  money: {space: default, kind: event, type: "decimal(38,2)"}
  name: {space: default, kind: event, type: string}
  short: {space: default, kind: event, type: string, max_chars: 3}
  at: {space: default, kind: event, type: timestamp}
  day: {space: default, kind: event, type: date}
  flag: {space: default, kind: event, type: boolean}
  doc: {space: default, kind: event, type: json_text}
  native: {space: default, kind: event, type: json}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send: [{traits: ["*"], as: [identify]}]
"""
GOOD = json.dumps(identify(1, {"whole": 1}))
HEAD = '{"type":"identify","messageId":"x","userId":"u","receivedAt":"2024-01-02T00:00:00Z","traits":'

WHOLE: list[tuple[bytes, str]] = [
    (b'{"type":', "malformed_json"),
    (b"nothing", "malformed_json"),
    (b"", "empty_line"),
    (b"  \t ", "empty_line"),
    (b"[1, 2]", "not_an_object"),
    (b"5", "not_an_object"),
    (b"null", "not_an_object"),
    (b"\xef\xbb\xbf" + GOOD.encode(), "malformed_json"),
    ((HEAD + '{"whole":1,}}').encode(), "malformed_json"),
    ((HEAD + '{"whole":[1 , ]}}').encode(), "malformed_json"),
    ((HEAD + '{"near":NaN}}').encode(), "malformed_json"),
    ((HEAD + '{"near":-Infinity}}').encode(), "malformed_json"),
    ((HEAD + '{"name":"\\ud800"}}').encode(), "malformed_json"),
    ((HEAD + '{"name":"\xff"}}').encode("latin-1"), "invalid_utf8"),
    ((HEAD + '{"name":"a\0b"}}').encode(), "malformed_json"),
    ((HEAD + '{"name":"a\tb"}}').encode(), "malformed_json"),
    ((HEAD + '{"doc":' + "[" * 128 + "]" * 128 + "}}").encode(), "too_deep"),
    ((HEAD + '{"whole":1},"traits":{"whole":2}}').encode(), "duplicate_key"),
    ((HEAD + '{"whole":1,"whole":2}}').encode(), "duplicate_key"),
    (json.dumps({**identify(2, {"whole": 1}), "type": None}).encode(), "envelope"),
    (json.dumps({**identify(2, {"whole": 1}), "type": 7}).encode(), "envelope"),
    (json.dumps({**identify(2, {"whole": 1}), "userId": 7}).encode(), "envelope"),
    (json.dumps({**identify(2, {"whole": 1}), "userId": "a\0b"}).encode(), "envelope"),
    (json.dumps({**identify(2, {"whole": 1}), "messageId": "x" * 513}).encode(), "envelope"),
    (json.dumps({**identify(2, {"whole": 1}), "messageId": "a\0b"}).encode(), "envelope"),
    *(
        (json.dumps({**identify(3, {"whole": 1}), "timestamp": time}).encode(), "no_time")
        for time in (
            "soon",
            "2024-01-02",
            "2024-01-02T00:00:00",
            "2024-01-02T23:59:60Z",
            "2024-01-02T24:00:00Z",
            "2024-02-30T00:00:00Z",
            "2024-01-02T00:00:00+24:00",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "300000-01-01T00:00:00Z",
            "infinity",
            1704153600,
        )
    ),
    (json.dumps({**identify(3, {"whole": 1}), "receivedAt": None, "timestamp": None}).encode(), "no_time"),
]
"""A line, and why none of it can be a row."""

CELLS: list[tuple[str, str]] = [
    ("whole", "1.5"),
    ("whole", str(2**63)),
    ("whole", "1" + "0" * 30),
    ("whole", '"5"'),
    ("whole", "true"),
    ("near", "1e400"),
    ("near", "nan"),
    ("near", "-inf"),
    ("near", '"NaN"'),
    ("exact", "0.000000000000000000001"),
    ("money", "1e40"),
    ("name", '"a\\u0000b"'),
    ("name", "inf"),
    ("short", '"four"'),
    ("at", '"2024-01-02T00:00:00"'),
    ("at", "1704153600"),
    ("day", '"2024-13-01"'),
    ("flag", "1"),
    ("flag", '"true"'),
    ("doc", '{"a":[nan]}'),
    ("native", '{"a":"\\u0000"}'),
    ("native", "1e200000"),
]
"""A trait and a value that it does not hold: the row loads without it."""

STORED: list[tuple[str, str, object]] = [
    ("whole", "1.0", 1),
    ("whole", "1e3", 1000),
    ("whole", str(2**53 + 1), 2**53 + 1),
    ("whole", str(2**63 - 1), 2**63 - 1),
    ("exact", "0.10000000000000000555", Decimal("0.10000000000000000555")),
    ("money", "12345678901234567.89", Decimal("12345678901234567.89")),
    ("money", "99999999999999.99", Decimal("99999999999999.99")),
    ("near", "123456789.123456785", 123456789.123456785),
    ("name", "12345678901234567.89", "12345678901234567.89"),
    ("name", '"nan, inf"', "nan, inf"),
    ("name", '"a, }, NaN, ]"', "a, }, NaN, ]"),
    ("doc", '{"a":0.10000000000000000555}', '{"a":0.10000000000000000555}'),
    ("doc", '{"a":[123456789.123456785,99999999999999.99]}', '{"a":[123456789.123456785,99999999999999.99]}'),
    ("doc", '{"a":",nan",  "b":"\\\\u0000"}', '{"a":",nan","b":"\\\\u0000"}'),
    ("doc", "1e400", "1e400"),
    ("doc", "[" * 126 + "]" * 126, "[" * 126 + "]" * 126),
]
"""A trait, a value at the edge, and what is stored of it."""


@pytest.fixture
def dirty(house: House) -> House:
    house.write(YAML)
    house.apply()
    return house


def _put(house: House, lines: list[bytes]) -> None:
    path = house.root / "data/a.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def _entries(house: House) -> dict[int, QuarantineEntry]:
    return {entry.line: entry for _, entry in api.quarantine(house.project, limit=1000) if "users" not in entry.feed}


def test_dirt_is_kept_with_its_place_and_reason(dirty: House) -> None:
    lines = [line for line, _ in WHOLE]
    _put(dirty, [*lines, GOOD.encode()])
    report = dirty.sync()
    kept = _entries(dirty)
    found = [(number, kept[number].reason if number in kept else "loaded") for number in range(1, len(lines) + 2)]
    assert found == [*((n, reason) for n, (_, reason) in enumerate(WHOLE, 1)), (len(lines) + 1, "loaded")]
    starts = [sum(len(line) + 1 for line in lines[:n]) for n in range(len(lines))]
    assert [kept[n].offset for n in range(1, len(lines) + 1)] == starts
    assert dirty.rows("engage_default.identifies", "id, whole") == [("m1", 1)]
    for counts in report.feeds.values():
        assert (counts.read, counts.quarantined, counts.inserted) == (len(lines) + 1, len(lines), 1)


def test_lines_that_are_no_message_are_kept_once(dirty: House) -> None:
    _put(dirty, [line for line, _ in WHOLE])
    dirty.sync()
    entries = [entry for _, entry in api.quarantine(dirty.project, limit=1000)]
    assert len([entry for entry in entries if entry.line == 1]) == 1
    readable = [entry.feed for entry in entries if entry.reason == "no_time" and "soon" in entry.content]
    assert sorted(readable) == ["connection.classic", "users.default.main"]


def test_a_line_that_is_too_long_is_passed_over(dirty: House) -> None:
    long = (HEAD + '{"name":"' + "x" * (17 << 20) + '"}}').encode()
    _put(dirty, [GOOD.encode(), long, json.dumps(identify(9, {"whole": 9})).encode()])
    dirty.sync(chunk_bytes=1 << 20)
    entry = _entries(dirty)[2]
    assert (entry.reason, entry.offset, entry.length) == ("too_long", len(GOOD) + 1, len(long))
    assert entry.content == long[:1024].decode()
    assert dirty.rows("engage_default.identifies", "id, whole") == [("m1", 1), ("m9", 9)]


def test_a_value_that_does_not_fit_is_one_cell(dirty: House) -> None:
    lines = [json.dumps(identify(n, {})).replace("{}", f'{{"{k}":{v}}}') for n, (k, v) in enumerate(CELLS, 1)]
    _put(dirty, [line.encode() for line in lines])
    report = dirty.sync()
    kept = _entries(dirty)
    found = [(kept[n].column, kept[n].reason, kept[n].content) for n in sorted(kept)]
    assert found == [(trait, "does_not_fit", value) for trait, value in CELLS]
    assert dirty.rows("engage_default.identifies", "count(*)", order="1") == [(len(CELLS),)]
    assert [counts.cells for counts in report.feeds.values()] == [len(CELLS)] * 2


@pytest.mark.parametrize("table", ["identifies", "users"])
def test_values_at_the_edge_are_exact(dirty: House, table: str) -> None:
    lines = [
        json.dumps(identify(n, {}, user=f"u{n:02d}")).replace("{}", f'{{"{key}":{value}}}')
        for n, (key, value, _) in enumerate(STORED, 1)
    ]
    _put(dirty, [line.encode() for line in lines])
    dirty.sync()
    columns = ", ".join(dict.fromkeys(key for key, _, _ in STORED))
    rows = dirty.rows(f"engage_default.{table}", f"user_id, {columns}")
    assert [next((v for v in row[1:] if v is not None), None) for row in rows] == [stored for _, _, stored in STORED]


SECRET = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  email: {space: default, kind: event, type: string, max_chars: 64}
  phone: {space: default, kind: event, type: string}
  whole: {space: default, kind: event, type: integer}
connections:
  classic:
    space: default
    warehouses: [cdp]
    columns: {email: {transform: [lower, sha256]}}
    send: [{traits: ["*"], as: [identify]}]
"""
RULES = "    selective_sync: {exclude: [trait.phone]}\n"


def test_hashed_and_excluded_values_are_nowhere_in_the_quarantine(house: House) -> None:
    house.write(SECRET, settings=RULES)
    house.apply()
    canary, number = "canary@example.org", "+49 canary 30"
    secret = {"email": canary, "Phone": number, "whole": 1}
    house.messages(
        {**identify(1, secret), "timestamp": "soon"},
        json.dumps(identify(2, secret))[:-9],
        identify(3, {"email": canary + "\0", "whole": "many"}),
        {**identify(4, secret), "type": 7},
    )
    house.sync()
    entries = [entry for _, entry in api.quarantine(house.project, limit=1000)]
    assert {entry.reason for entry in entries} == {"no_time", "malformed_json", "does_not_fit", "envelope"}
    assert not [entry for entry in entries if "canary" in entry.content]
    kept = json.loads(next(entry.content for entry in entries if entry.reason == "no_time"))
    assert kept["traits"]["email"] == "sha256:" + hashlib.sha256(f'"{canary}"'.encode()).hexdigest()
    assert kept["traits"]["whole"] == 1
    if (file := house.root / "acme.duckdb").exists():
        assert b"canary" not in Path(file).read_bytes()
