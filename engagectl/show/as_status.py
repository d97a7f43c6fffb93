"""Where the feeds stand, as text for people: a table, then what needs attention."""

from engagectl.model.status import FeedStatus, StatusReport, WarehouseStatus
from engagectl.show.terminal import columns, escape

_SHOWN = 10


def status_text(report: StatusReport) -> str:
    """Return a line per feed, and under each warehouse what is not as it should be."""
    parts = []
    for warehouse in report.warehouses:
        feeds = [feed for feed in report.feeds if feed.warehouse == warehouse.warehouse]
        parts.append("\n".join([_head(warehouse), *_feeds(feeds), *_attention(warehouse)]))
    return "\n\n".join(parts)


def _head(warehouse: WarehouseStatus) -> str:
    if not warehouse.apply_id:
        return f"{warehouse.warehouse}: nothing applied yet: engagectl apply"
    return f"{warehouse.warehouse}: apply {warehouse.apply_id} of {_time(warehouse.applied_at)}"


def _feeds(feeds: list[FeedStatus]) -> list[str]:
    if not feeds:
        return []
    heads = ("feed", "schedule", "last sync", "outcome", "next due", "newest message", "unread")
    rows = [
        (
            feed.feed,
            feed.schedule,
            _time(feed.last_sync) or "never",
            feed.outcome,
            feed.state if feed.state != "live" else feed.next_due + (" (blackout)" if feed.in_blackout else ""),
            _age(feed.lag_s),
            _unread(feed),
        )
        for feed in feeds
    ]
    lines = columns(heads, rows).splitlines()
    found = [lines[0]]
    for line, feed in zip(lines[1:], feeds, strict=True):
        found.append(line)
        found += [
            f"    waits for run_completed in {escape(wait.file)} since {wait.since}" for wait in feed.waits[:_SHOWN]
        ]
        if len(feed.waits) > _SHOWN:
            found.append(f"    and in {len(feed.waits) - _SHOWN:,} files more")
        if feed.not_readable:
            found.append(f"    {escape(feed.not_readable)}")
        if feed.notice:
            found.append(f"    {escape(feed.notice)}")
    return found


def _unread(feed: FeedStatus) -> str:
    if feed.not_readable:
        return "not known"
    return f"{feed.unread_bytes:,} bytes in {feed.unread_files:,} files" if feed.unread_files else "nothing"


def _attention(warehouse: WarehouseStatus) -> list[str]:
    lines = []
    if warehouse.not_applied:
        number = len(warehouse.not_applied)
        changes = f"{number:,} change{'' if number == 1 else 's'}"
        lines.append(f"{changes} not applied: engagectl plan")
    if warehouse.not_known:
        lines.append(f"what is not applied cannot be told: {escape(warehouse.not_known)}")
    if warehouse.running:
        lines.append(f"running: {warehouse.running}")
    lines += [f"did not end: {text}; what it committed stays" for text in warehouse.stopped[:_SHOWN]]
    if warehouse.quarantine:
        counts = ", ".join(f"{reason} {count:,}" for reason, count in warehouse.quarantine.items())
        lines.append(f"quarantine: {counts}: engagectl quarantine list")
    lines += [
        f"    {item.entries:,} of {item.feed} wait for {escape(item.key)}, which has a column now: {item.command}"
        for item in warehouse.storable[:_SHOWN]
    ]
    if warehouse.undeclared:
        keys = ", ".join(
            f"{item.kind} {escape(item.key)} ({f'{item.types}, ' if item.types else ''}{item.messages:,})"
            for item in warehouse.undeclared[:_SHOWN]
        )
        more = len(warehouse.undeclared) - _SHOWN
        lines.append(f"undeclared, counted and not stored: {keys}" + (f" and {more:,} more" if more > 0 else ""))
    return lines


def _time(text: str | None) -> str:
    """Return a time of the journal to the second."""
    return f"{text[:19]}Z" if text else ""


def _age(seconds: int | None) -> str:
    if seconds is None:
        return "none"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit} old"
    return f"{seconds} s old"
