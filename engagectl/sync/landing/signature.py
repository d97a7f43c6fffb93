"""The kinds of message that a batch holds, without their values: one of each goes the client's way, and tells what
becomes of all of them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engagectl.engine import duckdb
from engagectl.journal.undeclared import Undeclared
from engagectl.model.feed import Feed
from engagectl.model.names import stored_name
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import as_relation
from engagectl.sync.inputs.lines import chunk_of
from engagectl.sync.landing.messages import FIELD, JOURNEY, KEY, KIND, NAMES, NOTHING, PERSONA
from engagectl.sync.landing.rows import ODD
from engagectl.sync.route import mark, outcome
from engagectl.sync.stage import load, make_stage, release
from engagectl.sync.undeclared import unnamed

_VALUES: Mapping[str, Any] = {
    "n": None,
    "o": {},
    "a": [],
    "T": "true",
    "F": "false",
    "s": "x",
    "t": True,
    "f": False,
    "d": 0.5,
    "i": -1,
    "u": 1,
}
_TYPES = {"o": "object", "a": "array", "T": "varchar", "F": "varchar", "s": "varchar", "t": "boolean", "f": "boolean"}
_TYPES |= {"d": "double", "i": "bigint", "u": "ubigint", "n": "null"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A kind of message: its routing fields, and the raw keys of its body with a letter for the kind of each value."""

    text: str
    type: str
    persona: tuple[str | None, ...]
    event: str | None
    journey: str | None
    named: tuple[str | None, ...]
    user: str | None
    has_personas: bool
    integrations: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        return hashlib.md5(self.text.encode(), usedforsecurity=False).hexdigest()

    @property
    def computation(self) -> str | None:
        if self.has_personas:
            return self.persona[0]
        return next((name for name in self.named if name is not None), None) if self.type == "track" else None

    @property
    def is_unsure(self) -> bool:
        """Tell whether only the client can tell: a key stands twice, or the computation under another spelling."""
        keys = [key for key, _ in self.keys]
        others = any(key not in NAMES and stored_name(key) in NAMES for key in keys)
        return len(set(keys)) < len(keys) or (others and self.type == "track" and not self.has_personas)

    def message(self) -> dict[str, Any]:
        """Return a message of this kind."""
        at = "2000-01-01T00:00:00Z"
        found: dict[str, Any] = {"type": self.type, "messageId": "m", "timestamp": at, "receivedAt": at}
        if self.event is not None:
            found["event"] = self.event
        if self.user is not None:
            found["userId"] = "" if self.user == "empty" else "u"
        if self.has_personas:
            said = {name: value for name, value in zip(PERSONA, self.persona, strict=True) if value is not None}
            found["context"] = {"personas": said}
        if self.integrations:
            found["integrations"] = dict.fromkeys(self.integrations, True)
        body = {key: _VALUES[kind] for key, kind in self.keys}
        body |= {key: value for key, value in zip(NAMES, self.named, strict=True) if value is not None}
        found["properties" if self.type == "track" else "traits"] = body
        if self.journey is not None:
            found.setdefault("properties", {})[JOURNEY[1]] = {JOURNEY[2]: self.journey}
        return found


def signature(text: str, integrations: Sequence[str]) -> Signature:
    """Read what `Messages.kinds` wrote."""
    *fields, keys = text.split(chr(FIELD))
    said = [None if value == chr(NOTHING) else value for value in fields]
    width = 1 + len(PERSONA)
    kind, persona, (event, journey), rest = said[0], said[1:width], said[width : width + 2], said[width + 2 :]
    named, (user, there), sent = rest[: len(NAMES)], rest[len(NAMES) : len(NAMES) + 2], rest[len(NAMES) + 2 :]
    pairs = [pair.rpartition(chr(KIND)) for pair in keys.split(chr(KEY))] if keys else []
    return Signature(
        text=text,
        type=kind or "",
        persona=tuple(persona),
        event=event,
        journey=journey,
        named=tuple(named),
        user=user,
        has_personas=there is not None,
        integrations=tuple(name for name, flag in zip(integrations, sent, strict=True) if flag),
        keys=tuple((key, letter) for key, _, letter in pairs),
    )


