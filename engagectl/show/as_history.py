"""The applies and syncs of a journal, as text and as JSON data."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from engagectl.show.terminal import columns

if TYPE_CHECKING:
    from engagectl.journal.history import HistoryEntry


def history_data(entries: "Sequence[tuple[str, HistoryEntry]]") -> list[dict[str, Any]]:
    """Return each entry's fields, with its warehouse."""
    return [{"warehouse": name, **{f.name: getattr(entry, f.name) for f in fields(entry)}} for name, entry in entries]


def history_text(entries: "Sequence[tuple[str, HistoryEntry]]") -> str:
    """Return a line per entry, newest first."""
    if not entries:
        return "Nothing was applied or synced yet. Next: engagectl plan"
    heads = ("warehouse", "kind", "status", "started", "took", "rows", "id", "target", "notices")
    return columns(
        heads,
        [
            (
                name,
                entry.kind,
                entry.status,
                entry.started_at,
                "" if entry.duration_s is None else f"{entry.duration_s:.1f} s",
                sum(rows for _, rows in entry.rows),
                entry.id,
                entry.target,
                entry.notices,
            )
            for name, entry in entries
        ],
    )
