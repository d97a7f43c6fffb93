"""What moves together: one chunk of the connections and activations, or one fold of users, each in a transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engagectl.errors import StatementError
from engagectl.failpoint import hit
from engagectl.journal.checkpoints import Checkpoint, Move, move
from engagectl.journal.history import Load, record_loads
from engagectl.journal.names import times_table
from engagectl.journal.quarantine import QUARANTINE
from engagectl.journal.tables import rfc3339
from engagectl.journal.undeclared import count_undeclared
from engagectl.model.feed import Feed, InBody
from engagectl.model.schema import TableName
from engagectl.sync import quarantine, users
from engagectl.sync.chunk import Cells, Settled, Work, settle, split, store
from engagectl.sync.dedupe import deduplicate
from engagectl.sync.extend import Addition, Extender
from engagectl.sync.inputs import Chunk, InputFile
from engagectl.sync.inputs.joined import Part
from engagectl.sync.options import Clock
from engagectl.sync.report import FeedCounts
from engagectl.sync.stage import Stage
from engagectl.sync.users import Times
from engagectl.warehouses.contract import Connection, Loader

if TYPE_CHECKING:
    from engagectl.sync.landing.landed import Landed

Stands = Callable[[Work, InputFile], Checkpoint | None]
"""Where a feed stands in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Where one sync writes, and under which id."""

    connection: Connection
    loader: Loader
    journal: str
    sync_id: str
    clock: Clock
    extender: Extender


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one chunk did for one feed. `before` is the checkpoint that it stood at, `after` where it stands then: the
    same where it was read again.
    """

    work: Work
    file: InputFile
    number: int  # of the chunk, within the sync
    begin: int
    end: int
    settled: Settled
    received_to: str | None
    before: Checkpoint | None
    after: Checkpoint

    @property
    def is_again(self) -> bool:
        """Tell whether its bytes were read before; standard input has no place at all."""
        return self.file.is_standard_input or (self.before is not None and self.end <= self.before.offset)


class FeedRefused(Exception):  # noqa: N818  no error of its own: the chunk is done again without the feed
    """The warehouse refused what one feed loads; the others may go on."""

    def __init__(self, work: Work, error: StatementError) -> None:
        super().__init__()
        self.work = work
        self.error = error


def commit_chunk(
    writer: Writer,
    stage: Stage,
    chunk: Chunk,
    parts: Sequence[Part],
    works: Sequence[Work],
    made: Mapping[Work, Cells],
    stands: Stands,
    *,
    number: int,
    secret: bool,
    uuid_ts: str,
    pieces: list[Piece],
    additions: Sequence[Addition] = (),
    landed: "Landed | None" = None,
) -> None:
    """Load a judged chunk for its connections and activations, all or nothing; `pieces` gets what it did for each.

    Raises Met, and nothing is done, when the chunk brings what a feed must be extended for or stops at, and FeedRefused
    when the warehouse does not take the rows of one feed. What it has `landed` beside the chunk goes with it.
    """
    pieces.clear()
    writer.extender.make_before(writer.connection, additions)
    with _transaction(writer, works):
        hit("chunk.begun")
        writer.extender.write(writer.connection, writer.journal, additions, works)
        quarantine.begin_parts(stage, parts)
        deduplicate(stage, writer.loader, works)
        if landed is not None:
            landed.remember(works)
        hit("chunk.remembered")
        writer.extender.meet(writer.connection, stage, works)
        quarantine.keep_lines(stage, chunk, secret=secret)
        is_counted = any(work.feed.kind == "connection" for work in works)
        for work in works:
            try:
                rows = store(writer.loader, work, made[work])
                if landed is not None:
                    rows += landed.store(work, uuid_ts)
            except StatementError as error:
                raise FeedRefused(work, error) from error
            hit("chunk.stored")
            settled = settle(stage, chunk, work, made[work], counts_computations=not is_counted)
            settled.counts.tables += rows
            if landed is not None:
                settled.undeclared += landed.undeclared(work, counts_computations=not is_counted)
            pieces += _pieces(stage, work, parts, settled, stands, number=number, landed=landed)
        _keep(writer, quarantine.locate(stage, parts) if landed is None else landed.locate())
        hit("chunk.quarantined")
        _record(writer, pieces, uuid_ts=uuid_ts)
        hit("chunk.before_commit")
    hit("chunk.committed")


def gather(
    stage: Stage,
    chunk: Chunk,
    parts: Sequence[Part],
    work: Work,
    made: Cells,
    stands: Stands,
    *,
    number: int,
    secret: bool,
    landed: "Landed | None" = None,
) -> tuple[list[Piece], int]:
    """Put a judged chunk's identifies aside for the fold of one users feed; return also how many wait now."""
    quarantine.begin(stage)
    quarantine.begin_parts(stage, parts)
    quarantine.keep_lines(stage, chunk, secret=secret)
    settled = settle(stage, chunk, work, made)
    if landed is None:
        quarantine.locate(stage, parts)
    else:
        landed.locate()
    quarantine.put_aside(stage, users.kept(work))
    waiting = 0
    for table, cells in made.items():
        waiting = users.gather(stage, work, cells, work.cells_of(table))
    return _pieces(stage, work, parts, settled, stands, number=number, landed=landed), waiting


def fold_landed(writer: Writer, work: Work, landed: "Landed", *, uuid_ts: str) -> None:
    """Fold into users what the warehouse judges itself. Offsets move with the rest of the batch: until then it
    may be folded again, and nothing changes.
    """
    with _transaction(writer, [work]):
        landed.fold(work, users.fold_of(work, _times(writer.journal, work.feed), uuid_ts=uuid_ts))


