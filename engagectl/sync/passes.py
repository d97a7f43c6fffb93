"""The loop: which feeds read which files from where."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.errors import NothingApplied
from engagectl.journal.checkpoints import Checkpoint, read_checkpoints
from engagectl.journal.history import Status, finish_sync, start_sync
from engagectl.journal.names import keep_times
from engagectl.journal.tables import rfc3339
from engagectl.model.address import Address
from engagectl.model.feed import InBody
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import Chunk, InputFile, chunks, input_files, verify
from engagectl.sync.options import Clock, Progress, Silent, SyncOptions
from engagectl.sync.ready import address_in, ready_feeds
from engagectl.sync.report import FeedCounts, LeftOut, SyncReport
from engagectl.sync.stage import Stage, make_stage
from engagectl.sync.transaction import Writer, commit_chunk
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

    @property
    def journal(self) -> str:
        return self.project.spec.journal_schema

    def run(self) -> bool:
        """Load every selected feed of this warehouse, those with one place together; tell whether there are feeds."""
        self.connection.lock(self.journal, timeout_s=self.options.lock_timeout_s, holder=Holder(command="sync"))
        ready = ready_feeds(self.project, self.name, self.connection, self.options)
        self.report.left_out += ready.left_out
        if not ready.works:
            return ready.applied
        record = warehouse(self.project.spec.warehouses[self.name].type)
        writer = Writer(
            connection=self.connection,
            loader=record.loader(self.connection, self.journal),
            journal=self.journal,
            sync_id=self.report.sync_id,
            clock=self.clock,
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
        for work in ready.works:
            for table in work.feed.tables if work.feed.kind == "users" else ():
                traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                keep_times(self.connection, record, self.journal, table.name, traits)
            self.report.feeds[self._address(work)] = FeedCounts(self._address(work))
            by_source.setdefault((work.feed.space, work.feed.source), []).append(work)
        try:
            for (space, source), group in by_source.items():
                for file in self._files(space, source):
                    self._file(file, group, writer)
        except BaseException:
            self._finish("Partial" if self.report.chunks else "Failure")
            raise
        self._finish("Partial" if self.report.left_out else "Success")
        return True

    def _finish(self, status: Status) -> None:
        now = rfc3339(self.clock())
        finish_sync(self.connection, self.journal, id=self.report.sync_id, now=now, status=status)

    def _address(self, work: Work) -> Address:
        return address_in(self.name, work.feed)

    def _files(self, space: str, source: str) -> tuple[InputFile, ...]:
        given = self.project.spec.spaces[space].sources[source].input
        if given is None:
            return ()
        spec = given if isinstance(given, InputSpec) else self.project.spec.inputs[given]
        return input_files(spec, root=self.project.root)

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
        places: dict[tuple[int, int], list[Work]] = {}
        for work in works:
            at = stands.get(work.number)
            if at is not None and (state := verify(file, at.offset, at.identity)) != "same":
                self.report.left_out.append(
                    LeftOut(self._address(work), "EC720", f"{file.key} is {state} since it was read")
                )
                continue
            places.setdefault((at.offset, at.line) if at is not None else (0, 0), []).append(work)
        for (offset, line), group in sorted(places.items(), reverse=True):
            stage = make_stage(writer.loader.stage, [work.feed for work in group], file.shape)
            before = {work.number: stands.get(work.number) for work in group}
            for chunk in chunks(file, offset=offset, line=line, chunk_bytes=self.options.chunk_bytes):
                self._chunk(writer, stage, file, chunk, group, before)
                self.progress.advance(file.key, chunk.end, file.bytes)

    def _chunk(
        self,
        writer: Writer,
        stage: Stage,
        file: InputFile,
        chunk: Chunk,
        works: list[Work],
        stands: dict[int, Checkpoint | None],
    ) -> None:
        done = commit_chunk(writer, stage, file, chunk, works, stands, number=self.report.chunks, uuid_ts=self._stamp())
        stands.update(done.stands)
        self.report.chunks += 1
        for work, settled in done.settled.items():
            self.report.feeds[self._address(work)].add(settled.counts)
            for item in settled.undeclared:
                self.report.undeclared[f"{item.kind} {item.key}"] += item.messages

    def _stamp(self) -> str:
        """Return the load stamp of the next chunk: strictly increasing within a sync."""
        now = self.clock()
        self.stamp = now if self.stamp is None or now > self.stamp else self.stamp + timedelta(microseconds=1)
        return rfc3339(self.stamp)
