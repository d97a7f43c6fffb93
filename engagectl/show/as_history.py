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
    heads = ("warehouse", "kind", "status", "started", "finished", "id")
    return columns(heads, [(name, e.kind, e.status, e.started_at, e.finished_at or "", e.id) for name, e in entries])
