"""What files of messages hold: calls, events, computations, spaces, and keys with the types seen. No value is kept."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any

from engagectl.errors import UsageError
from engagectl.model.names import stored_name

_MAX_LINE = 8 << 20
_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}


@dataclass(kw_only=True)
class FileFacts:
    """One file. `lines` were read, from its beginning; `whole` is False when there are more. `bad` are no messages.

    `keys` maps each key of traits or properties, normalised, to the JSON types seen and the spellings it had.
    """

    file: str
    lines: int = 0
    whole: bool = True
    bad: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    computations: Counter[tuple[str, str]] = field(default_factory=Counter)
    spaces: Counter[str] = field(default_factory=Counter)
    keys: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    first_at: str = ""
    last_at: str = ""


def read_facts(files: Sequence[Path], *, rows: int) -> tuple[FileFacts, ...]:
    """Return what each file holds in its first lines, at most `rows`. Raises UsageError for what is no JSON lines."""
    return tuple(_facts(file, rows) for file in files)


def _facts(file: Path, rows: int) -> FileFacts:
    found = FileFacts(file=str(file))
    for line in islice(_lines(file), rows + 1):
        if found.lines == rows:
            found.whole = False
            break
        found.lines += 1
        message = _message(line)
        if message is None:
            found.bad += 1
        else:
            _count(found, message)
    if found.lines and found.bad == found.lines:
        raise UsageError(f"{file} holds no messages", help="one JSON object a line, plain or gzip")
    return found


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        reader = BufferedReader(stream) if packed else raw
        try:
            while line := reader.readline(_MAX_LINE):
                if line.strip():
                    yield line
        except (EOFError, gzip.BadGzipFile):
            raise UsageError(f"{file} is gzip and broken after what was read") from None


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _count(found: FileFacts, message: dict[str, Any]) -> None:
    found.calls[message["type"]] += 1
    if isinstance(message.get("event"), str):
        found.events[message["event"]] += 1
    at = message.get("receivedAt")
    if isinstance(at, str):
        found.first_at = min(found.first_at or at, at)
        found.last_at = max(found.last_at, at)
    context = message.get("context")
    personas = context.get("personas") if isinstance(context, dict) else None
    if isinstance(personas, dict):
        if isinstance(personas.get("computation_key"), str):
            found.computations[str(personas.get("computation_class") or ""), personas["computation_key"]] += 1
        if isinstance(personas.get("space_id"), str):
            found.spaces[personas["space_id"]] += 1
    for part in ("traits", "properties"):
        body = message.get(part)
        for key, value in body.items() if isinstance(body, dict) else ():
            if value is not None:
                seen = found.keys.setdefault(stored_name(key), {"types": set(), "spellings": set()})
                seen["types"].add(_TYPES[type(value)])
                seen["spellings"].add(key)
