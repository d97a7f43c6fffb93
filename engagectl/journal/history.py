"""What happened: applies with their steps, syncs with their loads."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engagectl.journal.tables import has_journal, place, rfc3339
from engagectl.warehouses.contract import Connection

_ROWS = 200
_JSON_CHAR = 12  # as many letters JSON writes for one at most: two escapes of six
_CUT = " .. (cut)"

Status = Literal["Running", "Success", "Partial", "Failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One apply or sync. `rows` are rows inserted per table; `duration_s` is None without an end.

    `stopped` tells of a Running one that has ended without saying so: killed, or its machine gone.
    """

    kind: Literal["apply", "sync"]
    id: str
    target: str
    status: Status
    started_at: str
    duration_s: float | None
    notices: str
    rows: tuple[tuple[str, int], ...]
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a sync ended for one feed; Failure is a feed that was left out, `notice` says why."""

    feed: int
    status: Status
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSync:
    """The last sync that ran a feed, or left it out."""

    sync_id: str
    started_at: str
    status: Status
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one chunk did for one feed, in messages (SYNC decision 9)."""

    chunk: int
    feed: int
    file: str
    offset_from: int
    offset_to: int
    read: int
    inserted: int
    duplicate: int
    filtered: Mapping[str, int]
    quarantined: int
    cells: int
    uuid_ts: str
    received_to: str | None = None
    tables: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A step of an apply, before its first statement."""

    position: int
    address: str
    kind: str
    statements: tuple[str, ...]


def start_apply(
    connection: Connection,
    journal: str,
    *,
    id: str,
    project: str,
    target: str,
    now: str,
    engagectl: str,
    commit: str,
    fingerprint: str,
    config_digest: str,
) -> None:
    connection.execute(
        f"INSERT INTO {place(journal, 'applies')}"
        " (id, project, target, started_at, status, engagectl, git_commit, fingerprint,"
        " config_digest) VALUES (?, ?, ?, ?, 'Running', ?, ?, ?, ?)",
        (id, project, target, now, engagectl, commit, fingerprint, config_digest),
    )


def finish_apply(connection: Connection, journal: str, *, id: str, now: str, status: Status, notices: str = "") -> None:
    connection.execute(
        f"UPDATE {place(journal, 'applies')} SET finished_at = ?, status = ?, notices = ? WHERE id = ?",
        (now, status, _fitting(connection, notices), id),
    )


def steps_started(connection: Connection, journal: str, *, apply_id: str, steps: Sequence[Started], now: str) -> None:
    connection.execute_many(
        f"INSERT INTO {place(journal, 'steps')}"
        " (apply_id, position, address, kind, sql_sha256, statements, started_at, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                apply_id,
                step.position,
                step.address,
                step.kind,
                hashlib.sha256("\n".join(step.statements).encode()).hexdigest(),
                _kept(connection, step.statements),
                now,
                "started",
            )
            for step in steps
        ],
    )


def step_finished(
    connection: Connection, journal: str, *, apply_id: str, position: int, outcome: str, now: str, error: str = ""
) -> None:
    connection.execute(
        f"UPDATE {place(journal, 'steps')}"
        " SET finished_at = ?, outcome = ?, error = ? WHERE apply_id = ? AND position = ?",
        (now, outcome, _fitting(connection, error), apply_id, position),
    )


def start_sync(connection: Connection, journal: str, *, id: str, project: str, target: str, now: str) -> None:
    connection.execute(
        f"INSERT INTO {place(journal, 'syncs')}"
        " (id, project, target, started_at, status) VALUES (?, ?, ?, ?, 'Running')",
        (id, project, target, now),
    )


def record_loads(connection: Connection, journal: str, *, sync_id: str, loads: Sequence[Load]) -> None:
    """Write the counts of one chunk, a row for each feed and file, inside the chunk's transaction."""
    for start in range(0, len(loads), _ROWS):
        some = loads[start : start + _ROWS]
        connection.execute(
            f"INSERT INTO {place(journal, 'loads')}"
            " (sync_id, chunk, feed, file, offset_from, offset_to, read, inserted, duplicate,"
            " filtered, filtered_by, quarantined, cells, uuid_ts, received_to) VALUES "
            + ", ".join([f"({', '.join('?' * 15)})"] * len(some)),
            [value for load in some for value in _row(sync_id, load)],
        )
    counts = [(sync_id, load.feed, *name, rows) for load in loads for name, rows in load.tables.items()]
    for start in range(0, len(counts), _ROWS):
        some_counts = counts[start : start + _ROWS]
        connection.execute(
            f"INSERT INTO {place(journal, 'load_tables')} (sync_id, feed, schema_name, table_name, inserted) VALUES "
            + ", ".join(["(?, ?, ?, ?, ?)"] * len(some_counts)),
            [value for row in some_counts for value in row],
        )


