"""The loop: which feeds read which files from where, one transaction per chunk."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.errors import NothingApplied
from engagectl.journal.applied import read_feeds
from engagectl.journal.checkpoints import Checkpoint, Move, move, read_checkpoints
from engagectl.journal.history import Load, Status, finish_sync, record_load, start_sync
from engagectl.journal.names import keep_times, times_table
from engagectl.journal.tables import place, quoted, rfc3339
from engagectl.journal.undeclared import Undeclared, count_undeclared
from engagectl.model.address import Address
from engagectl.model.feed import Feed, InBody
from engagectl.sync.chunk import Settled, Work, deduplicate, judge, settle, store
from engagectl.sync.inputs import Chunk, InputFile, as_relation, chunks, identity, list_files, verify
from engagectl.sync.report import FeedCounts, LeftOut, SyncReport
from engagectl.sync.stage import Stage, load, make_stage
from engagectl.sync.users import Times
from engagectl.warehouses.contract import Connection, Holder, Loader
from engagectl.warehouses.registry import warehouse

Clock = Callable[[], datetime]


class Progress(Protocol):
    def phase(self, text: str) -> None: ...
    def advance(self, file: str, done: int, total: int | None) -> None: ...


class Silent:
    """A progress that shows nothing."""

    def phase(self, text: str) -> None:
        """Say nothing."""

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """`select` are addresses or globs of feeds; none means all."""

    select: Sequence[str] = ()
    chunk_bytes: int = 64 << 20
    lock_timeout_s: float = 10.0


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
    for name, connection in connections.items():
        progress.phase(f"sync into {name}")
        _Run(project, name, connection, options, clock, progress, report).run()
    if not report.feeds and not report.left_out:
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

    def run(self) -> None:
        """Load every selected feed of this warehouse; those with one place in the inputs go together."""
        self.connection.lock(self.journal, timeout_s=self.options.lock_timeout_s, holder=Holder(command="sync"))
        works = self._ready()
        if not works:
            return
        record = warehouse(self.project.spec.warehouses[self.name].type)
        loader = record.loader(self.connection, self.journal)
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
        for work in works:
            for table in work.feed.tables if work.feed.kind == "users" else ():
                traits = [column.name for column in table.columns if isinstance(column.value, InBody)]
                keep_times(self.connection, record, self.journal, table.name, traits)
            self.report.feeds[self._address(work.feed)] = FeedCounts(self._address(work.feed))
            by_source.setdefault((work.feed.space, work.feed.source), []).append(work)
        try:
            for (space, source), group in by_source.items():
                for file in self._files(space, source):
                    self._file(file, group, loader)
        except BaseException:
            self._finish("Partial" if self.report.chunks else "Failure")
            raise
        self._finish("Partial" if self.report.left_out else "Success")

    def _finish(self, status: Status) -> None:
        now = rfc3339(self.clock())
        finish_sync(self.connection, self.journal, id=self.report.sync_id, now=now, status=status)

    def _address(self, feed: Feed) -> Address:
        return replace(feed.address, warehouse=self.name)

    def _ready(self) -> list[Work]:
        works = []
        stored = read_feeds(self.connection, self.journal)
        for applied in stored:
            if applied.feed.project != self.project.spec.project:
                continue
            address = self._address(applied.feed)
            if applied.retired_at is not None or applied.feed.excluded_by:
                continue
            if self.options.select and not any(address.matches(pattern) for pattern in self.options.select):
                continue
            if problem := self._problem(applied.feed):
                self.report.left_out.append(LeftOut(address, "EC702", problem, "run: engagectl plan"))
                continue
            others = [other.feed for other in stored if other.number != applied.number and other.retired_at is None]
            if table := self._foreign_rows(applied.number, applied.feed, others):
                advice = "say whose they are: existing_rows: keep loads beside them"
                message = f"{table} holds rows that this feed did not load"
                self.report.left_out.append(LeftOut(address, "EC711", message, advice))
                continue
            works.append(Work(applied.number, applied.feed))
        return works

    def _foreign_rows(self, number: int, feed: Feed, others: Sequence[Feed]) -> str:
        """Return a table with rows of another writer, when this feed has never read anything and was not told."""
        if feed.existing_rows == "keep" or read_checkpoints(self.connection, self.journal, [number]):
            return ""
        shared = {table.name for other in others for table in other.tables}
        for table in feed.tables:
            stored = f"{quoted(table.name.schema)}.{quoted(table.name.table)}"
            if table.fed and table.name not in shared and self.connection.query(f"SELECT 1 FROM {stored} LIMIT 1"):
                return str(table.name)
        return ""

    def _problem(self, feed: Feed) -> str:
        """Say why a feed cannot load: a table or column is missing, or its source has no input any more."""
        space = self.project.spec.spaces.get(feed.space)
        source = space.sources.get(feed.source) if space is not None else None
        if source is None or source.input is None:
            return f"the YAML names no input for source {feed.source!r} of space {feed.space!r}"
        if feed.on_undeclared in ("add_column", "fail") or feed.existing_rows == "known" or feed.dedupe_window_s:
            return "it asks for on_undeclared add_column or fail, existing_rows known or dedupe_window: not built yet"
        if any(step.name == "hmac_sha256" for t in feed.tables for c in t.columns for step in c.transforms):
            return "it asks for the transform hmac_sha256: not built yet"
        record = warehouse(self.project.spec.warehouses[self.name].type)
        actual = record.catalog(self.connection, sorted({table.name.schema for table in feed.tables}))
        for table in feed.tables:
            found = actual.find(table.name)
            if table.fed and found is None:
                return f"table {table.name} is missing"
            for column in table.columns if found is not None else ():
                if column.fed and found is not None and found.find(column.name) is None:
                    return f"column {table.name}.{column.name} is missing"
        return ""

    def _files(self, space: str, source: str) -> tuple[InputFile, ...]:
        given = self.project.spec.spaces[space].sources[source].input
        if given is None:
            return ()
        spec = given if isinstance(given, InputSpec) else self.project.spec.inputs[given]
        return list_files(spec.files, root=self.project.root)

    def _file(self, file: InputFile, works: list[Work], loader: Loader) -> None:
        """Read one file, once for each place where feeds stand; a feed never reads behind its own offset."""
        if file.format == "parquet":
            self.report.left_out += [
                LeftOut(self._address(work.feed), "EC702", f"{file.key} is Parquet, which engagectl does not read yet")
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
                    LeftOut(self._address(work.feed), "EC720", f"{file.key} is {state} since it was read")
                )
                continue
            places.setdefault((at.offset, at.line) if at is not None else (0, 0), []).append(work)
        for (offset, line), group in sorted(places.items(), reverse=True):
            stage = make_stage(loader.stage, [work.feed for work in group])
            before = {work.number: stands.get(work.number) for work in group}
            for chunk in chunks(file, offset=offset, line=line, chunk_bytes=self.options.chunk_bytes):
                self._chunk(stage, loader, file, chunk, group, before)
                self.progress.advance(file.key, chunk.end, file.bytes)

    def _chunk(
        self,
        stage: Stage,
        loader: Loader,
        file: InputFile,
        chunk: Chunk,
        works: list[Work],
        before: dict[int, Checkpoint | None],
    ) -> None:
        uuid_ts = self._stamp()
        load(stage, chunk, as_relation(chunk))
        known = identity(file, chunk.end)
        done: dict[Work, Settled] = {}
        moved = {}
        self.connection.begin()
        try:
            made = judge(stage, works, uuid_ts=uuid_ts)
            deduplicate(stage, loader, works)
            for work in works:
                rows = store(stage, loader, work, made[work], times=self._times(work.feed), uuid_ts=uuid_ts)
                settled = settle(stage, chunk, work, made[work], extra=len(chunk.overlong))
                settled.counts.tables += rows
                done[work] = settled
                moved[work.number] = Checkpoint(
                    feed=work.number, file=file.key, offset=chunk.end, line=chunk.line + chunk.lines, identity=known
                )
                self._keep(work, file, settled)
                record_load(
                    self.connection,
                    self.journal,
                    sync_id=self.report.sync_id,
                    load=self._load(work, file, chunk, settled.counts, uuid_ts),
                )
            stood = {number: None if at is None else at.offset for number, at in before.items()}
            moves = [Move(before=stood[number], after=after) for number, after in moved.items()]
            move(self.connection, self.journal, moves)
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            loader.forget()
            raise
        before.update(moved)
        self.report.chunks += 1
        for work, settled in done.items():
            self.report.feeds[self._address(work.feed)].add(settled.counts)
            for item in settled.undeclared:
                self.report.undeclared[item.key] += item.count

    def _keep(self, work: Work, file: InputFile, settled: Settled) -> None:
        """Write what could not be stored, and the counts of undeclared keys, with the chunk."""
        at = rfc3339(self.clock())
        rows = []
        for item in settled.quarantined:
            schema, _, table = item.table.partition(".")
            content = item.sha256 if item.text is None else item.text
            kind = "sha256" if item.text is None else ("text" if item.column else "line")
            place_of = (item.reason, file.key, item.offset, item.line)
            rows.append((work.number, item.message, schema, table, item.column, *place_of, content, kind, at))
        if rows:
            self.connection.execute_many(
                f"INSERT INTO {place(self.journal, 'quarantine')} (feed, message_id, schema_name, table_name,"
                " column_name, reason, file, line_offset, line, content, content_kind, recorded_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        count_undeclared(
            self.connection,
            self.journal,
            [
                Undeclared(
                    feed=work.number,
                    kind="property",
                    key=item.key,
                    types=item.json_type,
                    messages=item.count,
                    first_at=at,
                    last_at=at,
                )
                for item in settled.undeclared
            ],
        )

    def _load(self, work: Work, file: InputFile, chunk: Chunk, counts: FeedCounts, uuid_ts: str) -> Load:
        return Load(
            chunk=self.report.chunks,
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
            tables={(name.schema, name.table): rows for name, rows in counts.tables.items()},
        )

    def _times(self, feed: Feed) -> Times | None:
        if feed.kind != "users":
            return None
        (table,) = feed.tables
        return Times(
            times_table(self.journal, table.name),
            {c.name: c.name for c in table.columns if isinstance(c.value, InBody)},
        )

    def _stamp(self) -> str:
        """Return the load stamp of the next chunk: strictly increasing within a sync."""
        now = self.clock()
        self.stamp = now if self.stamp is None or now > self.stamp else self.stamp + timedelta(microseconds=1)
        return rfc3339(self.stamp)
