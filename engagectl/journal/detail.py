"""One apply or sync whole: its steps, or its feeds and loads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engagectl.journal.history import HistoryEntry
from engagectl.journal.tables import has_journal, place
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """`outcome` is started where the step's end was never written; `ms` is None then."""

    position: int
    address: str
    kind: str
    outcome: str
    ms: int | None
    error: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDone:
    """What a sync did for one feed, in messages: read = inserted + duplicate + filtered + quarantined."""

    feed: str
    status: str
    notice: str
    chunks: int
    read: int
    inserted: int
    duplicate: int
    filtered: int
    filtered_by: Mapping[str, int]
    quarantined: int
    cells: int
    files: tuple[str, ...]
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An apply with its steps, or a sync with its feeds."""

    warehouse: str
    entry: HistoryEntry
    steps: tuple[StepDone, ...]
    feeds: tuple[FeedDone, ...]


def read_steps(connection: Connection, journal: str, apply_id: str) -> tuple[StepDone, ...]:
    """Return the steps of an apply in their order."""
    if not has_journal(connection, journal):
        return ()
    rows = connection.query(
        "SELECT position, address, kind, outcome, started_at, finished_at, error, statements"
        f" FROM {place(journal, 'steps')} WHERE apply_id = ? ORDER BY position",
        (apply_id,),
    )
    return tuple(
        StepDone(
            position=int(position),
            address=address,
            kind=kind,
            outcome=outcome,
            ms=_ms(started_at, finished_at),
            error=error or "",
            statements=tuple(json.loads(statements or "[]")),
        )
        for position, address, kind, outcome, started_at, finished_at, error, statements in rows
    )


def _ms(started_at: str, finished_at: str | None) -> int | None:
    if not finished_at:
        return None
    return round((datetime.fromisoformat(finished_at) - datetime.fromisoformat(started_at)).total_seconds() * 1000)


def read_feeds_of(connection: Connection, journal: str, sync_id: str) -> tuple[FeedDone, ...]:
    """Return what a sync did for each of its feeds, also for those that were left out."""
    if not has_journal(connection, journal):
        return ()
    names = {
        int(number): f"{kind}.{name}"
        for number, kind, name in connection.query(f"SELECT number, kind, id FROM {place(journal, 'feeds')}")
    }
    outcomes = {
        int(feed): (status, notice or "")
        for feed, status, notice in connection.query(
            f"SELECT feed, status, notice FROM {place(journal, 'sync_feeds')} WHERE sync_id = ?", (sync_id,)
        )
    }
    tables: dict[int, list[tuple[str, int]]] = {}
    for feed, schema, table, rows in connection.query(
        f"SELECT feed, schema_name, table_name, sum(inserted) FROM {place(journal, 'load_tables')} WHERE sync_id = ?"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (sync_id,),
    ):
        tables.setdefault(int(feed), []).append((f"{schema}.{table}", int(rows)))
    counts: dict[int, list[int]] = {}
    files: dict[int, dict[str, None]] = {}
    why: dict[int, dict[str, int]] = {}
    for feed, file, filtered_by, *numbers in connection.query(
        "SELECT feed, file, filtered_by, read, inserted, duplicate, filtered, quarantined, cells"
        f" FROM {place(journal, 'loads')} WHERE sync_id = ? ORDER BY chunk",
        (sync_id,),
    ):
        before = counts.get(int(feed), [0] * 7)
        counts[int(feed)] = [a + int(b) for a, b in zip(before, (1, *numbers), strict=True)]
        files.setdefault(int(feed), {})[file] = None
        for reason, number in json.loads(filtered_by or "{}").items():
            reasons = why.setdefault(int(feed), {})
            reasons[reason] = reasons.get(reason, 0) + int(number)
    found = []
    for number in sorted({*outcomes, *counts}, key=lambda number: names.get(number, "")):
        chunks, read, inserted, duplicate, filtered, quarantined, cells = counts.get(number, [0] * 7)
        status, notice = outcomes.get(number, ("", ""))
        found.append(
            FeedDone(
                feed=names.get(number, f"feed {number}"),
                status=status,
                notice=notice,
                chunks=chunks,
                read=read,
                inserted=inserted,
                duplicate=duplicate,
                filtered=filtered,
                filtered_by=why.get(number, {}),
                quarantined=quarantined,
                cells=cells,
                files=tuple(files.get(number, ())),
                rows=tuple(tables.get(number, ())),
            )
        )
    return tuple(found)
