"""What could not be stored: messages, lines and cells, with position and reason. The loader writes it set-based."""

from dataclasses import dataclass

from engagectl.journal.tables import has_journal, place
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """A message (`column` empty) or one of its cells. `content_kind`: text, json, sha256, line."""

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
    recorded_at: str


def list_entries(
    connection: Connection, journal: str, *, project: str, limit: int = 100, message_id: str = ""
) -> tuple[QuarantineEntry, ...]:
    """Return the newest entries of a project, or those of one message. Empty when there is no journal."""
    if not has_journal(connection, journal):
        return ()
    rows = connection.query(
        "SELECT f.kind, f.id, q.message_id, q.schema_name, q.table_name, q.column_name, q.reason, q.file,"
        " q.line_offset, q.line, q.content, q.content_kind, q.recorded_at"
        f" FROM {place(journal, 'quarantine')} AS q LEFT JOIN {place(journal, 'feeds')} AS f ON f.number = q.feed"
        " WHERE (f.project = ? OR q.feed IS NULL OR q.feed < 0) AND (? = '' OR q.message_id = ?)"
        " ORDER BY q.recorded_at DESC, q.file, q.line_offset, q.column_name",
        (project, message_id, message_id),
    )
    return tuple(
        QuarantineEntry(
            feed=f"{kind}.{feed_id}" if kind else "",
            message_id=message or "",
            table=f"{schema}.{table}" if schema else "",
            column=column or "",
            reason=reason,
            file=file,
            offset=int(offset),
            line=int(line),
            content=content or "",
            content_kind=content_kind or "",
            recorded_at=recorded_at,
        )
        for row in rows[:limit]
        for (
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
            recorded_at,
        ) in (row,)
    )


def count_entries(connection: Connection, journal: str, *, project: str) -> int:
    """Return how many entries wait."""
    return len(list_entries(connection, journal, project=project, limit=1 << 30))
