"""The checker outside the system: what is committed against what was acknowledged and what the reference says."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from engagectl import api
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.checkpoints import read_checkpoints
from engagectl.warehouses.contract import Connection
from tests.crash.fork import result
from tests.crash.traffic import lines_to, size_of
from tests.crash.world import World
from tests.reference.play import Kept, Tables, play
from tests.reference.tables import differences, kept

JOURNAL = "engagectl"


def problems(world: World, acknowledged: list[tuple[str, int]], *, complete: bool, **more: bool) -> list[str]:
    """Look in a process of its own, and return what is wrong."""
    return result(lambda _: look(world, acknowledged, complete=complete, **more))  # type: ignore[no-any-return]  # a list


def look(
    world: World,
    acknowledged: list[tuple[str, int]],
    *,
    complete: bool,
    waits: bool = False,
    purged: bool = False,
    reread: bool = False,
) -> list[str]:
    """Return what is wrong. Complete: every feed must have read everything.

    Waits: of what is storable now some may be in quarantine still, and then it must not be in a table. Purged: the
    quarantine must be empty. Reread: lines were read, and so counted, more than once.
    """
    with api.connected(world.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return _look(connection, world, acknowledged, complete=complete, waits=waits, purged=purged, reread=reread)


def _look(
    connection: Connection,
    world: World,
    acknowledged: list[tuple[str, int]],
    *,
    complete: bool,
    waits: bool,
    purged: bool,
    reread: bool,
) -> list[str]:
    feeds = [one for one in read_feeds(connection, JOURNAL) if one.retired_at is None]
    stands: dict[tuple[int, str], int] = defaultdict(int)
    stands |= {(item.feed, item.file): item.offset for item in read_checkpoints(connection, JOURNAL)}
    found = []
    expected = Tables()
    for one in feeds:
        lines: list[bytes] = []
        for file, written in world.lines.items():
            offset = stands[one.number, file]
            read = lines_to(world.form, written, offset)
            lines += () if read is None else read
            if complete and offset != size_of(world.form, written):
                found.append(f"{one.feed.address} stands at {offset} in {file}, not at its end")
            if read is None:
                found.append(f"{one.feed.address} stands within a line of {file}")
        said = play([one.feed], (line for line in lines if not _is_of(line, world.gone)))
        for table, rows in said.rows.items():
            expected.rows[table] += rows
        expected.kept |= said.kept
        found += () if reread else _counts(connection, one, stands, world)
    found += [
        f"{one.feed.address}: {file}:{offset} was acknowledged, the checkpoint is {stands[one.number, file]}"
        for file, offset in acknowledged
        for one in feeds
        if one.feed.kind != "users" and str(one.feed.address) != world.late and stands[one.number, file] < offset
    ]
    entries, due = kept(connection), set() if purged else expected.kept
    left = [one.feed for one in feeds]
    if waits:
        waiting, entries = entries - due, entries & due
        _take_out(expected, waiting)
        left = [feed for feed in left if str(feed.address) not in {one.feed for one in waiting if _is_users(one)}]
    found += differences(connection, left, expected)
    entries, due = _as_named_now(entries), _as_named_now(due)
    found += [f"in quarantine but should not be: {entry}" for entry in entries - due]
    found += [f"not in quarantine: {entry}" for entry in due - entries]
    return found


def _is_of(line: bytes, user: str) -> bool:
    return bool(user) and line != b"{broken" and json.loads(line)["userId"] == user


def _is_users(entry: Kept) -> bool:
    return entry.feed.startswith("users.")


def _take_out(expected: Tables, waiting: set[Kept]) -> None:
    """What still waits in quarantine must not be in a table: a cell is empty, a message has no row."""
    cells = {(one.table, one.column, one.message) for one in waiting if one.column and not _is_users(one)}
    whole = {one.message for one in waiting if not one.column}
    for table, rows in expected.rows.items():
        name = str(table)
        is_log = table.table == "log"  # the one table whose rows can wait whole
        expected.rows[table] = [
            {key: None if (name, key, row["id"]) in cells else value for key, value in row.items()}
            for row in rows
            if not (is_log and row["id"] in whole)
        ]


def _as_named_now(entries: set[Kept]) -> set[Kept]:
    """The quarantine tells what happened, under the names of then; CHANGED renames a column and a table."""
    tables, columns = {"default.log": "default.vip_log"}, {"revenue": "income"}
    return {
        replace(one, table=tables.get(one.table, one.table), column=columns.get(one.column, one.column))
        for one in entries
    }


def _counts(
    connection: Connection, one: AppliedFeed, stands: dict[tuple[int, str], int], world: World
) -> Sequence[str]:
    """The journal's chunks of a feed lie end to end from 0 to its checkpoint, and count every line once."""
    found = []
    rows = connection.query(
        f"SELECT file, offset_from, offset_to, read FROM {JOURNAL}.loads WHERE feed = ? ORDER BY 1, 2, 3",
        (one.number,),
    )
    for file, written in world.lines.items():
        chunks = [row[1:] for row in rows if row[0] == file]
        at = 0
        for begin, end, _ in chunks:
            if begin != at:
                found.append(f"{one.feed.address}: chunks of {file} do not meet at {at}: {begin}")
            at = end
        if at != stands[one.number, file]:
            found.append(f"{one.feed.address}: chunks of {file} end at {at}, not at the checkpoint")
        lines = len(lines_to(world.form, written, at) or ())
        if sum(read for _, _, read in chunks) != lines:
            found.append(f"{one.feed.address}: {file} has {lines} lines to {at}, counted otherwise")
    return found
