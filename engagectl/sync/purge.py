"""Forget what is in quarantine: by feed, reason, age or name."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engagectl.config.project import Project
from engagectl.failpoint import hit
from engagectl.journal.applied import read_feeds
from engagectl.journal.quarantine import LINE_FEED, Selection, purge
from engagectl.journal.tables import has_journal, rfc3339
from engagectl.sync.selection import is_named
from engagectl.warehouses.contract import Connection, Holder


def purge_entries(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    select: Sequence[str],
    reason: str,
    entry: str,
    older_than_s: int | None,
    now: datetime,
) -> int:
    """Forget this project's entries that fit every word said; return how many."""
    journal = project.spec.journal_schema
    before = "" if older_than_s is None else rfc3339(now - timedelta(seconds=older_than_s))
    forgotten = 0
    for name, connection in connections.items():
        if not has_journal(connection, journal):
            continue
        connection.lock(journal, timeout_s=project.lock_timeout_s, holder=Holder(command="quarantine purge"))
        feeds = [
            applied.number
            for applied in read_feeds(connection, journal, project=project.spec.project)
            if not select or is_named(name, applied.feed, select)
        ]
        numbers = feeds if select else [*feeds, LINE_FEED]
        hit("purge.locked")
        forgotten += purge(connection, journal, Selection(feeds=numbers, reason=reason, entry=entry, before=before))
        hit("purge.forgotten")
    return forgotten
