"""The loop in one warehouse: passes over files, a transaction a chunk, folds of users, and how each feed ended."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.errors import (
    EngagectlError,
    Interrupted,
    StatementError,
    TransientError,
    ValueRefused,
)
from engagectl.failpoint import hit
from engagectl.journal.checkpoints import Checkpoint, forget_files, read_checkpoints, remember_read, rename_files
from engagectl.journal.history import Outcome, Status, finish_sync, later, next_stamp, record_outcomes, start_sync
from engagectl.journal.names import keep_times
from engagectl.journal.quarantine import purge_before
from engagectl.journal.tables import rfc3339
from engagectl.model.address import Address
from engagectl.model.feed import InBody
from engagectl.sync import users
from engagectl.sync.chunk import Work, judge
from engagectl.sync.extend import Addition, Extender, Met
from engagectl.sync.inputs import InputFile, Unreadable, as_relation
from engagectl.sync.inputs.files import STANDARD_INPUT
from engagectl.sync.inputs.shape import shape_of
from engagectl.sync.moved import moved_files
from engagectl.sync.options import Clock, Progress, SyncOptions
from engagectl.sync.places import Pass, Places, passes, share_read
from engagectl.sync.prepare import expire_ids, prepare
from engagectl.sync.quarantine import secrets_of
from engagectl.sync.reading import Lot, Reading
from engagectl.sync.ready import Ready
from engagectl.sync.refused import Doubts
from engagectl.sync.report import FeedCounts, LeftOut, SyncReport
from engagectl.sync.selection import address_in
from engagectl.sync.sources import source_files
from engagectl.sync.stage import load, make_stage, release
from engagectl.sync.transaction import FeedRefused, Piece, Writer, commit_chunk, commit_fold, fold_landed, gather
from engagectl.sync.tries import Tries
from engagectl.warehouses.contract import Connection, Loader, Needs
from engagectl.warehouses.denied import grants_lacking
from engagectl.warehouses.landing import Landing
from engagectl.warehouses.registry import warehouse

# A fold costs the stage a row per identify, as wide as users is: so many cells wait at most.
_CELLS_PER_ROW = 20


class _Yielded(Exception):  # noqa: N818  no error: the sync ends here, and what is committed stays
    """Ends the passes before the inputs are read to their end."""

    def __init__(self, why: str, item: Pass) -> None:
        super().__init__(why)
        self.item = item


@dataclass
class _Waiting:
    """What one users feed has read and not folded yet."""

    pieces: list[Piece] = field(default_factory=list)
    rows: int = 0

    @property
    def size(self) -> int:
        return sum(piece.end - piece.begin for piece in self.pieces)


@dataclass
class Run:
    """A sync into one warehouse. `works` shrinks when a feed is left out on the way."""

    project: Project
    name: str
    connection: Connection
    loader: Loader
    options: SyncOptions
    clock: Clock
    progress: Progress
    report: SyncReport
    ready: Ready
    works: list[Work]
    places: Places = field(default_factory=Places)
    folds: dict[Work, _Waiting] = field(default_factory=dict)
    late: set[Address] = field(default_factory=set)
    ends_at: float | None = None
    stamp: str = ""
    reading: Reading = field(init=False)
    landing: Landing | None = None

    def __post_init__(self) -> None:
        self.reading = Reading(
            self.options, self.places, self.progress, lambda: self.works, self._address, self.report.left_out
        )

    @property
    def journal(self) -> str:
        return self.project.spec.journal_schema

    @property
    def has_secrets(self) -> bool:
        return any(secrets_of(work.feed) for work in self.works)

    @property
    def writer(self) -> Writer:
        return Writer(
            connection=self.connection,
            loader=self.loader,
            journal=self.journal,
            sync_id=self.report.sync_id,
            clock=self.clock,
            extender=Extender(self.project, warehouse(self.project.spec.warehouses[self.name].type)),
        )

    def run(self) -> None:
        """Load every feed of this warehouse, and record how it went."""
        try:
            self._start()
            self._all_passes()
        except BaseException as error:
            with contextlib.suppress(EngagectlError):  # it may be the connection that failed
                self._finish(broken=True)
            if isinstance(error, StatementError) and (lacking := self._lacking(error, self.works)):
                error.help = (*lacking, "run the sync again")
            raise
        remember_read(self.connection, self.journal, list(self._read_to_the_end()))
        expire_ids(self.connection, self.loader, self.works)
        purge_before(self.connection, self.journal, self._kept_from(), [work.number for work in self.works])
        self._finish()

    def _read_to_the_end(self) -> Iterator[Checkpoint]:
        """Yield the checkpoints of files that were read to their end, where no chunk was known to be the last one."""
        for reader, file in self.reading.ended:
            point = self.places.at(reader.work, file) if reader.work in self.works else None
            if point is None or point.offset != reader.offset or point.version == file.version != "":
                continue
            if file.format == "ndjson":
                size, version = point.searched_to, file.version if point.offset == file.bytes else ""
            else:
                size, version = file.bytes or 0, file.version
            if (version, size) != (point.version, point.searched_to):
                yield replace(point, version=version, searched_to=size)

    def _kept_from(self) -> str:
        """Return the time from which on quarantine is kept."""
        return rfc3339(self.clock() - timedelta(seconds=seconds(self.project.spec.quarantine.keep)))

    def _start(self) -> None:
        start_sync(
            self.connection,
            self.journal,
            id=self.report.sync_id,
            project=self.project.spec.project,
            target=self.project.target,
            now=rfc3339(self.clock()),
        )
        hit("sync.started")
        if self.options.stop():
            raise Interrupted("interrupted", help="nothing was loaded yet")
        record = warehouse(self.project.spec.warehouses[self.name].type)
        self.works = list(prepare(self.connection, self.loader, self.journal, tuple(self.works), self.options))
        for work in self.works:
            for table in work.feed.tables if work.feed.kind == "users" else ():
                traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                keep_times(self.connection, record, self.journal, table.name, traits)
            self.report.feeds[self._address(work)] = FeedCounts(self._address(work))
        if self.options.as_new:
            forget_files(self.connection, self.journal, [work.number for work in self.works], self.options.as_new)
        self.places.moved(read_checkpoints(self.connection, self.journal, [work.number for work in self.works]))

    def _finish(self, *, broken: bool = False) -> None:
        """Write how the sync ended, and how it ended for each feed that it ran or left out."""
        why = {item.address: item.reason for item in self.report.left_out if item.address in self.ready.numbers}
        outcomes = []
        for address, number in self.ready.numbers.items():
            if address in why or (broken and address in self.report.feeds):
                ended: Status = "Partial" if self._read(address) else "Failure"
                outcomes.append(Outcome(feed=number, status=ended, notice=why.get(address, "")))
            elif address in self.report.feeds:
                outcomes.append(Outcome(feed=number, status="Partial" if self._is_behind(address) else "Success"))
        good = all(outcome.status == "Success" for outcome in outcomes)
        none = all(outcome.status == "Failure" for outcome in outcomes)
        record_outcomes(self.connection, self.journal, sync_id=self.report.sync_id, outcomes=outcomes)
        finish_sync(
            self.connection,
            self.journal,
            id=self.report.sync_id,
            now=rfc3339(self.clock()),
            status="Success" if good else "Failure" if none else "Partial",
            notices="; ".join([*(f"{address}: {reason}" for address, reason in why.items()), *self.report.unfinished]),
        )
        hit("sync.finished")

    def _read(self, address: Address) -> int:
        counts = self.report.feeds.get(address)
        return counts.read if counts is not None else 0

    def _is_behind(self, address: Address) -> bool:
        """Tell whether the sync ended before this feed was at the end of its inputs."""
        return address in self.late

    def _address(self, work: Work) -> Address:
        return address_in(self.name, work.feed)

    def _all_passes(self) -> None:
        try:
            planned = [
                (group, files, item) for group, files in self._inputs() for item in passes(group, files, self.places)
            ]
            waiting = [file for _, _, item in planned for file in item.files if self.reading.is_left(file, item)]
            self.progress.expect(len(waiting), sum(file.bytes or 0 for file in waiting))
            for catches_up in (False, True):
                for _, _, item in planned:
                    if item.catches_up == catches_up:
                        self._pass(item)
            self._fold_all()
        except _Yielded as end:
            self._fold_all()
            share, left = share_read(end.item.files, end.item.works, self.places)
            self.report.unfinished.append(f"{end}: {share} %, {left:,} files left")

    def _inputs(self) -> Iterator[tuple[list[Work], tuple[InputFile, ...]]]:
        """Yield the feeds that read one input, with its files: an input that sources share is read once for all."""
        groups: dict[tuple[str, ...], list[Work]] = {}
        key: tuple[str, ...]
        for work in self.works:
            given = self.project.spec.spaces[work.feed.space].sources[work.feed.source].input
            if given is not None:
                key = (work.feed.space, work.feed.source) if isinstance(given, InputSpec) else (given,)
                groups.setdefault(key, []).append(work)
        for key, works in groups.items():
            if self.options.standard_input is not None and key == (self.options.standard_input,):
                shape = shape_of(self.project.spec.inputs[self.options.standard_input])
                yield works, (replace(STANDARD_INPUT, shape=shape),)
                continue
            try:
                odd: list[str] = []
                files = source_files(self.project, works[0].feed.space, works[0].feed.source, odd=odd)
                self.report.warnings += [f"{name} is no file: it is passed over" for name in sorted(odd)]
            except Unreadable as error:
                self.reading.unread(works, error)
                continue
            self._take_over(files)
            yield works, files

    def _take_over(self, files: Sequence[InputFile]) -> None:
        """What was read of files that have another name now counts under the new one."""
        names = moved_files(files, self.places.points.values(), root=self.project.root)
        if not names:
            return
        self.connection.begin()
        try:
            rename_files(self.connection, self.journal, self.ready.project_numbers, names)
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise
        self.places.renamed(names)
        self.report.notes += [f"{after} is what was {before}: read on from there" for after, before in names.items()]

    def _pass(self, item: Pass) -> None:
        for lot in self._lots(item):
            if lot.takers:
                self._load(lot)
            for key, done, total in lot.progress():
                self.progress.advance(key, done, total)
            del lot  # the next is read in its place, not beside it
            hit("chunk.told")
            self._look_up(item)

    def _lots(self, item: Pass) -> Iterator[Lot]:
        if self.landing is None:
            return self.reading.lots(item)
        from engagectl.sync.landing.lots import Landings  # with all that plans: 70 ms of the start of every other sync

        return Landings(self.reading, self.connection, self.loader, self.landing).lots(item)

    def _look_up(self, item: Pass) -> None:
        """End between chunks when asked to, when the time is up, or when somebody waits and this only catches up."""
        if self.options.stop():
            self.report.interrupted = True
            why = "stopped"
        elif self.ends_at is not None and monotonic() >= self.ends_at:
            why = "the time is up"
        elif item.catches_up and self.connection.somebody_waits():
            why = "catching up"
        else:
            return
        self.late |= {self._address(work) for work in self.works if item.catches_up <= (work in item.works)}
        raise _Yielded(why, item)

    def _load(self, lot: Lot) -> None:
        """Commit a chunk, and fold users when enough of them wait."""
        self._commit(lot)
        self.report.chunks += 1
        for work, waiting in list(self.folds.items()):
            if self._fill(work, waiting) >= 1 or waiting.size >= self.options.fold_bytes:
                self._fold(work)

    def _fill(self, work: Work, waiting: _Waiting) -> float:
        """Return how many folds what waits is enough for."""
        columns = max(len(table.columns) for table in work.feed.tables)
        return waiting.rows * columns / max(1, self.options.fold_rows * _CELLS_PER_ROW)

    def _commit(self, lot: Lot) -> None:
        """Load a chunk; what it brings undeclared may add columns, or leave feeds out, and it is done again."""
        additions: tuple[Addition, ...] = ()
        number, secret = self.report.chunks, self.has_secrets
        pieces: list[Piece] = []
        is_stored, tries, doubts = False, Tries(self.connection, self.journal, self.options), Doubts()
        while going := [work for work in self.works if any(reader.work == work for reader in lot.takers)]:
            stage = make_stage(self.loader.stage, [work.feed for work in going], lot.parts[0].file.shape)
            try:
                if lot.landed is not None:
                    lot.landed.again()
                hit("chunk.read")
                load(stage, lot.chunk, as_relation(lot.chunk))
                hit("chunk.staged")
                uuid_ts = self._stamp()
                made = judge(stage, going, uuid_ts=uuid_ts, refused=doubts.refused)
                if doubts.error is not None:
                    if not doubts.find(self.writer, stage, made, going):
                        self._give_up(doubts, doubts.error)
                        continue
                    made = judge(stage, going, uuid_ts=uuid_ts, refused=doubts.refused)
                hit("chunk.judged")
                works = [work for work in going if work.feed.kind != "users"]
                if works and not is_stored:
                    commit_chunk(
                        self.writer,
                        stage,
                        lot.chunk,
                        lot.parts,
                        works,
                        made,
                        self.places.at,
                        number=number,
                        secret=secret,
                        uuid_ts=uuid_ts,
                        pieces=pieces,
                        additions=additions,
                        landed=lot.landed,
                    )
                    is_stored = True
                    self._committed(pieces)
                for work in (work for work in going if work.feed.kind == "users"):
                    if lot.landed is not None:
                        fold_landed(self.writer, work, lot.landed, uuid_ts=uuid_ts)
                    waiting = self.folds.setdefault(work, _Waiting())
                    pieces_of, waiting.rows = gather(
                        stage,
                        lot.chunk,
                        lot.parts,
                        work,
                        made[work],
                        self.places.at,
                        number=number,
                        secret=secret,
                        landed=lot.landed,
                    )
                    waiting.pieces += pieces_of
                self._tell(doubts)
                return
            except Met as met:
                additions += met.additions
                self._stop(met.failed)
                self.works = met.extended(self.works)
            except FeedRefused as refused:
                if self.options.dry_run or not doubts.begin(refused.error, [refused.work]):
                    self._refused(refused.work, refused.error)
            except ValueRefused as error:
                if self.options.dry_run or not doubts.begin(error, works):
                    raise
            except TransientError as error:
                is_stored = tries.took_effect(error, pieces)
                if is_stored:
                    self._committed(pieces)
            finally:
                release(stage)

    def _give_up(self, doubts: Doubts, error: ValueRefused) -> None:
        """Leave the feed out that is refused, and for no message alone; it may not be known which feed that is."""
        if len(doubts.works) != 1:
            raise error
        self._refused(doubts.works[0], error)
        doubts.error = None

    def _tell(self, doubts: Doubts) -> None:
        for work in (work for work, lines in doubts.refused.items() if lines):
            text = f"{self._address(work)}: the warehouse does not take some messages: engagectl quarantine list"
            self.report.warnings += [text] if text not in self.report.warnings else []

    def _refused(self, work: Work, error: StatementError) -> None:
        """Leave a feed out from here on: the warehouse did not take what it loads."""
        self.works = [other for other in self.works if other != work]
        advice = "its offset has not moved: see what changed with engagectl plan, and run the sync again"
        if lacking := self._lacking(error, [work]):
            advice = f"its offset has not moved: {'; '.join(lacking)}, and run the sync again"
        self.report.left_out.append(LeftOut(self._address(work), "EC703", error.message, advice))

    def _lacking(self, error: EngagectlError, works: Sequence[Work]) -> tuple[str, ...]:
        """Return the grants that feeds lack, where the error is that one is missing."""
        record = warehouse(self.project.spec.warehouses[self.name].type)
        tables = [(work.feed.kind, table.name) for work in works for table in work.feed.tables]
        needs = Needs(
            tables=tuple(name for _, name in tables),
            merged=frozenset(name for kind, name in tables if kind == "users"),
            roles=("sync",),
        )
        return grants_lacking(error, self.connection, record, self.journal, needs)

    def _stop(self, failed: Mapping[Work, str]) -> None:
        """Leave feeds out from here on: they met what nobody declared, and ask to stop then."""
        advice = "declare it and apply, or choose another on_undeclared"
        for work, found in failed.items():
            self.report.left_out.append(LeftOut(self._address(work), "EC706", f"undeclared: {found}", advice))

    def _fold_all(self) -> None:
        for work in list(self.folds):
            self._fold(work)

    def _fold(self, work: Work) -> None:
        """Fold what a users feed has read; when the warehouse refuses it, the others go on."""
        waiting = self.folds.pop(work)
        parts = max(1, min(round(self._fill(work, waiting)), waiting.rows))
        tries = Tries(self.connection, self.journal, self.options)
        told = waiting.pieces[-1].settled.counts.tables
        before = dict(told)
        try:
            while True:
                try:
                    commit_fold(self.writer, work, waiting.pieces, uuid_ts=self._stamp(), parts=parts)
                    break
                except TransientError as error:
                    if tries.took_effect(error, waiting.pieces):
                        break
                    told.clear()  # the rows count with the try that is committed
                    told.update(before)
        except StatementError as error:
            self._refused(work, error)
            return
        finally:
            users.release(self.loader, work)
        self._committed(waiting.pieces)

    def _committed(self, pieces: Sequence[Piece]) -> None:
        self.report.committed = True
        self.places.moved(piece.after for piece in pieces if not piece.file.is_standard_input)
        for piece in pieces:
            self.report.feeds[self._address(piece.work)].add(piece.settled.counts)
            for item in piece.settled.undeclared:
                self.report.undeclared[f"{item.kind} {item.key}"] += item.messages

    def _stamp(self) -> str:
        """Return the load stamp of the next transaction: strictly increasing, over syncs too."""
        now = rfc3339(self.clock())
        self.stamp = later(self.stamp, now) if self.stamp else next_stamp(self.connection, self.journal, now)
        return self.stamp