def _row(sync_id: str, load: Load) -> tuple[object, ...]:
    return (
        sync_id, load.chunk, load.feed, load.file, load.offset_from, load.offset_to, load.read, load.inserted,
        load.duplicate, sum(load.filtered.values()), json.dumps(dict(load.filtered), sort_keys=True),
        load.quarantined, load.cells, load.uuid_ts, load.received_to,
    )  # fmt: skip


def record_outcomes(connection: Connection, journal: str, *, sync_id: str, outcomes: Sequence[Outcome]) -> None:
    """Write how a sync ended for each of its feeds: what is due is counted from the last success."""
    connection.execute_many(
        f"INSERT INTO {place(journal, 'sync_feeds')} (sync_id, feed, status, notice) VALUES (?, ?, ?, ?)",
        [(sync_id, item.feed, item.status, _fitting(connection, item.notice)) for item in outcomes],
    )


def finish_sync(connection: Connection, journal: str, *, id: str, now: str, status: Status, notices: str = "") -> None:
    connection.execute(
        f"UPDATE {place(journal, 'syncs')} SET finished_at = ?, status = ?, notices = ? WHERE id = ?",
        (now, status, _fitting(connection, notices), id),
    )


def read_history(
    connection: Connection, journal: str, *, project: str | None = None, kind: str = "", limit: int = 50, id: str = ""
) -> tuple[HistoryEntry, ...]:
    """Return applies and syncs of a project, newest first; all or those whose id begins so. Empty without a journal.

    One lock is held by one at a time: of those that never said their end only the newest can still run, and it does
    while somebody holds the lock.
    """
    if not has_journal(connection, journal):
        return ()
    running = _running(connection, journal)
    entries: list[HistoryEntry] = []
    if kind in ("", "apply"):
        rows = connection.query(
            f"SELECT id, target, status, started_at, finished_at, notices FROM {place(journal, 'applies')}"
            f" WHERE project = coalesce(?, project) AND substr(id, 1, {len(id)}) = ?"
            f" ORDER BY started_at DESC LIMIT {int(limit)}",
            (project, id),
        )
        entries += [_entry("apply", row, (), running) for row in rows[:limit]]
    if kind in ("", "sync"):
        rows = connection.query(
            f"SELECT id, target, status, started_at, finished_at, notices FROM {place(journal, 'syncs')}"
            f" WHERE project = coalesce(?, project) AND substr(id, 1, {len(id)}) = ?"
            f" ORDER BY started_at DESC LIMIT {int(limit)}",
            (project, id),
        )
        for row in rows[:limit]:
            tables = connection.query(
                f"SELECT schema_name, table_name, sum(inserted) FROM {place(journal, 'load_tables')} WHERE sync_id = ?"
                " GROUP BY 1, 2 ORDER BY 1, 2",
                (row[0],),
            )
            entries.append(_entry("sync", row, tuple((f"{s}.{t}", int(n)) for s, t, n in tables), running))
    return tuple(sorted(entries, key=lambda entry: entry.started_at, reverse=True)[:limit])


def _running(connection: Connection, journal: str) -> str | None:
    """Return the id of the apply or sync that is at work now."""
    found = connection.query(
        f"SELECT id, started_at FROM {place(journal, 'applies')} WHERE status = 'Running' UNION ALL"
        f" SELECT id, started_at FROM {place(journal, 'syncs')} WHERE status = 'Running' ORDER BY 2 DESC LIMIT 1"
    )
    return str(found[0][0]) if found and connection.lock_holder(journal) is not None else None


def _entry(
    kind: Literal["apply", "sync"], row: tuple[str, ...], rows: tuple[tuple[str, int], ...], running: str | None
) -> HistoryEntry:
    entry_id, target, status, started_at, finished_at, notices = row
    duration = None
    if finished_at:
        duration = (datetime.fromisoformat(finished_at) - datetime.fromisoformat(started_at)).total_seconds()
    return HistoryEntry(
        kind=kind,
        id=entry_id,
        target=target or "",
        status=status,  # type: ignore[arg-type]  # written by this module alone
        started_at=started_at,
        duration_s=duration,
        notices=notices or "",
        rows=rows,
        stopped=status == "Running" and entry_id != running,
    )


def next_stamp(connection: Connection, journal: str, now: str) -> str:
    """Return the load stamp of the next chunk: now, or one microsecond after the last one when clocks went back."""
    (last,) = connection.query(f"SELECT max(uuid_ts) FROM {place(journal, 'loads')}")[0]
    return now if last is None else later(str(last), now)


