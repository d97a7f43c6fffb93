"""What could not be stored: messages, lines and cells, with position and reason. The loader writes it set-based."""

from collections.abc import Sequence
from dataclasses import dataclass

from engagectl.journal.tables import TABLES, has_journal, place
from engagectl.warehouses.contract import Connection

QUARANTINE = next(table for table in TABLES if table.name.table == "quarantine")
LINE_FEED = -1
"""The feed of a line that is no message: kept once, whoever reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """A line, a message (`column` empty) or one of its values, known by `entry`.

    `content_kind`: json (a message as sent), redacted (with hashes in the place of values), line (its first KiB), text
    (the JSON text of a value), sha256 (the hash alone, of `length` bytes). `row_id` is the id of the row that a value
    belongs to; `happened_at` the event time.
    """

    entry: str
    feed: str
    message_id: str
    table: str
    column: str
    reason: str
    file: str
    offset: int
    line: int
    content: str
    content_kind: str
    length: int
    row_id: str
    happened_at: str
    recorded_at: str
    number: int = LINE_FEED


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries: those that every word said fits. `feeds` are numbers, `entry` an entry or a message id."""

    feeds: Sequence[int] | None = None
    reason: str = ""
    entry: str = ""
    before: str = ""  # recorded before, RFC 3339 UTC

    def sql(self) -> tuple[str, list[object]]:
        """Return a predicate over the quarantine and its values."""
        parts, values = ["1 = 1"], list[object]()
        if self.feeds is not None:
            parts.append(f"feed IN ({', '.join(str(int(number)) for number in self.feeds)})" if self.feeds else "1 = 0")
        for text, sql in (
            (self.reason, "reason = ?"),
            (self.entry, "(CAST(entry AS VARCHAR) = ? OR message_id = ?)"),
            (self.before, "recorded_at < ?"),
        ):
            if text:
                parts.append(sql)
                values += [text] * sql.count("?")
        return " AND ".join(parts), values


def list_entries(
    connection: Connection,
    journal: str,
    *,
    project: str,
    limit: int = 100,
    message_id: str = "",
    selection: Selection | None = None,
) -> tuple[QuarantineEntry, ...]:
    """Return the newest entries of a project, or those of one message. Empty when there is no journal."""
    if not has_journal(connection, journal):
        return ()
    where, values = (selection or Selection(entry=message_id)).sql()
    rows = connection.query(
        "SELECT CAST(q.entry AS VARCHAR), f.kind, f.id, q.message_id, q.schema_name, q.table_name, q.column_name,"
        " q.reason, q.file, q.line_offset, q.line, q.content, q.content_kind, q.length, q.row_id, q.happened_at,"
        f" q.recorded_at, q.feed FROM (SELECT * FROM {place(journal, 'quarantine')} WHERE {where}) AS q"
        f" LEFT JOIN {place(journal, 'feeds')} AS f ON f.number = q.feed"
        f" WHERE (f.project = ? OR q.feed = {LINE_FEED})"
        f" ORDER BY q.recorded_at DESC, q.file, q.line_offset, q.column_name LIMIT {int(limit)}",
        [*values, project],
    )
    return tuple(
        QuarantineEntry(
            entry=entry,
            feed=f"{kind}.{feed_id}" if kind else "",
            message_id=message,
            table=f"{schema}.{table}" if schema else "",
            column=column,
            reason=reason,
            file=file,
            offset=int(offset),
            line=int(line),
            content=content,
            content_kind=content_kind,
            length=int(length),
            row_id=row_id,
            happened_at=happened_at or "",
            recorded_at=recorded_at,
            number=int(number),
        )
        for (
            entry,
            kind,
            feed_id,
            message,
            schema,
            table,
            column,
            reason,
            file,
            offset,
            line,
            content,
            content_kind,
            length,
            row_id,
            happened_at,
            recorded_at,
            number,
        ) in rows
    )


def count_entries(connection: Connection, journal: str, *, project: str) -> int:
    """Return how many entries wait."""
    if not has_journal(connection, journal):
        return 0
    rows = connection.query(
        f"SELECT count(*) FROM {place(journal, 'quarantine')} AS q LEFT JOIN {place(journal, 'feeds')} AS f"
        f" ON f.number = q.feed WHERE f.project = ? OR q.feed = {LINE_FEED}",
        (project,),
    )
    return int(rows[0][0])


def purge(connection: Connection, journal: str, selection: Selection) -> int:
    """Forget entries; return how many."""
    where, values = selection.sql()
    return connection.execute(f"DELETE FROM {place(journal, 'quarantine')} WHERE {where}", values)


def purge_before(connection: Connection, journal: str, time: str, feeds: Sequence[int]) -> int:
    """Forget the entries of some feeds, and of lines, that were recorded before a time; return how many."""
    listed = ", ".join(map(str, (LINE_FEED, *feeds)))
    return connection.execute(
        f"DELETE FROM {place(journal, 'quarantine')} WHERE recorded_at < ? AND feed IN ({listed})", (time,)
    )


def count_by_reason(connection: Connection, journal: str) -> list[tuple[int, str, int]]:
    """Return (feed number, reason, entries)."""
    if not has_journal(connection, journal):
        return []
    rows = connection.query(
        f"SELECT feed, reason, count(*) FROM {place(journal, 'quarantine')} GROUP BY feed, reason ORDER BY 1, 2"
    )
    return [(int(feed), reason, int(count)) for feed, reason, count in rows]


def count_undeclared_keys(connection: Connection, journal: str) -> list[tuple[int, str, int]]:
    """Return (feed number, key, entries) of the values that were kept because nobody had declared their key."""
    if not has_journal(connection, journal):
        return []
    rows = connection.query(
        f"SELECT feed, column_name, count(*) FROM {place(journal, 'quarantine')} WHERE reason = 'undeclared'"
        " GROUP BY feed, column_name ORDER BY 1, 2"
    )
    return [(int(feed), key, int(count)) for feed, key, count in rows]


def forget(connection: Connection, journal: str, entries: Sequence[str]) -> None:
    """Forget entries by their own names, inside the caller's transaction."""
    connection.execute_many(
        f"DELETE FROM {place(journal, 'quarantine')} WHERE CAST(entry AS VARCHAR) = ?", [(entry,) for entry in entries]
    )
