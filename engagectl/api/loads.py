"""Rows: loaded, counted, looked up, put back, forgotten."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engagectl.api.connections import connected
from engagectl.api.plans import changed_feeds
from engagectl.config.project import Project

if TYPE_CHECKING:
    from engagectl.erase.person import Erased, EraseReport
    from engagectl.journal.detail import Happened
    from engagectl.journal.history import HistoryEntry
    from engagectl.journal.quarantine import QuarantineEntry
    from engagectl.model.status import StatusReport
    from engagectl.sync.passes import Progress, SyncOptions
    from engagectl.sync.replay import Replayed
    from engagectl.sync.report import SyncReport


def sync(
    project: Project,
    *,
    options: "SyncOptions | None" = None,
    progress: "Progress | None" = None,
    lock_timeout_s: float = 10.0,
    warehouses: Sequence[str] = (),
) -> "SyncReport":
    """Load what the inputs hold into the tables of the applied state."""
    from engagectl.config.keys import all_hmac_keys
    from engagectl.sync import passes

    asked = options or passes.SyncOptions(lock_timeout_s=lock_timeout_s)
    with connected(
        project,
        command="sync",
        read_only=False,
        lock_timeout_s=lock_timeout_s,
        warehouses=warehouses,
        memory_mb=asked.memory_mb,
    ) as connections:
        return passes.sync(
            project,
            connections=connections,
            options=replace(
                asked,
                keys=all_hmac_keys(project, os.environ),
                changed=changed_feeds(project, asked.select),
            ),
            clock=lambda: datetime.now(UTC),
            progress=progress or passes.Silent(),
        )


def status(project: Project, *, warehouses: Sequence[str] = ()) -> "StatusReport":
    """Tell, per warehouse and feed, when it last loaded, when it is due, and what waits for what."""
    from engagectl.sync import status as room

    with connected(project, command="status", read_only=True, warehouses=warehouses) as connections:
        return room.status(project, connections=connections, now=datetime.now(UTC))


def history(
    project: Project, *, kind: str = "", limit: int = 50, warehouses: Sequence[str] = ()
) -> "tuple[tuple[str, HistoryEntry], ...]":
    """Return (warehouse, apply or sync), newest first in each warehouse."""
    from engagectl.journal.history import read_history

    with connected(project, command="history", read_only=True, warehouses=warehouses) as connections:
        return tuple(
            (name, entry)
            for name, connection in connections.items()
            for entry in read_history(
                connection, project.spec.journal_schema, project=project.spec.project, kind=kind, limit=limit
            )
        )


def happened(project: Project, id: str, *, warehouses: Sequence[str] = ()) -> "tuple[Happened, ...]":
    """Return the applies and syncs whose id begins so, whole: their steps, or their feeds with counts."""
    from engagectl.journal.detail import Happened, read_feeds_of, read_steps
    from engagectl.journal.history import read_history

    journal, found = project.spec.journal_schema, []
    with connected(project, command="history", read_only=True, warehouses=warehouses) as connections:
        for name, connection in connections.items():
            for entry in read_history(connection, journal, project=project.spec.project, id=id):
                steps = read_steps(connection, journal, entry.id) if entry.kind == "apply" else ()
                feeds = read_feeds_of(connection, journal, entry.id) if entry.kind == "sync" else ()
                found.append(Happened(warehouse=name, entry=entry, steps=steps, feeds=feeds))
    return tuple(found)


def quarantine(project: Project, *, limit: int = 100) -> "tuple[tuple[str, QuarantineEntry], ...]":
    """Return (warehouse, entry) of what could not be stored, newest first."""
    from engagectl.journal.quarantine import list_entries

    with connected(project, command="quarantine", read_only=True) as connections:
        return tuple(
            (name, entry)
            for name, connection in connections.items()
            for entry in list_entries(
                connection, project.spec.journal_schema, project=project.spec.project, limit=limit
            )
        )


def replay_quarantine(project: Project, *, select: Sequence[str] = (), reason: str = "", entry: str = "") -> "Replayed":
    """Put back what became storable, exactly once: messages by the applied state of now, values into their rows."""
    from engagectl.config.keys import all_hmac_keys
    from engagectl.journal.quarantine import Selection
    from engagectl.sync.options import SyncOptions
    from engagectl.sync.replay import replay

    with connected(project, command="quarantine", read_only=False) as connections:
        return replay(
            project,
            connections=connections,
            selection=Selection(reason=reason, entry=entry),
            options=SyncOptions(
                select=select, lock_timeout_s=project.lock_timeout_s, keys=all_hmac_keys(project, os.environ)
            ),
            clock=lambda: datetime.now(UTC),
        )


def purge_quarantine(
    project: Project, *, select: Sequence[str] = (), reason: str = "", entry: str = "", older_than_s: int | None = None
) -> int:
    """Forget entries that fit every word said; return how many. Lines of no feed go unless `select` names feeds."""
    from engagectl.sync.purge import purge_entries

    with connected(project, command="quarantine", read_only=False) as connections:
        return purge_entries(
            project,
            connections=connections,
            select=select,
            reason=reason,
            entry=entry,
            older_than_s=older_than_s,
            now=datetime.now(UTC),
        )


def erase(
    project: Project,
    user: str,
    *,
    forever: bool = False,
    dry_run: bool = False,
    confirm: "Callable[[Sequence[Erased]], bool]",
) -> "EraseReport":
    """Remove one user id from every table of this project, and filter its messages from now on."""
    from engagectl.erase import person

    with connected(project, command="erase", read_only=dry_run) as connections:
        return person.erase(
            project,
            connections=connections,
            user=user,
            forever=forever,
            dry_run=dry_run,
            now=datetime.now(UTC),
            confirm=confirm,
            lock_timeout_s=project.lock_timeout_s,
        )
