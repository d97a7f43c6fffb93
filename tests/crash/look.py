"""The checker outside the system: what is committed against what was acknowledged and what the reference says."""

from collections import defaultdict
from dataclasses import replace

from engagectl import api
from engagectl.journal.applied import AppliedFeed, read_feeds
from engagectl.journal.checkpoints import read_checkpoints
from engagectl.warehouses.contract import Connection
from tests.crash.fork import Say, result
from tests.crash.world import World
from tests.reference.play import Kept, Tables, play
from tests.reference.tables import differences, kept

JOURNAL = "engagectl"


def problems(world: World, acknowledged: list[tuple[str, int]], *, complete: bool) -> list[str]:
    """Return what is wrong. Complete: every feed must have read everything."""

    def look(say: Say) -> list[str]:
        del say
        with api.connected(world.house.project, command="test", read_only=True) as connections:
            (connection,) = connections.values()
            return _look(connection, world, acknowledged, complete=complete)

    return result(look)  # type: ignore[no-any-return]  # the list that look() returns


def _look(connection: Connection, world: World, acknowledged: list[tuple[str, int]], *, complete: bool) -> list[str]:
    feeds = [one for one in read_feeds(connection, JOURNAL) if one.retired_at is None]
    stands: dict[tuple[int, str], int] = defaultdict(int)
    stands |= {(item.feed, item.file): item.offset for item in read_checkpoints(connection, JOURNAL)}
    found = []
    expected = Tables()
    for one in feeds:
        lines = []
        for file in world.lines:
            offset = stands[one.number, file]
            read = (world.root / file).read_bytes()[:offset]
            lines += read.split(b"\n")[:-1]
            if complete and offset != (world.root / file).stat().st_size:
                found.append(f"{one.feed.address} stands at {offset} in {file}, not at its end")
            if read and not read.endswith(b"\n"):
                found.append(f"{one.feed.address} stands within a line of {file}")
        said = play([one.feed], lines)
        for table, rows in said.rows.items():
            expected.rows[table] += rows
        expected.kept |= said.kept
        found += _counts(connection, one, stands, world)
    found += [
        f"{one.feed.address}: {file}:{offset} was acknowledged, the checkpoint is {stands[one.number, file]}"
        for file, offset in acknowledged
        for one in feeds
        if one.feed.kind != "users" and str(one.feed.address) != world.late and stands[one.number, file] < offset
    ]
    found += differences(connection, [one.feed for one in feeds], expected)
    entries, due = _as_named_now(kept(connection)), _as_named_now(expected.kept)
    found += [f"in quarantine but should not be: {entry}" for entry in entries - due]
    found += [f"not in quarantine: {entry}" for entry in due - entries]
    return found


def _as_named_now(entries: set[Kept]) -> set[Kept]:
    """The quarantine tells what happened, under the names of then; CHANGED renames a column and a table."""
    tables, columns = {"default.log": "default.vip_log"}, {"revenue": "income"}
    return {
        replace(one, table=tables.get(one.table, one.table), column=columns.get(one.column, one.column))
        for one in entries
    }


def _counts(connection: Connection, one: AppliedFeed, stands: dict[tuple[int, str], int], world: World) -> list[str]:
    """The journal's chunks of a feed lie end to end from 0 to its checkpoint, and count every line once."""
    found = []
    for file in world.lines:
        chunks = connection.query(
            f"SELECT offset_from, offset_to, read FROM {JOURNAL}.loads WHERE feed = ? AND file = ? ORDER BY 1, 2",
            (one.number, file),
        )
        at = 0
        for begin, end, _ in chunks:
            if begin != at:
                found.append(f"{one.feed.address}: chunks of {file} do not meet at {at}: {begin}")
            at = end
        if at != stands[one.number, file]:
            found.append(f"{one.feed.address}: chunks of {file} end at {at}, not at the checkpoint")
        lines = (world.root / file).read_bytes()[:at].count(b"\n")
        if sum(read for _, _, read in chunks) != lines:
            found.append(f"{one.feed.address}: {file} has {lines} lines to {at}, counted otherwise")
    return found
