"""How far each feed has read each file. A checkpoint moves in the transaction of the rows that it stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engagectl.errors import TransientError
from engagectl.journal.tables import is_current, place
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.words import word

_IDENTITY = word("identity")  # a word that Redshift reserves
_KINDS = {
    "byte_offset": "BIGINT",
    "line": "BIGINT",
    _IDENTITY: "VARCHAR",
    "searched_to": "BIGINT",
    "complete_to": "BIGINT",
    "version": "VARCHAR",
    "feed": "BIGINT",
    "file": "VARCHAR",
}
_ROWS = 200


class CheckpointMoved(TransientError):  # noqa: N818  the names say the problem
    """Another writer moved the checkpoint since it was read; nothing of this chunk is committed."""

    default_code = "EC521"


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """How far a feed's file was searched for the end of a run, and where the last complete run ends."""

    feed: int
    file: str
    searched_to: int
    complete_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`offset` counts bytes (rows of Parquet); `searched_to` is how far the file was searched for the end of a run,
    `complete_to` the end of the last complete one. `version` is that of the file when it was read to its end, as its
    listing had it; "" while there is more, and where a listing does not tell. For a compressed file `searched_to` is
    its size as stored when it was read to its end.
    """

    feed: int
    file: str
    offset: int = 0
    line: int = 0
    identity: str = ""
    searched_to: int = 0
    complete_to: int = 0
    version: str = ""

    @property
    def searched(self) -> Searched:
        return Searched(feed=self.feed, file=self.file, searched_to=self.searched_to, complete_to=self.complete_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """`before` is the offset that was read, None when the feed had no checkpoint in that file."""

    before: int | None
    after: Checkpoint


def read_checkpoints(
    connection: Connection, journal: str, feeds: Sequence[int] | None = None
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of some feeds, or of all; a file nobody has begun has none.

    Raises RefusedError for a journal that an older engagectl wrote: the next apply brings it to today's form.
    """
    if not is_current(connection, journal):
        return ()
    rows = connection.query(
        f"SELECT feed, file, byte_offset, line, {_IDENTITY}, searched_to, complete_to, version"
        f" FROM {place(journal, 'checkpoints')} ORDER BY feed, file"
    )
    wanted = None if feeds is None else set(feeds)
    return tuple(
        Checkpoint(
            feed=int(feed),
            file=file,
            offset=int(offset),
            line=int(line),
            identity=identity,
            searched_to=int(searched_to),
            complete_to=int(complete_to),
            version=version,
        )
        for feed, file, offset, line, identity, searched_to, complete_to, version in rows
        if wanted is None or int(feed) in wanted
    )


def move(connection: Connection, journal: str, moves: Sequence[Move]) -> None:
    """Move checkpoints, each from what was read (None: there was none) to what is committed with this transaction.

    Raises CheckpointMoved when one is not where it was.
    """
    for item in (item for item in moves if item.before is not None):
        after = item.after
        hit = connection.execute(
            f"UPDATE {place(journal, 'checkpoints')} SET byte_offset = ?, line = ?, {_IDENTITY} = ?, searched_to = ?,"
            " complete_to = ?, version = ? WHERE feed = ? AND file = ? AND byte_offset = ?",
            (*_values(after), after.feed, after.file, item.before),
        )
        if hit != 1:
            raise _moved(after)
    begun = [item.after for item in moves if item.before is None]
    for start in range(0, len(begun), _ROWS):
        _begin(connection, journal, begun[start : start + _ROWS])


def _begin(connection: Connection, journal: str, points: Sequence[Checkpoint]) -> None:
    """Write the checkpoints of files that nobody had begun, in one statement: small files come by the hundred."""
    named = ", ".join(f"CAST(? AS {kind}) AS {name}" for name, kind in _KINDS.items())
    rows = " UNION ALL ".join([f"SELECT {named}"] * len(points))  # not every engine takes VALUES for a table
    hit = connection.execute(
        f"INSERT INTO {place(journal, 'checkpoints')} ({', '.join(_KINDS)})"
        f" SELECT {', '.join(f'v.{name}' for name in _KINDS)}"
        f" FROM ({rows}) AS v"
        f" WHERE NOT EXISTS (SELECT 1 FROM {place(journal, 'checkpoints')} AS c"
        " WHERE c.feed = v.feed AND c.file = v.file)",
        [value for point in points for value in (*_values(point), point.feed, point.file)],
    )
    if hit != len(points):
        raise _moved(points[0])


def _values(point: Checkpoint) -> tuple[object, ...]:
    return (point.offset, point.line, point.identity, point.searched_to, point.complete_to, point.version)


def _moved(point: Checkpoint) -> CheckpointMoved:
    return CheckpointMoved(
        f"another process has moved the offset of feed {point.feed} in {point.file}", help="run the sync again"
    )


def forget(connection: Connection, journal: str, feed: int) -> None:
    """Forget how far a feed has read: it begins at 0 again."""
    connection.execute(f"DELETE FROM {place(journal, 'checkpoints')} WHERE feed = ?", (feed,))


def remember_search(connection: Connection, journal: str, found: Sequence[Searched]) -> None:
    """Keep how far files were searched beside the offsets; a feed that has not begun a file stands at 0 in it."""
    known = {(point.feed, point.file): point for point in read_checkpoints(connection, journal)} if found else {}
    for item in found:
        before = known.get((item.feed, item.file))
        if before is None:
            move(
                connection,
                journal,
                [
                    Move(
                        before=None,
                        after=Checkpoint(
                            feed=item.feed,
                            file=item.file,
                            searched_to=item.searched_to,
                            complete_to=item.complete_to,
                        ),
                    )
                ],
            )
        elif (before.searched_to, before.complete_to) != (item.searched_to, item.complete_to):
            connection.execute(
                f"UPDATE {place(journal, 'checkpoints')} SET searched_to = ?, complete_to = ?"
                " WHERE feed = ? AND file = ?",
                (item.searched_to, item.complete_to, item.feed, item.file),
            )


def remember_read(connection: Connection, journal: str, points: Sequence[Checkpoint]) -> None:
    """Keep at which version files were read to their end, where no chunk has said so, and how large they were."""
    connection.execute_many(
        f"UPDATE {place(journal, 'checkpoints')} SET version = ?, searched_to = ?"
        " WHERE feed = ? AND file = ? AND byte_offset = ?",
        [(point.version, point.searched_to, point.feed, point.file, point.offset) for point in points],
    )


def rename_files(connection: Connection, journal: str, feeds: Sequence[int], names: Mapping[str, str]) -> None:
    """Give files (new name -> old name) another name in the checkpoints of feeds, and in what they quarantined."""
    listed = ", ".join(map(str, feeds))
    for after, before in names.items():
        connection.execute(
            f"UPDATE {place(journal, 'checkpoints')} SET file = ? WHERE file = ? AND feed IN ({listed})"
            f" AND feed NOT IN (SELECT feed FROM {place(journal, 'checkpoints')} WHERE file = ?)",
            (after, before, after),
        )
        connection.execute(
            f"UPDATE {place(journal, 'quarantine')} SET file = ? WHERE file = ? AND feed IN (-1, {listed})",
            (after, before),
        )


def forget_files(connection: Connection, journal: str, feeds: Sequence[int], files: Sequence[str]) -> None:
    """Forget how far feeds have read some files: they begin at 0 again in those."""
    connection.execute_many(
        f"DELETE FROM {place(journal, 'checkpoints')} WHERE feed = ? AND file = ?",
        [(feed, file) for feed in feeds for file in files],
    )
