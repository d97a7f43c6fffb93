"""The applies and syncs of a journal, as text and as JSON data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engagectl.show.terminal import columns, escape

if TYPE_CHECKING:
    from engagectl.journal.detail import FeedDone, Happened, StepDone
    from engagectl.journal.history import HistoryEntry


def history_data(entries: "Sequence[tuple[str, HistoryEntry]]") -> list[dict[str, Any]]:
    """Return each entry's fields, with its warehouse."""
    return [{"warehouse": name, **asdict(entry)} for name, entry in entries]


def happened_data(found: "Sequence[Happened]") -> list[dict[str, Any]]:
    """Return each entry's fields with its steps or feeds."""
    return [
        {
            "warehouse": one.warehouse,
            **asdict(one.entry),
            "steps": [asdict(step) for step in one.steps],
            "feeds": [asdict(feed) for feed in one.feeds],
        }
        for one in found
    ]


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
                f"{entry.status} (did not end)" if entry.stopped else entry.status,
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


def happened_text(found: "Sequence[Happened]") -> str:
    """Return each entry with all its steps and their outcome, or all its feeds with counts and rows per table."""
    return "\n\n".join(
        "\n".join(
            [
                history_text([(one.warehouse, one.entry)]),
                *(line for step in one.steps for line in _step(step)),
                *(line for feed in one.feeds for line in _feed(feed)),
            ]
        )
        for one in found
    )


def _step(step: "StepDone") -> list[str]:
    took = "its end was never written" if step.ms is None else f"{step.ms:,} ms"
    lines = [f"  {step.position:>4}  {step.outcome:<8}  {step.kind}  {escape(step.address)}  {took}"]
    if step.error:
        lines.append(f"        {escape(step.error)}")
    return lines


def _feed(feed: "FeedDone") -> list[str]:
    counts = (
        f"read {feed.read:,}  inserted {feed.inserted:,}  duplicate {feed.duplicate:,}  filtered {feed.filtered:,}"
        f"  quarantined {feed.quarantined:,}  in {feed.chunks:,} chunks of {len(feed.files):,} files"
    )
    lines = [f"  {feed.feed}  {feed.status or 'did not end'}  {counts}"]
    if feed.notice:
        lines.append(f"      {escape(feed.notice)}")
    lines += [f"      {table}  {rows:,} rows" for table, rows in feed.rows]
    lines += [f"      filtered, {why.replace('_', ' ')}: {count:,}" for why, count in sorted(feed.filtered_by.items())]
    if feed.cells:
        lines.append(f"      {feed.cells:,} cells quarantined")
    return lines
