"""What a warehouse adds so that objects of a store are loaded by it, and no message passes through the client.

`Words` is the vocabulary: each word returns an expression of the engine's SQL. What a word cannot tell exactly it
answers with NULL; the line goes the client's way then. JSON text is compact, JSON null is NULL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engagectl.model.column_type import ColumnType
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold

LINES, READ, KEYS, ROUTES, PLAIN = "ec_landing", "ec_read", "ec_read_keys", "ec_routes", "ec_plain"
"""Tables of the session: lines as they lie in the objects; messages; the keys of their bodies; what becomes of each
kind of message; the lines that the warehouse judges, with their outcomes and typed values.
"""


class Words(Protocol):
    def literal(self, text: str) -> str: ...
    def name(self, name: str) -> str: ...
    def as_text(self, value: str) -> str:
        """A value as a text of any length: what a table made of it can hold later is not what it holds now."""
        ...

    def matches(self, text: str, pattern: str) -> str:
        """The predicate "all of the text matches". Patterns keep to what RE2, POSIX and Java read alike."""
        ...

    def finds(self, text: str, pattern: str) -> str:
        """The predicate "some of the text matches"."""
        ...

    def part(self, text: str, pattern: str) -> str:
        """The first part of the text that matches."""
        ...

    def contains(self, text: str, part: str) -> str: ...
    def code(self, number: int) -> str:
        """A character by its number."""
        ...

    def joined(self, *texts: str) -> str: ...
    def chars(self, text: str) -> str: ...
    def bytes(self, text: str) -> str: ...
    def slice(self, text: str, start: int, end: int) -> str:
        """The text from its character `start` (1 is the first) on, without its last `end` characters."""
        ...

    def unescaped(self, text: str) -> str:
        """The content of the JSON text of a string in which something is escaped."""
        ...

    def node(self, line: str) -> str:
        """The parsed line, or NULL where it is no JSON."""
        ...

    def at(self, node: str, path: tuple[str, ...]) -> str:
        """What stands at raw keys below an object."""
        ...

    def text(self, node: str) -> str:
        """The compact JSON text of a node; NULL where nothing or JSON null is there."""
        ...

    def instant(self, text: str) -> str:
        """The instant of an RFC 3339 text in the form of statements.TIME, NULL where there is no such day."""
        ...

    def date(self, text: str) -> str: ...
    def day_later(self, instant: str) -> str: ...
    def stamp(self, instant: str) -> str:
        """An instant as `2026-01-31T10:00:00.000000Z`."""
        ...

    def typed(self, text: str, kind: ColumnType) -> str:
        """A text in the one form of its type, as a column of that type stores it."""
        ...

    def id_hash(self, text: str) -> str:
        """The MD5 of a message id as `seen` keeps it."""
        ...

    def digest(self, text: str) -> str:
        """The MD5 of a text in hexadecimal."""
        ...

    def sha256(self, text: str) -> str: ...
    def keys(self, table: str, body: str, kind: str, between: str) -> str:
        """A SELECT (file, row_no, keys): the keys of the object `body` of each row that has one, in order, each with
        `kind` behind it, which is an expression of `v`, the JSON text of its value; with `between` between them.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The ids of one feed: its part and bit in `seen`, and the column of PLAIN that says what becomes of a line."""

    part: int
    mask: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where objects lie that the warehouse reaches: all whose URL begins so, which ends with /. `stage` is what names
    the place in the warehouse, where it has names for such places.
    """

    url: str
    stage: str = ""


class Landing(Protocol):
    """Takes objects into tables of its connection's session. DDL comes before the transaction that loads."""

    words: Words

    @property
    def sessions(self) -> int:
        """How often the session was opened again: its tables end with it."""
        ...

    def takes(self, url: str) -> bool:
        """Tell whether the warehouse reaches an object of this URL itself."""
        ...

    def copy(self, urls: Sequence[str]) -> Mapping[str, str]:
        """Make LINES (file, row_no, line) of the objects; return the name in `file` of each that has arrived whole. The
        others are not there: they hold what the engine does not read as text.
        """
        ...

    def make(self, table: str, select: str) -> None:
        """Make a table of the session, anew."""
        ...

    def table(self, name: TableName) -> str: ...
    def column(self, table: TableName, name: str) -> str: ...
    def remember(self, feeds: Sequence[Remembered]) -> None:
        """Within a transaction: store the ids of what PLAIN loads in `seen`, and turn what was known into duplicates,
        in PLAIN.
        """
        ...

    def fold_users(self, fold: UsersFold, select: str) -> int:
        """Within a transaction: merge the rows of a SELECT over PLAIN into users, as a loader merges `fold.delta`."""
        ...
