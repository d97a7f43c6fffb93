"""What a trial loads: lines made from a seed, and the forms in which they lie in files."""

import gzip
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.crash.fork import result
from tests.scenarios.house import identify, track

SEED = int(os.environ.get("ENGAGECTL_CRASH_SEED", "0")) * 1000
CHUNK_BYTES = 2600  # two chunks or more of every seed


def traffic(seed: int) -> list[bytes]:
    """Return lines: distinct messages, repeats, ties, twins that are broken (before the good one), and dirt."""
    rng = random.Random(SEED + seed)  # noqa: S311  a repeatable test, no secret
    lines: list[bytes] = []
    for number in range(18):
        user = f"u{rng.randrange(4)}"
        minute = rng.choice((0, 0, 1, number))
        if rng.random() < 0.6:
            traits: dict[str, Any] = {"plan": rng.choice("abc")} if rng.random() < 0.5 else {}
            traits["revenue"] = rng.choice((1, 2.5, "bad", None))
            message = identify(minute, {**traits, **_undeclared(rng)}, user=user, messageId=f"m{number}")
        else:
            body = {"audience_key": "vip", "vip": rng.random() < 0.5, "size": rng.choice((1, 2.5))}
            event = rng.choice(("Audience Entered", "Audience Exited"))
            message = track(minute, event, {**body, **_undeclared(rng)}, user=user, messageId=f"m{number}")
        line = json.dumps(message).encode()
        if rng.random() < 0.3:
            lines.append(json.dumps({**message, "timestamp": "soon"}).encode())
        lines.append(line)
        if rng.random() < 0.3:
            lines.insert(rng.randrange(len(lines)), line)
    lines.insert(rng.randrange(len(lines)), b"{broken")
    return lines


def _undeclared(rng: random.Random) -> dict[str, Any]:
    """Return keys that nobody declared, whose values ask for one type now and for another later."""
    found = {"height": rng.choice((1, 1.5, "tall")), "is new": rng.random() < 0.5}
    return {key: value for key, value in found.items() if rng.random() < 0.4}


@dataclass(frozen=True)
class Form:
    """How lines lie in files: `split` gives them names, `write` stores the lines of one file."""

    split: Callable[[Sequence[bytes], random.Random], Mapping[str, Sequence[bytes]]]
    write: Callable[[Path, Sequence[bytes]], None]
    chunk_bytes: int = CHUNK_BYTES
    counts_rows: bool = False


def _in_two(lines: Sequence[bytes], rng: random.Random) -> dict[str, Sequence[bytes]]:
    cut = rng.randrange(len(lines) // 3, 2 * len(lines) // 3)
    return {"data/a.jsonl": lines[:cut], "data/b.jsonl": lines[cut:]}


def _in_many(lines: Sequence[bytes], rng: random.Random) -> dict[str, Sequence[bytes]]:
    """Split into files of few lines each, so small that several are one chunk, and sometimes one that goes alone."""
    found: dict[str, Sequence[bytes]] = {}
    at = 0
    while at < len(lines):
        size = rng.choice((1, 2, 2, 9))
        found[f"data/{len(found):03d}.jsonl"] = lines[at : at + size]
        at += size
    return found


def _messages_in_two(lines: Sequence[bytes], rng: random.Random) -> dict[str, Sequence[bytes]]:
    """Parquet holds no broken line, and every row has every column."""
    columns = ("messageId", "type", "userId", "event", "receivedAt", "timestamp", "traits", "properties")
    rows = [json.loads(line) for line in lines if line != b"{broken"]
    return _in_two([json.dumps({name: row.get(name) for name in columns}).encode() for row in rows], rng)


def _plain(path: Path, lines: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def _gzip(path: Path, lines: Sequence[bytes]) -> None:
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines), 1))


def _parquet(path: Path, lines: Sequence[bytes]) -> None:
    rows = [json.loads(line) for line in lines]

    def write(_: object) -> None:
        with duckdb.connect(":memory:") as room:
            names = list(rows[0])
            columns = ", ".join('"' + name + '" VARCHAR' for name in names)
            room.execute(f"CREATE TABLE rows ({columns})")
            stored = [[json.dumps(v) if isinstance(v, dict) else v for v in row.values()] for row in rows]
            room.executemany(f"INSERT INTO rows VALUES ({', '.join('?' for _ in names)})", stored)
            room.execute(f"COPY rows TO '{path}' (FORMAT parquet)")

    result(write)


PLAIN = Form(_in_two, _plain)
FORMS: Mapping[str, Form] = {
    "two files": PLAIN,
    "many small files": Form(_in_many, _plain, chunk_bytes=6000),
    "gzip": Form(_in_two, _gzip),
    "Parquet": Form(_messages_in_two, _parquet, counts_rows=True),
}


def lines_to(form: Form, lines: Sequence[bytes], offset: int) -> Sequence[bytes] | None:
    """Return the lines up to an offset: a byte of what is not compressed, or a row; None within a line."""
    if form.counts_rows:
        return lines[:offset]
    at = 0
    for number, line in enumerate(lines):
        if at >= offset:
            return lines[:number] if at == offset else None
        at += len(line) + 1
    return lines if at == offset else None


def size_of(form: Form, lines: Sequence[bytes]) -> int:
    """Return the offset at the end of a file."""
    return len(lines) if form.counts_rows else sum(len(line) + 1 for line in lines)
