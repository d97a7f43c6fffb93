"""What files of messages hold: calls, events, computations, spaces, and keys with the types seen. No value is kept.

Pure: lines come in, however the file is stored.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engagectl.errors import FailedError, UsageError
from engagectl.inspect.values import Values
from engagectl.model.names import stored_name

_KINDS = {"audience": "audience", "trait": "trait", "computed_trait": "trait", "journey_step": "journey"}
_STANDARD = ("audience_key", "trait_key", "data_graph_entity_context", "journey_context", "journey_metadata")
_SHOWN = 40


@dataclass(frozen=True, slots=True, order=True)
class ComputationKey:
    """`kind` is "" where no message says what it is; `space` is "" where none says whose."""

    space: str
    kind: str
    key: str


@dataclass(kw_only=True)
class ComputationFacts:
    """`events` counts track calls by name and by whether they say true of the computation."""

    messages: int = 0
    identifies: int = 0
    events: Counter[tuple[str, bool]] = field(default_factory=Counter)
    values: Values = field(default_factory=Values)
    entities: set[str] = field(default_factory=set)

    def merge(self, other: "ComputationFacts") -> None:
        self.messages += other.messages
        self.identifies += other.identifies
        self.events += other.events
        self.values.merge(other.values)
        self.entities |= other.entities


@dataclass(kw_only=True)
class FileFacts:
    """One file. `lines` were read, from its beginning; `whole` is False when there are more. `bad` are no messages,
    `other` are JSON objects that say no call, with their keys in `fields`.

    `keys` are those of traits and properties, normalised; `loose` those of identifies that name no computation.
    """

    file: str
    format: str = "ndjson"
    lines: int = 0
    whole: bool = True
    bad: int = 0
    other: int = 0
    context_traits: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    computations: dict[ComputationKey, ComputationFacts] = field(default_factory=dict)
    spaces: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Values] = field(default_factory=dict)
    loose: dict[str, Values] = field(default_factory=dict)
    fields: Counter[str] = field(default_factory=Counter)
    first_at: str = ""
    last_at: str = ""
    problem: str = ""

    @property
    def undeclared(self) -> dict[str, Values]:
        """Return the keys that are no computation, nor of Engage's own."""
        named = {stored_name(one.key) for one in self.computations} | set(_STANDARD) | set(self.loose)
        return {key: values for key, values in self.keys.items() if key not in named}

    def merge(self, other: "FileFacts") -> None:
        self.lines += other.lines
        self.whole = self.whole and other.whole
        self.bad += other.bad
        self.other += other.other
        self.context_traits += other.context_traits
        self.calls += other.calls
        self.events += other.events
        self.spaces += other.spaces
        self.fields += other.fields
        self.first_at = min(filter(None, (self.first_at, other.first_at)), default="")
        self.last_at = max(self.last_at, other.last_at)
        for one, facts in other.computations.items():
            self.computations.setdefault(one, ComputationFacts()).merge(facts)
        for mine, theirs in ((self.keys, other.keys), (self.loose, other.loose)):
            for key, values in theirs.items():
                mine.setdefault(key, Values()).merge(values)


def read_facts(file: str, lines: Iterable[bytes], *, rows: int, format: str = "ndjson") -> FileFacts:
    """Return what a file holds in its first lines, at most `rows` of them; where it breaks off, what came before.

    Raises FailedError where nothing of it can be read, and UsageError where no line is a JSON object.
    """
    found = FileFacts(file=file, format=format)
    try:
        for line in lines:
            if not line.strip():
                continue
            if found.lines == rows:
                found.whole = False
                break
            found.lines += 1
            _count(found, line)
    except FailedError as error:
        if not found.lines:
            raise
        found.whole, found.problem = False, error.message
    if found.lines and found.bad == found.lines:
        raise UsageError(f"{file} holds no messages", help="one JSON object a line, plain, gzip or zstd, or Parquet")
    return found


def merged(files: Iterable[FileFacts]) -> FileFacts:
    """Return the facts of several files as of one."""
    found = FileFacts(file="")
    for one in files:
        found.merge(one)
    return found


def _count(found: FileFacts, line: bytes) -> None:
    try:
        message = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        message = None
    if not isinstance(message, dict):
        found.bad += 1
    elif not isinstance(message.get("type"), str):
        found.other += 1
        found.fields.update(list(message)[:_SHOWN])
    else:
        _message(found, message)


def _message(found: FileFacts, message: dict[str, Any]) -> None:
    found.calls[message["type"]] += 1
    event = message.get("event")
    if isinstance(event, str):
        found.events[event] += 1
    at = message.get("receivedAt")
    if isinstance(at, str):
        found.first_at = min(found.first_at or at, at)
        found.last_at = max(found.last_at, at)
    context = _object(message.get("context"))
    personas = _object(context.get("personas"))
    space = personas.get("space_id", personas.get("namespace"))
    space = space if isinstance(space, str) else ""
    if space:
        found.spaces[space] += 1
    traits, properties = _object(message.get("traits")), _object(message.get("properties"))
    if message["type"] == "identify" and not traits and isinstance(context.get("traits"), dict):
        traits = context["traits"]
        found.context_traits += 1
    for part in (traits, properties):
        _values(found.keys, part)
    body = {**traits, **properties}
    named = _named(personas, body, message["type"])
    if named is not None:
        _computation(found, ComputationKey(space, *named), message, body)
    elif message["type"] == "identify":
        _values(found.loose, traits)


def _named(personas: dict[str, Any], body: dict[str, Any], call: str) -> tuple[str, str] | None:
    """Return the kind and the key of the computation that a message is of."""
    key = personas.get("computation_key")
    if isinstance(key, str):
        kind = _KINDS.get(str(personas.get("computation_class")), "")
        return kind, key.partition("__")[0] if kind == "journey" else key
    for name in ("audience_key", "trait_key") if call == "track" and not personas else ():
        if isinstance(body.get(name), str):
            return name.removesuffix("_key"), body[name]
    return None


def _computation(found: FileFacts, one: ComputationKey, message: dict[str, Any], body: dict[str, Any]) -> None:
    facts = found.computations.setdefault(one, ComputationFacts())
    facts.messages += 1
    wanted = stored_name(one.key)
    says = False
    for spelling, value in body.items():
        if stored_name(spelling) == wanted and value is not None:
            facts.values.add(value, spelling)
            says = value is True
    if message["type"] == "identify":
        facts.identifies += 1
    elif message["type"] == "track" and isinstance(message.get("event"), str):
        facts.events[message["event"], says] += 1
    facts.entities |= set(_object(body.get("data_graph_entity_context")))


def _values(into: dict[str, Values], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if value is not None:
            into.setdefault(stored_name(key), Values()).add(value, key)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
