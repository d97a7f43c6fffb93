"""A line of input -> a message, or the reason why it is none."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.reference.names import column_name
from tests.reference.values import Fraction, instant

DEPTH = 128
ID_CHARS = 512
DAY_US = 24 * 3600 * 1_000_000


class NoMessageError(Exception):
    """The line is no message; the text is the reason. `id` is its messageId where one can be read."""

    def __init__(self, reason: str, id: str = "") -> None:
        super().__init__(reason)
        self.id = id


@dataclass(frozen=True)
class Unreadable:
    """A line that is no message, known by its messageId or by its SHA-256."""

    id: str
    reason: str

    @property
    def feed_known(self) -> bool:
        """Tell whether each feed keeps it: a line that is no JSON object is kept once for all."""
        return self.reason == "envelope"


class _DuplicateKey(dict):  # type: ignore[type-arg]  # an object that named a key twice: its first value stands
    pass


@dataclass(frozen=True, kw_only=True)
class Message:
    """`invalid` is why a readable message cannot be stored. Times are microseconds since 1970 UTC."""

    type: str
    id: str
    user_id: str | None
    anonymous_id: str | None
    event: str | None
    sent: int | None
    original: int | None
    received: int | None
    event_time: int | None
    body: dict[str, Any] = field(default_factory=dict)
    personas: dict[str, Any] | None = None
    data: dict[str, Any]
    invalid: str = ""

    def at(self, path: tuple[str, ...]) -> Any:
        """Return the value at a path of the payload, None when there is none."""
        value: Any = self.data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def spelled(self, name: str) -> list[Any]:
        """Return the values of all body keys that normalise to a name: the name itself first, then by text."""
        found = [key for key in self.body if column_name(key) == name]
        return [self.body[key] for key in sorted(found, key=lambda key: (key != name, key))]

    def held(self, *names: str) -> Any:
        """Return the first value that is there and not null."""
        return next((value for name in names for value in self.spelled(name) if value is not None), None)

    @property
    def computation(self) -> str | None:
        """Return the raw key of what Engage computed: of personas, or named by a track that has none."""
        if self.personas is not None:
            return _string(self.personas.get("computation_key"))
        if self.type != "track":
            return None
        return _string(self.held("audience_key")) or _string(self.held("trait_key"))

    @property
    def names_traits(self) -> bool:
        """An identify without a computation is known by the traits that it carries."""
        return self.type == "identify" and self.computation is None


def read(line: bytes) -> Message | Unreadable:
    """Return the message of a line, or why it is none."""
    try:
        return _message(line)
    except NoMessageError as problem:
        return Unreadable(problem.id or hashlib.sha256(line).hexdigest(), str(problem))


def _message(line: bytes) -> Message:
    data = _object(line)
    known = data.get("messageId")
    known = known if isinstance(known, str) else ""
    given: dict[str, str | None] = {}
    for name in ("type", "messageId", "userId", "anonymousId", "event"):
        value = data.get(name)
        if not (value is None or (isinstance(value, str) and "\0" not in value)):
            raise NoMessageError("envelope", known)
        given[name] = value
    if given["type"] is None or len(known) > ID_CHARS:
        raise NoMessageError("envelope", known)
    times, bad_time = {}, False
    for name in ("timestamp", "originalTimestamp", "sentAt", "receivedAt"):
        times[name] = instant(data.get(name))
        bad_time |= data.get(name) is not None and times[name] is None
    body = _body(data, given["type"])
    received = _first(times["receivedAt"], times["sentAt"], times["timestamp"], times["originalTimestamp"])
    context = data.get("context")
    personas = context.get("personas") if isinstance(context, dict) else None
    invalid = "no_time" if bad_time or received is None else "duplicate_key" if isinstance(body, _DuplicateKey) else ""
    return Message(
        type=given["type"],
        id=given["messageId"] if given["messageId"] is not None else "gen_" + hashlib.sha256(line).hexdigest(),
        user_id=given["userId"],
        anonymous_id=given["anonymousId"],
        event=given["event"],
        sent=times["sentAt"],
        original=times["originalTimestamp"],
        received=received,
        event_time=_event_time(times, received),
        body=body,
        personas=personas if isinstance(personas, dict) else None,
        data=data,
        invalid=invalid,
    )


def _event_time(times: dict[str, int | None], received: int | None) -> int | None:
    """`timestamp`; without it what the clocks' difference tells; a day in the future is the time of receipt."""
    if received is None:
        return None
    at = times["timestamp"]
    said, sent, original = times["receivedAt"], times["sentAt"], times["originalTimestamp"]
    if at is None and said is not None and sent is not None and original is not None:
        at = said - (sent - original)
    if at is None or at > received + DAY_US:
        return received
    return at


def _body(data: dict[str, Any], kind: str | None) -> dict[str, Any]:
    for name in ("properties", "traits") if kind == "track" else ("traits",):
        if isinstance(data.get(name), dict):
            return data[name]  # type: ignore[no-any-return]  # narrowed one line up
    return {}


def _object(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise NoMessageError("invalid_utf8") from None
    if not text.strip():
        raise NoMessageError("empty_line")
    try:
        data = json.loads(text, parse_float=Fraction.of, parse_constant=_no_constant, object_pairs_hook=_first_wins)
        json.dumps(data, ensure_ascii=False, default=str).encode("utf-8")  # a lone surrogate is no text
    except (ValueError, RecursionError):
        raise NoMessageError("malformed_json") from None
    if _depth(data) > DEPTH:
        raise NoMessageError("too_deep")
    if not isinstance(data, dict):
        raise NoMessageError("not_an_object")
    if isinstance(data, _DuplicateKey):
        raise NoMessageError("duplicate_key")
    return data


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in pairs:
        plain.setdefault(key, value)
    return plain if len(plain) == len(pairs) else _DuplicateKey(plain)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None
