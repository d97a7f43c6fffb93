"""Where each feed stands: when it last loaded, when it is due next, and how much of its inputs waits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.checkpoints import read_checkpoints
from engagectl.journal.history import last_success
from engagectl.journal.quarantine import count_entries
from engagectl.journal.tables import has_journal
from engagectl.model.feed import Feed
from engagectl.sync.due import next_due
from engagectl.sync.inputs import input_files
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """Times are RFC 3339 UTC. `unread_files` are files with bytes beyond the offset; compressed ones count as unread
    only when the feed has never read them, because their length is not known before they are read.
    """

    warehouse: str
    feed: str
    retired: bool
    last_sync: str | None
    next_due: str
    unread_files: int
    unread_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    feeds: tuple[FeedStatus, ...]
    quarantine: tuple[tuple[str, int], ...]

    def as_data(self) -> dict[str, Any]:
        return {"feeds": [asdict(feed) for feed in self.feeds], "quarantine": dict(self.quarantine)}

    def as_text(self) -> str:
        if not self.feeds:
            return "nothing applied yet: engagectl apply"
        lines = []
        for feed in self.feeds:
            waits = (
                f"{feed.unread_files} files, {feed.unread_bytes:,} bytes wait" if feed.unread_files else "nothing waits"
            )
            when = f"last sync {feed.last_sync or 'never'}, next due {feed.next_due}"
            lines.append(f"{feed.warehouse}/{feed.feed}  " + ("retired" if feed.retired else f"{when}, {waits}"))
        lines += [f"{warehouse}: {count} quarantined" for warehouse, count in self.quarantine]
        return "\n".join(lines)


def status(project: Project, *, connections: Mapping[str, Connection], now: datetime) -> StatusReport:
    """Read the journal of each warehouse and look at the input files. Nothing is written."""
    journal = project.spec.journal_schema
    feeds: list[FeedStatus] = []
    quarantine: list[tuple[str, int]] = []
    for name, connection in connections.items():
        if not has_journal(connection, journal):
            continue
        applied = read_feeds(connection, journal, project=project.spec.project)
        loaded = last_success(connection, journal)
        offsets = {
            (point.feed, point.file): point.offset
            for point in read_checkpoints(connection, journal, [item.number for item in applied])
        }
        feeds += [_feed(project, name, item, loaded.get(item.number), offsets, now) for item in applied]
        quarantine.append((name, count_entries(connection, journal, project=project.spec.project)))
    return StatusReport(feeds=tuple(feeds), quarantine=tuple(quarantine))


def _feed(
    project: Project,
    warehouse: str,
    item: AppliedFeed,
    last: str | None,
    offsets: Mapping[tuple[int, str], int],
    now: datetime,
) -> FeedStatus:
    files = size = 0
    for file in _files(project, item.feed):
        offset = offsets.get((item.number, file.key), 0)
        unread = (file.bytes or 0) - offset if file.format == "ndjson" or offset == 0 else 0
        if unread > 0:
            files, size = files + 1, size + unread
    due = next_due(item.feed.schedule, datetime.fromisoformat(last) if last else None, now)
    return FeedStatus(
        warehouse=warehouse,
        feed=str(item.feed.address),
        retired=item.retired_at is not None,
        last_sync=last,
        next_due=due.strftime("%Y-%m-%dT%H:%M:%SZ") if due is not None else "never",
        unread_files=files,
        unread_bytes=size,
    )


def _files(project: Project, feed: Feed) -> tuple[Any, ...]:
    space = project.spec.spaces.get(feed.space)
    source = space.sources.get(feed.source) if space is not None else None
    if source is None or source.input is None:
        return ()
    given = source.input if isinstance(source.input, InputSpec) else project.spec.inputs.get(str(source.input))
    return input_files(given, root=project.root) if given is not None else ()