def has_loaded(connection: Connection, journal: str, feed: int, *, file: str) -> bool:
    """Tell whether a feed has ever stored a message of an input that leaves no checkpoint, such as standard input."""
    sql = f"SELECT 1 FROM {place(journal, 'loads')} WHERE feed = ? AND file = ? AND inserted > 0 LIMIT 1"
    return bool(connection.query(sql, (feed, file)))


def later(last: str, now: str) -> str:
    """Return now, or a microsecond after the last stamp where that is later."""
    return now if now > last else rfc3339(datetime.fromisoformat(last) + timedelta(microseconds=1))


def last_commit(connection: Connection, journal: str, *, project: str, target: str) -> tuple[str, str] | None:
    """Return when the last successful apply of a target started, and its commit."""
    if not has_journal(connection, journal):
        return None
    rows = connection.query(
        f"SELECT started_at, git_commit FROM {place(journal, 'applies')}"
        " WHERE project = ? AND target = ? AND status = 'Success' AND git_commit <> '' ORDER BY started_at DESC",
        (project, target),
    )
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def last_success(connection: Connection, journal: str) -> Mapping[int, str]:
    """Return, per feed number, the start of the last sync that ended well for it, rows or none."""
    if not has_journal(connection, journal):
        return {}
    rows = connection.query(
        f"SELECT f.feed, max(s.started_at) FROM {place(journal, 'sync_feeds')} AS f"
        f" JOIN {place(journal, 'syncs')} AS s ON s.id = f.sync_id WHERE f.status = 'Success' GROUP BY f.feed"
    )
    return {int(feed): started_at for feed, started_at in rows}


def read_up_to(connection: Connection, journal: str) -> Mapping[int, str]:
    """Return, per feed number, the latest received_at that it has read, or the time of its last load where that is not
    known. Feeds that have read nothing are not in it.
    """
    rows = connection.query(
        f"SELECT feed, COALESCE(max(received_to), max(uuid_ts)) FROM {place(journal, 'loads')} GROUP BY feed"
    )
    return {int(feed): reached for feed, reached in rows if reached is not None}


def created(connection: Connection, journal: str, project: str, *, outcomes: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses of the tables and columns that applies of a project have created."""
    marks = ", ".join("?" for _ in outcomes)
    rows = connection.query(
        f"SELECT DISTINCT s.address FROM {place(journal, 'steps')} AS s JOIN {place(journal, 'applies')} AS a"
        " ON a.id = s.apply_id WHERE a.project = ? AND s.kind IN ('create_table', 'add_column')"
        f" AND s.outcome IN ({marks}) ORDER BY 1",
        (project, *outcomes),
    )
    return tuple(str(address) for (address,) in rows)


def last_syncs(connection: Connection, journal: str) -> Mapping[int, FeedSync]:
    """Return, per feed number, the last sync that ran it or left it out."""
    rows = connection.query(
        "SELECT feed, sync_id, started_at, status, notice FROM (SELECT f.feed, f.sync_id, s.started_at, f.status,"
        " f.notice, row_number() OVER (PARTITION BY f.feed ORDER BY s.started_at DESC) AS n"
        f" FROM {place(journal, 'sync_feeds')} AS f JOIN {place(journal, 'syncs')} AS s ON s.id = f.sync_id) AS r"
        " WHERE n = 1"
    )
    return {
        int(feed): FeedSync(sync_id=sync_id, started_at=started_at, status=status, notice=notice or "")
        for feed, sync_id, started_at, status, notice in rows
    }


def last_received(connection: Connection, journal: str) -> Mapping[int, str]:
    """Return, per feed number, the greatest received_at that it has read."""
    rows = connection.query(
        f"SELECT feed, max(received_to) FROM {place(journal, 'loads')} WHERE received_to IS NOT NULL GROUP BY feed"
    )
    return {int(feed): received_to for feed, received_to in rows}


def _kept(connection: Connection, statements: Sequence[str]) -> str:
    """Return statements as JSON. Where a column does not hold that, of each a part: its hash is of the whole."""
    text = json.dumps(list(statements))
    if connection.text_bytes is None or len(text) <= connection.text_bytes:
        return text
    room = connection.text_bytes // (_JSON_CHAR * len(statements)) - len(_CUT)
    return json.dumps([one if len(one) <= room else one[: max(room, 0)] + _CUT for one in statements])


def _fitting(connection: Connection, text: str) -> str:
    """Return a text, cut where a column does not hold it."""
    data = text.encode("utf-8", "surrogatepass")
    if connection.text_bytes is None or len(data) <= connection.text_bytes:
        return text
    return data[: connection.text_bytes - len(_CUT)].decode("utf-8", "ignore") + _CUT
