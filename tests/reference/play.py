"""Feeds and lines -> the rows of every table, the fate of every line for every feed, and what is in quarantine."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engagectl.model import column_type as types
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody, Standard
from engagectl.model.schema import TableName
from tests.reference.message import Message, Unreadable, read
from tests.reference.names import column_name
from tests.reference.routing import fate
from tests.reference.values import MISFIT, cell, document, text_of

Row = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Kept:
    """An entry of the quarantine: a cell, or (table and column empty) a line whole. `message` is an id or a hash."""

    feed: str
    message: str
    table: str
    column: str
    reason: str


@dataclass
class Tables:
    """`fates` counts messages per feed and outcome: inserted, duplicate, filtered:<reason>, quarantined:<reason>.

    A message's rows carry every column that its table is fed with, the load stamp left out.
    """

    rows: dict[TableName, list[Row]] = field(default_factory=lambda: defaultdict(list))
    fates: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    kept: set[Kept] = field(default_factory=set)


def play(feeds: Iterable[Feed], lines: Iterable[bytes], *, keys: Mapping[str, bytes] | None = None) -> Tables:
    """Return what the tables must be when each feed has read all lines. Lines come without their ends."""
    found = Tables()
    messages = [read(line) for line in lines]
    for message in messages:
        if isinstance(message, Unreadable) and not message.feed_known:
            found.kept.add(Kept("", message.id, "", "", message.reason))
    for feed in feeds:
        address = str(feed.address)
        found.fates[address] += Counter()
        _Reader(feed, address, keys or {}, found).read(messages)
    return found


@dataclass
class _Reader:
    feed: Feed
    address: str
    keys: Mapping[str, bytes]
    found: Tables
    loaded: set[str] = field(default_factory=set)

    def read(self, messages: Iterable[Message | Unreadable]) -> None:
        candidates: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
        clocks: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for message in messages:
            if isinstance(message, Unreadable):
                self._quarantine(message.id, message.reason, is_kept=message.feed_known)
            elif (decided := fate(self.feed, message)) is not None:
                if decided[0] == "quarantined":
                    self._quarantine(message.id, decided[1])
                else:
                    self._count(":".join(decided))
            elif self.feed.kind == "users":
                self._count("inserted")
                self._collect(message, candidates, clocks)
            else:
                self._insert(message)
        if self.feed.kind == "users":
            self._fold(candidates, clocks)

    def _count(self, what: str) -> None:
        self.found.fates[self.address][what] += 1

    def _quarantine(self, message: str, reason: str, *, is_kept: bool = True) -> None:
        self._count(f"quarantined:{reason}")
        if is_kept:
            self.found.kept.add(Kept(self.address, message, "", "", reason))

    def _insert(self, message: Message) -> None:
        made = [
            (table, *self._row(table, message)) for table in self.feed.tables if table.fed and _takes(table, message)
        ]
        if any(c.required and c.fed and row[c.name] is None for table, row, _ in made for c in table.columns):
            self._quarantine(message.id, "required")
        elif message.id in self.loaded:
            self._count("duplicate")
        else:
            self.loaded.add(message.id)
            self._count("inserted")
            for table, row, misfits in made:
                self.found.rows[table.name].append(row)
                self._keep(table, message, misfits)

    def _keep(self, table: FeedTable, message: Message, misfits: Iterable[str]) -> None:
        for column in misfits:
            self.found.kept.add(Kept(self.address, message.id, str(table.name), column, "does_not_fit"))

    def _row(self, table: FeedTable, message: Message) -> tuple[dict[str, Any], list[str]]:
        row: dict[str, Any] = {}
        misfits = []
        for column in table.columns:
            if not column.fed or column.value == Standard("uuid_ts"):
                continue
            made = self._cell(column, table, message)
            row[column.name] = None if made is MISFIT else made
            if made is MISFIT:
                misfits.append(column.name)
        return row, misfits

    def _cell(self, column: FeedColumn, table: FeedTable, message: Message) -> Any:
        match column.value:
            case Standard(name):
                return _standard(name, table, message)
            case AtPath(paths):
                value = next((v for path in paths for v in _at(path, message) if v is not None), None)
                if column.added_by_sync and isinstance(value, dict):
                    value = None  # what is in it has columns of its own
                is_member = False
            case InBody(names):
                value = message.held(*names)
                is_member = bool(self._members() & set(names))
        if value is None:
            return None
        return cell(column, value, is_member=is_member, keys=self.keys)

    def _members(self) -> set[str]:
        """Return the keys of audiences: only there the texts "true" and "false" are taken for booleans."""
        said = [key for item in self.feed.declared if item.kind == "audience" for key in item.keys]
        return {*said, *(column_name(key) for key in (self.feed.subject.keys if self.feed.subject else ()))}

    def _collect(
        self,
        message: Message,
        candidates: dict[tuple[str, str], list[tuple[Any, ...]]],
        clocks: dict[str, list[tuple[int, int]]],
    ) -> None:
        (table,) = self.feed.tables
        row, misfits = self._row(table, message)
        self._keep(table, message, misfits)
        assert message.user_id is not None
        assert message.event_time is not None
        assert message.received is not None
        clocks[message.user_id].append((message.received, message.event_time))
        for column in table.columns:
            if not isinstance(column.value, InBody) or not column.fed:
                continue
            value = row[column.name]
            is_null = any(v is None for key in column.value.keys[:1] for v in message.spelled(key))
            if value is not None or (self.feed.null_erases and is_null):
                is_document = isinstance(column.stored, types.Json)
                order = (message.event_time, value is not None, document(value) if is_document else _order(value))
                candidates[message.user_id, column.name].append((order, value))

    def _fold(
        self, candidates: dict[tuple[str, str], list[tuple[Any, ...]]], clocks: dict[str, list[tuple[int, int]]]
    ) -> None:
        """One row per user: of each trait the greatest event time, at equal times the greatest value."""
        (table,) = self.feed.tables
        for user, times in clocks.items():
            row: dict[str, Any] = {"id": user, "user_id": user}
            row["received_at"] = max(received for received, _ in times)
            row["timestamp"] = max(event_time for _, event_time in times)
            for column in table.columns:
                if isinstance(column.value, InBody) and column.fed:
                    row[column.name] = max(candidates[user, column.name], default=(0, None), key=lambda pair: pair[0])[
                        1
                    ]
            fed = {column.name for column in table.columns if column.fed}
            self.found.rows[table.name].append({name: value for name, value in row.items() if name in fed})


def _takes(table: FeedTable, message: Message) -> bool:
    match table.role:
        case "identifies":
            return message.type == "identify"
        case "tracks":
            return message.type == "track"
        case "event":
            return message.type == "track" and message.event in table.events
        case _:
            return True


def _standard(name: str, table: FeedTable, message: Message) -> Any:
    match name:
        case "id" if table.role == "users":
            return message.user_id
        case "event":
            return None if message.event is None else column_name(message.event)
        case _:
            return {
                "id": message.id,
                "received_at": message.received,
                "sent_at": message.sent,
                "timestamp": message.event_time,
                "original_timestamp": message.original,
                "anonymous_id": message.anonymous_id,
                "user_id": message.user_id,
                "event_text": message.event,
            }[name]


def _at(path: tuple[str, ...], message: Message) -> Iterable[Any]:
    """Yield the value at a path; the body of a track may stand under `traits` instead of `properties`."""
    yield message.at(path)
    if path[0] == "properties" and len(path) > 1:
        yield message.at(("traits", *path[1:]))


def _order(value: Any) -> Any:
    """Return the rank of a value among those of its column: text by its UTF-8 bytes, everything else by value."""
    if value is None:
        return 0
    return (
        text_of(value).encode()
        if isinstance(value, str)
        else value
        if not isinstance(value, Decimal)
        else Decimal(value)
    )
