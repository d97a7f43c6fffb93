"""The loop: which feeds read which files from where."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engagectl.config.project import Project
from engagectl.errors import NothingApplied
from engagectl.journal.checkpoints import Checkpoint, Searched, read_checkpoints, remember_search
from engagectl.journal.history import Outcome, Status, finish_sync, record_outcomes, start_sync
from engagectl.journal.names import keep_times
from engagectl.journal.tables import rfc3339
from engagectl.model.address import Address
from engagectl.model.feed import InBody
from engagectl.sync.chunk import Work
from engagectl.sync.due import is_blackout
from engagectl.sync.extend import Addition, Extender, Met
from engagectl.sync.inputs import Chunk, InputFile, chunks, verify
from engagectl.sync.inputs.complete import is_closed
from engagectl.sync.options import Clock, Progress, Silent, SyncOptions
from engagectl.sync.prepare import expire_ids, prepare
from engagectl.sync.ready import Ready, address_in, ready_feeds
from engagectl.sync.report import FeedCounts, LeftOut, SyncReport
from engagectl.sync.sources import source_files
from engagectl.sync.stage import make_stage
from engagectl.sync.taken import take_due
from engagectl.sync.transaction import Writer, commit_chunk
from engagectl.sync.until import Until
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.registry import warehouse

__all__ = ["Progress", "Silent", "SyncOptions", "sync"]


def sync(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    options: SyncOptions,
    clock: Clock,
    progress: Progress,
) -> SyncReport:
    """Load what the inputs hold into the tables of the applied state, warehouse by warehouse."""
    report = SyncReport(sync_id=uuid.uuid4().hex[:12])
    is_applied = False
    for name, connection in connections.items():
        progress.phase(f"sync into {name}")
        is_applied |= _Run(project, name, connection, options, clock, progress, report).run()
    if not is_applied:
        raise NothingApplied("no apply has recorded a feed for this project yet", help="run: engagectl apply")
    return report


@dataclass
class _Run:
    project: Project
    name: str
    connection: Connection
    options: SyncOptions
    clock: Clock
    progress: Progress
    report: SyncReport
    stamp: datetime | None = None
    grown: dict[Work, Work] = field(default_factory=dict)  # feeds as they are now, with columns that sync added
    stopped: set[Work] = field(default_factory=set)

    @property
    def journal(self) -> str:
        return self.project.spec.journal_schema

    def run(self) -> bool:
        """Load every selected feed of this warehouse, those with one place together; tell whether there are feeds."""
        self.connection.lock(self.journal, timeout_s=self.options.lock_timeout_s, holder=Holder(command="sync"))
        ready = ready_feeds(self.project, self.name, self.connection, self.options)
        self.report.left_out += ready.left_out
        works = self._due(ready.works)
        if not works and not ready.left_out:
            return ready.applied
        record = warehouse(self.project.spec.warehouses[self.name].type)
        writer = Writer(
            connection=self.connection,
            loader=record.loader(self.connection, self.journal),
            journal=self.journal,
            sync_id=self.report.sync_id,
            clock=self.clock,
            extender=Extender(self.project, record),
        )
        now = rfc3339(self.clock())
        start_sync(
            self.connection,
            self.journal,
            id=self.report.sync_id,
            project=self.project.spec.project,
            target=self.project.target,
            now=now,
        )
        by_source: dict[tuple[str, str], list[Work]] = {}
        works = prepare(self.connection, writer.loader, self.journal, works, self.options)
        for work in works:
            for table in work.feed.tables if work.feed.kind == "users" else ():
                traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                keep_times(self.connection, record, self.journal, table.name, traits)
            self.report.feeds[self._address(work)] = FeedCounts(self._address(work))
            by_source.setdefault((work.feed.space, work.feed.source), []).append(work)
        try:
            for (space, source), group in by_source.items():
                for file in source_files(self.project, space, source):
                    self._file(file, group, writer)
        except BaseException:
            self._finish(ready, broken=True)
            raise
        expire_ids(self.connection, writer.loader, works)
        self._finish(ready)
        return True

    def _due(self, works: tuple[Work, ...]) -> tuple[Work, ...]:
        """Return what this sync takes: everything, or what is due. What was searched is kept for the next call."""
        now = self.clock()
        if not self.options.due:
            shut = [work.feed.schedule for work in works if is_blackout(work.feed.schedule, now)]
            if shut:
                self.report.warnings.append(f"{self.name} is in a blackout; only sync --due keeps to it")
            return works
        taken = take_due(self.project, self.connection, works, now=now, named=self.options.complete)
        remember_search(self.connection, self.journal, taken.searched)
        self.report.waiting += [self._address(work) for work in taken.waiting]
        return taken.works

    def _finish(self, ready: Ready, *, broken: bool = False) -> None:
        """Write how the sync ended, and how it ended for each feed that it ran or left out."""
        why = {item.address: item.reason for item in self.report.left_out if item.address in ready.numbers}
        outcomes = []
        for address, number in ready.numbers.items():
            if address in why or (broken and address in self.report.feeds):
                ended: Status = "Partial" if self._read(address) else "Failure"
                outcomes.append(Outcome(feed=number, status=ended, notice=why.get(address, "")))
            elif address in self.report.feeds:
                outcomes.append(Outcome(feed=number, status="Success"))
        good = all(outcome.status == "Success" for outcome in outcomes)
        none = all(outcome.status == "Failure" for outcome in outcomes)
        record_outcomes(self.connection, self.journal, sync_id=self.report.sync_id, outcomes=outcomes)
        finish_sync(
            self.connection,
            self.journal,
            id=self.report.sync_id,
            now=rfc3339(self.clock()),
            status="Success" if good else "Failure" if none else "Partial",
            notices="; ".join(f"{address}: {reason}" for address, reason in why.items()),
        )

    def _read(self, address: Address) -> int:
        counts = self.report.feeds.get(address)
        return counts.read if counts is not None else 0

    def _address(self, work: Work) -> Address:
        return address_in(self.name, work.feed)

    def _file(self, file: InputFile, works: list[Work], writer: Writer) -> None:
        """Read one file, once for each place where feeds stand; a feed never reads behind its own offset."""
        if file.format == "parquet":
            self.report.left_out += [
                LeftOut(self._address(work), "EC702", f"{file.key} is Parquet, which engagectl does not read yet")
                for work in works
            ]
            return
        stands = {
            item.feed: item
            for item in read_checkpoints(self.connection, self.journal, [work.number for work in works])
            if item.file == file.key
        }
        places: dict[tuple[int, int, Until], list[Work]] = {}
        whole = Until(closed=is_closed(file, self.options.complete))
        for work in (self.grown.get(work, work) for work in works if work not in self.stopped):
            at = stands.get(work.number)
            if at is not None and (state := verify(file, at.offset, at.identity)) != "same":
                self.report.left_out.append(
                    LeftOut(self._address(work), "EC720", f"{file.key} is {state} since it was read")
                )
                continue
            stand = (at.offset, at.line) if at is not None else (0, 0)
            places.setdefault((*stand, work.until.get(file.key, whole)), []).append(work)
        for (offset, line, until), group in sorted(places.items(), key=lambda item: item[0][0], reverse=True):
            before = {work.number: stands.get(work.number) for work in group}
            for chunk in chunks(
                file,
                offset=offset,
                line=line,
                chunk_bytes=self.options.chunk_bytes,
                until=until.end,
                complete=until.closed,
            ):
                self._chunk(writer, file, chunk, group, before)
                if not group:
                    break
                self.progress.advance(file.key, chunk.end, file.bytes)
            if file.format != "ndjson" and file.bytes is not None:
                remember_search(
                    self.connection,
                    self.journal,
                    [
                        Searched(feed=work.number, file=file.key, searched_to=file.bytes, complete_to=0)
                        for work in group
                    ],
                )

    def _chunk(
        self,
        writer: Writer,
        file: InputFile,
        chunk: Chunk,
        works: list[Work],
        stands: dict[int, Checkpoint | None],
    ) -> None:
        """Load a chunk; what it brings undeclared may add columns to `works`, or leave feeds out, and do it again."""
        additions: tuple[Addition, ...] = ()
        while works:
            stage = make_stage(writer.loader.stage, [work.feed for work in works], file.shape)
            number, uuid_ts = self.report.chunks, self._stamp()
            try:
                done = commit_chunk(
                    writer, stage, file, chunk, works, stands, number=number, uuid_ts=uuid_ts, additions=additions
                )
                break
            except Met as met:
                additions += met.additions
                self._stop(met.failed)
                works[:] = met.extended(works)
        else:
            return
        self.grown.update({work: work for work in works})
        stands.update(done.stands)
        self.report.chunks += 1
        for work, settled in done.settled.items():
            self.report.feeds[self._address(work)].add(settled.counts)
            for item in settled.undeclared:
                self.report.undeclared[f"{item.kind} {item.key}"] += item.messages

    def _stop(self, failed: Mapping[Work, str]) -> None:
        """Leave feeds out from here on: they met what nobody declared, and ask to stop then."""
        self.stopped.update(failed)
        advice = "declare it and apply, or choose another on_undeclared"
        for work, found in failed.items():
            self.report.left_out.append(LeftOut(self._address(work), "EC706", f"undeclared: {found}", advice))

    def _stamp(self) -> str:
        """Return the load stamp of the next chunk: strictly increasing within a sync."""
        now = self.clock()
        self.stamp = now if self.stamp is None or now > self.stamp else self.stamp + timedelta(microseconds=1)
        return rfc3339(self.stamp)