def routes(
    handle: duckdb.DuckDBPyConnection, works: Sequence[Work], found: Sequence[Signature]
) -> list[tuple[str, ...]]:
    """Return what becomes of each kind of message for each feed. A kind that asks a feed for more than to be counted,
    by what it holds undeclared, is the client's.
    """
    lines = [json.dumps(one.message(), separators=(",", ":")).encode() for one in found]
    stage = make_stage(handle, [work.feed for work in works])
    chunk = chunk_of(lines)
    try:
        load(stage, chunk, as_relation(chunk))
        seen = mark(stage)
        asked = ", ".join(outcome(work.feed, stage, seen) for work in works)
        rows = handle.execute(f"SELECT {asked} FROM ec_routed ORDER BY line_no").fetchall()
    finally:
        release(stage)
    strict = [work.feed.kind == "connection" and work.feed.on_undeclared != "count" for work in works]
    return [
        tuple(
            ODD if what.startswith("q:") or one.is_unsure or (asks and _is_undeclared(work.feed, one, what)) else what
            for work, asks, what in zip(works, strict, row, strict=True)
        )
        for one, row in zip(found, rows, strict=True)
    ]


def _is_undeclared(feed: Feed, one: Signature, what: str) -> bool:
    if what in ("f:undeclared", "f:not_routed"):
        return True
    free, clashing = unnamed(feed, tuple(key for key, _ in one.keys))
    return what == "load" and bool(free or clashing)


def spellings(found: Iterable[Signature]) -> dict[str, list[str]]:
    """Return the raw keys of each body key, the key itself first, then by text."""
    raws = {key for one in found for key, _ in one.keys}
    by_name: dict[str, list[str]] = {}
    for raw in sorted(raws):
        by_name.setdefault(stored_name(raw), []).append(raw)
    return {
        name: [raw for raw in some if raw == name] + [raw for raw in some if raw != name]
        for name, some in by_name.items()
    }


@dataclass(frozen=True, slots=True)
class Met:
    """How many messages of a kind the warehouse judged, received from when to when; what becomes of them."""

    signature: Signature
    outcome: str
    messages: int
    first: str
    last: str


def undeclared(feed: Feed, number: int, met: Sequence[Met], *, counts_computations: bool) -> list[Undeclared]:
    """Count what a feed met undeclared, as the client counts it: sync/undeclared.py."""
    found: dict[tuple[str, str], Undeclared] = {}

    def add(kind: str, key: str, types: str, one: Met) -> None:
        shown, old = key[:500], found.get((kind, key[:500]))
        some = {*(old.types.split(",") if old and old.types else ()), *([types] if types else ())}
        found[kind, shown] = Undeclared(
            feed=number,
            kind=kind,
            key=shown,
            types=",".join(sorted(some)),
            messages=one.messages + (old.messages if old else 0),
            first_at=min(one.first, old.first_at) if old else one.first,
            last_at=max(one.last, old.last_at) if old else one.last,
        )

    is_connection = feed.kind == "connection"
    known = {name for sent in feed.sent for rule in sent.events for name in rule.names}
    for one in met:
        kind, computation = one.signature, one.signature.computation
        is_filtered = one.outcome == "f:undeclared"
        if is_connection and (one.outcome == "load" or (is_filtered and computation is None)):
            letters = dict(kind.keys)
            free, clashing = unnamed(feed, tuple(letters))
            for raw in free:
                add("property" if kind.type == "track" else "trait", raw, _TYPES[letters[raw]], one)
            for raw in clashing:
                add("clash", raw, _TYPES[letters[raw]], one)
        if (
            is_connection
            and one.outcome == "f:not_routed"
            and kind.type == "track"
            and kind.event not in (None, *known)
        ):
            add("event", kind.event or "", "", one)
        if (is_connection or (feed.kind == "activation" and counts_computations)) and is_filtered and computation:
            add("computation", computation, "", one)
    return list(found.values())
