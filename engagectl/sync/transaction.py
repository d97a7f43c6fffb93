"""One chunk x its feeds in one transaction: rows, dedupe, quarantine, counts and checkpoints move together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engagectl.journal.checkpoints import Checkpoint, Move, move
from engagectl.journal.history import Load, record_load
from engagectl.journal.names import times_table
from engagectl.journal.tables import rfc3339
from engagectl.journal.undeclared import count_undeclared
from engagectl.model.feed import Feed, InBody
from engagectl.sync import quarantine
from engagectl.sync.chunk import Settled, Work, deduplicate, judge, settle, store
from engagectl.sync.extend import Addition, Extender
from engagectl.sync.inputs import Chunk, InputFile, as_relation, identity
from engagectl.sync.options import Clock
from engagectl.sync.report import FeedCounts
from engagectl.sync.stage import Stage, load, release
from engagectl.sync.users import Times
from engagectl.warehouses.contract import Connection, Loader


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Where one sync writes, and under which id."""

    connection: Connection
    loader: Loader
    journal: str
    sync_id: str
    clock: Clock
    extender: Extender


@dataclass(frozen=True, slots=True)
class Committed:
    """What a chunk did for each feed, and where the feeds stand in the file now."""

    settled: Mapping[Work, Settled]
    stands: Mapping[int, Checkpoint]


def commit_chunk(
    writer: Writer,
    stage: Stage,
    file: InputFile,
    chunk: Chunk,
    works: Sequence[Work],
    stands: Mapping[int, Checkpoint | None],
    *,
    number: int,
    uuid_ts: str,
    additions: Sequence[Addition] = (),
) -> Committed:
    """Load a chunk for its feeds, all or nothing. `stands` are the checkpoints that were read, `number` the chunk's.

    Raises Met, and nothing is done, when the chunk brings what a feed must be extended for or stops at.
    """
    done: dict[Work, Settled] = {}
    moves: list[Move] = []
    load(stage, chunk, as_relation(chunk))
    known = identity(file, chunk.end)
    writer.connection.begin()
    try:
        writer.extender.write(writer.connection, writer.journal, additions, works)
        made = judge(stage, works, uuid_ts=uuid_ts)
        received_to = _received_to(stage)
        deduplicate(stage, writer.loader, works)
        writer.extender.meet(writer.connection, stage, works)
        quarantine.keep_lines(stage, chunk, secret=any(quarantine.secrets_of(work.feed) for work in works))
        connected = any(work.feed.kind == "connection" for work in works)
        for work in works:
            times = _times(writer.journal, work.feed)
            rows = store(stage, writer.loader, work, made[work], times=times, uuid_ts=uuid_ts)
            settled = settle(stage, chunk, work, made[work], counts_computations=not connected)
            settled.counts.tables += rows
            done[work] = settled
            stood = stands.get(work.number)
            after = Checkpoint(
                feed=work.number,
                file=file.key,
                offset=chunk.end,
                line=chunk.line + chunk.lines,
                identity=known,
                searched_to=0 if stood is None else stood.searched_to,
                complete_to=0 if stood is None else stood.complete_to,
            )
            moves.append(Move(before=None if stood is None else stood.offset, after=after))
            count_undeclared(writer.connection, writer.journal, settled.undeclared)
            record_load(
                writer.connection,
                writer.journal,
                sync_id=writer.sync_id,
                load=_load(work, file, chunk, settled.counts, number, uuid_ts, received_to),
            )
        quarantine.store(
            stage,
            writer.loader,
            journal=writer.journal,
            file=file.key,
            sync_id=writer.sync_id,
            recorded_at=rfc3339(writer.clock()),
        )
        move(writer.connection, writer.journal, moves)
        writer.connection.commit()
    except BaseException:
        writer.connection.rollback()
        writer.loader.forget()
        raise
    finally:
        release(stage)
    return Committed(done, {item.after.feed: item.after for item in moves})


def _received_to(stage: Stage) -> str | None:
    """Return the greatest received_at of the chunk: what the lag of a feed is told by."""
    ((latest,),) = stage.handle.execute(
        "SELECT strftime(max(received_at) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') FROM ec_routed"
    ).fetchall()
    return None if latest is None else str(latest)


def _load(
    work: Work, file: InputFile, chunk: Chunk, counts: FeedCounts, number: int, uuid_ts: str, received_to: str | None
) -> Load:
    return Load(
        chunk=number,
        feed=work.number,
        file=file.key,
        offset_from=chunk.offset,
        offset_to=chunk.end,
        read=counts.read,
        inserted=counts.inserted,
        duplicate=counts.duplicate,
        filtered=dict(counts.filtered),
        quarantined=counts.quarantined,
        cells=counts.cells,
        uuid_ts=uuid_ts,
        received_to=received_to,
        tables={(name.schema, name.table): rows for name, rows in counts.tables.items()},
    )


def _times(journal: str, feed: Feed) -> Times | None:
    if feed.kind != "users":
        return None
    (table,) = feed.tables
    return Times(
        times_table(journal, table.name),
        {c.name: c.name for c in table.columns if isinstance(c.value, InBody)},
    )