def commit_fold(writer: Writer, work: Work, pieces: Sequence[Piece], *, uuid_ts: str, parts: int = 1) -> int:
    """Fold what waits into users and move the feed's offsets in every file that it covers.

    After a crash before it the same bytes are read again for this feed alone: the fold is a pure maximum. So of several
    parts each has a transaction, and the last moves the offsets.
    """
    (table,) = work.feed.tables
    times, rows = _times(writer.journal, work.feed), 0
    for number in range(parts - 1 if table.fed else 0):
        with _transaction(writer, [work]):
            rows += users.fold(writer.loader, work, times, uuid_ts=uuid_ts, part=(number, parts))
    with _transaction(writer, [work]):
        hit("users.begun")
        if table.fed:
            rows += users.fold(writer.loader, work, times, uuid_ts=uuid_ts, part=(parts - 1, parts))
        hit("users.folded")
        pieces[-1].settled.counts.tables[table.name] += rows
        _keep(writer, users.kept(work))
        _record(writer, pieces, uuid_ts=uuid_ts)
        hit("users.before_commit")
    hit("users.committed")
    return rows


@contextmanager
def _transaction(writer: Writer, works: Sequence[Work]) -> Iterator[None]:
    writer.loader.ready(widest(works))
    writer.connection.begin()
    try:
        yield
        writer.connection.commit()
    except BaseException:
        writer.connection.rollback()
        writer.loader.forget()
        raise


def widest(works: Sequence[Work]) -> int:
    """Return how many columns a row has at most that is sent for these feeds: a fold sends a time beside each value."""
    return max(len(QUARANTINE.columns), *(2 * len(table.columns) + 4 for work in works for table in work.feed.tables))


def _pieces(
    stage: Stage,
    work: Work,
    parts: Sequence[Part],
    settled: Settled,
    stands: Stands,
    *,
    number: int,
    landed: "Landed | None" = None,
) -> list[Piece]:
    """Return what a chunk did for a feed, a piece for each file that it holds."""
    received_to = _received_to(stage) if landed is None else landed.received_to(work, _received_to(stage))
    found = []
    for part, done in zip(parts, split(stage, work, settled, parts), strict=True):
        if landed is not None:
            done.counts.add(landed.of(work, part.file))
        before = stands(work, part.file)
        stood = before or Checkpoint(feed=work.number, file=part.file.key)
        after = replace(
            stood,
            offset=part.end,
            line=part.line,
            identity=part.identity,
            version=part.file.version if part.is_last else "",
            searched_to=part.file.bytes or 0 if part.is_last and part.file.format != "ndjson" else stood.searched_to,
        )
        found.append(
            Piece(
                work=work,
                file=part.file,
                number=number,
                begin=part.begin,
                end=part.end,
                settled=done,
                received_to=received_to,
                before=before,
                after=stood if part.end <= stood.offset else after,
            )
        )
    return found


def _received_to(stage: Stage) -> str | None:
    """Return the greatest received_at of the chunk: what the lag of a feed is told by."""
    ((latest,),) = stage.handle.execute(
        "SELECT strftime(max(received_at) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') FROM ec_message"
    ).fetchall()
    return None if latest is None else str(latest)


def _record(writer: Writer, pieces: Sequence[Piece], *, uuid_ts: str) -> None:
    """Write the counts, and where the feeds stand now."""
    for piece in pieces:
        if piece.file.is_standard_input or not piece.is_again:
            count_undeclared(writer.connection, writer.journal, piece.settled.undeclared)
    loads = [_load(piece, uuid_ts) for piece in pieces]
    record_loads(writer.connection, writer.journal, sync_id=writer.sync_id, loads=loads)
    hit("checkpoint.counted")
    moves: dict[tuple[int, str], Move] = {}
    for piece in (piece for piece in pieces if not piece.is_again):
        key = (piece.after.feed, piece.after.file)
        first = moves.get(key)
        stood = first.before if first else (None if piece.before is None else piece.before.offset)
        moves[key] = Move(before=stood, after=piece.after)
    move(writer.connection, writer.journal, list(moves.values()))
    hit("checkpoint.moved")


def _keep(writer: Writer, staged: str) -> None:
    """Write what could not be stored."""
    quarantine.store(
        writer.loader,
        staged,
        journal=writer.journal,
        sync_id=writer.sync_id,
        recorded_at=rfc3339(writer.clock()),
        content_bytes=writer.extender.record.limits.text_bytes,
    )


def _load(piece: Piece, uuid_ts: str) -> Load:
    counts: FeedCounts = piece.settled.counts
    tables: Mapping[TableName, int] = counts.tables
    return Load(
        chunk=piece.number,
        feed=piece.work.number,
        file=piece.file.key,
        offset_from=piece.begin,
        offset_to=piece.end,
        read=counts.read,
        inserted=counts.inserted,
        duplicate=counts.duplicate,
        filtered=dict(counts.filtered),
        quarantined=counts.quarantined,
        cells=counts.cells,
        uuid_ts=uuid_ts,
        received_to=piece.received_to,
        tables={(name.schema, name.table): rows for name, rows in tables.items()},
    )


def _times(journal: str, feed: Feed) -> Times:
    (table,) = feed.tables
    return Times(
        times_table(journal, table.name),
        {c.name: c.name for c in table.columns if isinstance(c.value, InBody)},
    )
