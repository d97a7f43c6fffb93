"""What the data held that nobody declared: counted per key, no value kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from engagectl.journal.tables import has_journal, place
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeclared:
    """`kind` is trait, property, context, event, computation or clash (a key that a standard column has); `types` are
    the JSON types seen, sorted, by comma; `first_at` and `last_at` the times at which the first and the last were
    received. Of a context path chunks are counted, not messages.
    """

    feed: int
    kind: str
    key: str
    types: str
    messages: int
    first_at: str
    last_at: str


def count_undeclared(connection: Connection, journal: str, found: Sequence[Undeclared]) -> None:
    """Add to the counts, inside the caller's transaction."""
    for item in found:
        before = connection.query(
            f"SELECT types, messages, first_at, last_at FROM {place(journal, 'undeclared')}"
            " WHERE feed = ? AND kind = ? AND key = ?",
            (item.feed, item.kind, item.key),
        )
        if not before:
            connection.execute(
                f"INSERT INTO {place(journal, 'undeclared')} (feed, kind, key, types, messages, first_at, last_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item.feed, item.kind, item.key, item.types, item.messages, item.first_at, item.last_at),
            )
            continue
        types, messages, first_at, last_at = before[0]
        merged = ",".join(sorted({*types.split(","), *item.types.split(",")} - {""}))
        connection.execute(
            f"UPDATE {place(journal, 'undeclared')} SET types = ?, messages = ?, first_at = ?, last_at = ?"
            " WHERE feed = ? AND kind = ? AND key = ?",
            (
                merged,
                int(messages) + item.messages,
                min(first_at, item.first_at),
                max(last_at, item.last_at),
                item.feed,
                item.kind,
                item.key,
            ),
        )


def read_undeclared(connection: Connection, journal: str) -> tuple[Undeclared, ...]:
    """Return every count, most frequent first."""
    if not has_journal(connection, journal):
        return ()
    rows = connection.query(
        "SELECT feed, kind, key, types, messages, first_at, last_at"
        f" FROM {place(journal, 'undeclared')} ORDER BY messages DESC, key"
    )
    return tuple(
        Undeclared(feed=int(f), kind=k, key=key, types=t, messages=int(n), first_at=a, last_at=b)
        for f, k, key, t, n, a, b in rows
    )
