"""Quarantine -> tables: what became storable is put back exactly once, and its entry is forgotten with it.

A message kept whole is judged again by the applied state of now; a value goes into its row where that is still empty.
Where the journal has only a hash, the input is read again at file and offset, while it is the file that was read.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from engagectl.config.project import Project
from engagectl.errors import ValueRefused
from engagectl.failpoint import hit
from engagectl.journal.applied import read_feeds
from engagectl.journal.checkpoints import Checkpoint, read_checkpoints
from engagectl.journal.names import times_table
from engagectl.journal.quarantine import LINE_FEED, QuarantineEntry, Selection, forget, list_entries
from engagectl.journal.tables import has_journal, rfc3339
from engagectl.model.column_type import Json
from engagectl.model.feed import AtPath, FeedColumn, FeedTable, InBody
from engagectl.model.names import stored_name
from engagectl.sync import users
from engagectl.sync.chunk import Work, judge, store
from engagectl.sync.dedupe import deduplicate
from engagectl.sync.inputs import InputFile, as_relation, verify
from engagectl.sync.inputs.lines import chunk_of, read_line
from engagectl.sync.keys import key_problem, stage_keys
from engagectl.sync.options import Clock, SyncOptions
from engagectl.sync.route import Cell, retyped
from engagectl.sync.selection import address_in, is_named
from engagectl.sync.sources import source_files
from engagectl.sync.sql.quoting import ident
from engagectl.sync.stage import load, make_stage, release
from engagectl.sync.transaction import widest
from engagectl.sync.users import Times
from engagectl.warehouses.contract import Connection, Holder, Loader, UsersFold
from engagectl.warehouses.registry import warehouse

_BATCH = 5_000
_Entries = Sequence[tuple[QuarantineEntry, str]]
_WAITING = "ec_waiting"
_FILL = "ec_fill"
_RANKS = "ec_ranks"


@dataclass
class Replayed:
    """What a replay did: entries put back (messages and values), entries that stay, and why some were not tried."""

    messages: int = 0
    values: int = 0
    left: int = 0
    unreadable: int = 0
    notes: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, object]:
        return {
            "messages": self.messages,
            "values": self.values,
            "left": self.left,
            "unreadable": self.unreadable,
            "notes": self.notes,
        }

    def as_text(self) -> str:
        lines = [f"{self.messages:,} messages and {self.values:,} values put back, {self.left:,} entries stay"]
        if self.unreadable:
            lines.append(f"{self.unreadable:,} of them are kept as a hash, and their input is not there as it was read")
        return "\n".join([*lines, *self.notes])


def replay(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    selection: Selection,
    options: SyncOptions,
    clock: Clock,
) -> Replayed:
    """Put back what is storable now, feed by feed; `options.select` are feeds as sync takes them."""
    done = Replayed()
    journal = project.spec.journal_schema
    for name, connection in connections.items():
        if not has_journal(connection, journal):
            continue
        connection.lock(journal, timeout_s=options.lock_timeout_s, holder=Holder(command="quarantine replay"))
        loader = warehouse(project.spec.warehouses[name].type).loader(connection, journal)
        stage_keys(loader.stage, options.keys)
        for applied in read_feeds(connection, journal, project=project.spec.project):
            address = address_in(name, applied.feed)
            if options.select and not is_named(name, applied.feed, options.select):
                continue
            if applied.retired_at is not None:
                continue
            if problem := key_problem(applied.feed, options.keys):
                done.notes.append(f"{address} is left out: {problem}")
                continue
            work = Work(applied.number, applied.feed)
            _Replay(project, connection, loader, journal, work, selection, clock, done).run()
    return done


@dataclass
class _Replay:
    project: Project
    connection: Connection
    loader: Loader
    journal: str
    work: Work
    selection: Selection
    clock: Clock
    done: Replayed

    def run(self) -> None:
        only = Selection(feeds=[self.work.number], reason=self.selection.reason, entry=self.selection.entry)
        entries = [
            entry
            for entry in list_entries(
                self.connection,
                self.journal,
                project=self.project.spec.project,
                limit=1 << 31,
                selection=only,
            )
            if entry.number != LINE_FEED
        ]
        if not entries:
            return
        texts = self._texts(entries)
        messages = [(entry, texts[entry.entry]) for entry in entries if not entry.column and entry.entry in texts]
        for start in range(0, len(messages), _BATCH):
            self._taken(self._messages, messages[start : start + _BATCH])
        groups: dict[tuple[str, str], list[tuple[QuarantineEntry, str]]] = {}
        for entry in entries:
            if entry.column and entry.entry in texts:
                groups.setdefault((entry.table, entry.column), []).append((entry, texts[entry.entry]))
        for (table, column), values in groups.items():
            self._taken(partial(self._values, table, column), values)
        self.done.left += len(entries)

    def _taken(self, put: Callable[[_Entries], None], entries: _Entries) -> None:
        """Put entries back, those that the warehouse takes: what it still refuses stays."""
        try:
            put(entries)
        except ValueRefused:
            half = len(entries) // 2
            for some in (entries[:half], entries[half:]) if half else ():
                self._taken(put, some)

    def _texts(self, entries: Sequence[QuarantineEntry]) -> dict[str, str]:
        """Return the message or the value of each entry that can still be had."""
        texts = {entry.entry: entry.content for entry in entries if entry.content_kind in ("json", "text")}
        hashed = [entry for entry in entries if entry.entry not in texts]
        lines = self._lines(hashed)
        self.done.unreadable += len(hashed) - len(lines)
        texts |= {
            entry.entry: lines[entry.entry].decode() for entry in hashed if not entry.column and entry.entry in lines
        }
        cells = [(entry, lines[entry.entry]) for entry in hashed if entry.column and entry.entry in lines]
        for start in range(0, len(cells), _BATCH):
            texts |= self._sent(cells[start : start + _BATCH])
        return texts

    def _lines(self, entries: Iterable[QuarantineEntry]) -> dict[str, bytes]:
        """Read the lines of entries again, of files that are what this feed has read."""
        feed = self.work.feed
        files = {file.key: file for file in source_files(self.project, feed.space, feed.source)}
        points = {point.file: point for point in read_checkpoints(self.connection, self.journal, [self.work.number])}
        good: dict[str, bool] = {}
        found = {}
        for entry in entries:
            file, point = files.get(entry.file), points.get(entry.file)
            if file is None or point is None:
                continue
            if entry.file not in good:
                good[entry.file] = _is_same(file, point)
            if good[entry.file] and entry.offset < point.offset:
                found[entry.entry] = read_line(file, entry.offset)
        return found

    def _sent(self, entries: Sequence[tuple[QuarantineEntry, bytes]]) -> dict[str, str]:
        """Return what stands in the messages for the columns of entries that are kept as a hash."""
        stage = make_stage(self.loader.stage, [self.work.feed])
        load(stage, chunk := chunk_of([line for _, line in entries]), as_relation(chunk))
        try:
            made = judge(stage, [self.work], uuid_ts=rfc3339(self.clock()))[self.work]
            texts: dict[str, str] = {}
            for table, parts in made.items():
                for cell in parts:
                    numbers = [n for n, (entry, _) in enumerate(entries) if _is_of(entry, table, cell)]
                    if numbers and cell.sent is not None:
                        rows = stage.handle.execute(
                            f"SELECT line_no, {cell.sent} FROM ec_routed"
                            f" WHERE line_no IN ({', '.join(map(str, numbers))})"
                        ).fetchall()
                        texts |= {entries[n][0].entry: text for n, text in rows if text is not None}
            return texts
        finally:
            release(stage)

    def _messages(self, messages: _Entries) -> None:
        feed = self.work.feed
        shapes = [file.shape for file in source_files(self.project, feed.space, feed.source)]
        stage = make_stage(self.loader.stage, [feed], *shapes[:1])
        load(stage, chunk := chunk_of([text.encode() for _, text in messages]), as_relation(chunk))
        uuid_ts = rfc3339(self.clock())
        self.loader.ready(widest([self.work]))
        self.connection.begin()
        try:
            made = judge(stage, [self.work], uuid_ts=uuid_ts)[self.work]
            if feed.kind == "users":
                for table, parts in made.items():
                    if users.gather(stage, self.work, parts, self.work.cells_of(table)):
                        users.fold(self.loader, self.work, self._times(table), uuid_ts=uuid_ts)
            else:
                deduplicate(stage, self.loader, [self.work])
                store(self.loader, self.work, made)
            rows = stage.handle.execute(
                f"SELECT line_no FROM {self.work.outcomes} WHERE outcome IN ('load', 'duplicate')"
            ).fetchall()
            hit("replay.stored")
            forget(self.connection, self.journal, [messages[n][0].entry for (n,) in rows])
            hit("replay.before_commit")
            self.connection.commit()
            hit("replay.committed")
        except BaseException:
            self.connection.rollback()
            self.loader.forget()
            raise
        finally:
            users.release(self.loader, self.work)
            release(stage)
        self.done.messages += len(rows)
        self.done.left -= len(rows)

    def _values(self, table: str, column: str, values: _Entries) -> None:
        """Put values into the columns that take them, each into its row, where nothing is."""
        goals = [
            (of, one)
            for of in self.work.feed.tables
            for one in of.columns
            if of.fed
            and one.fed
            and (_takes(one, column) if not table else (str(of.name), one.name) == (table, column))
        ]
        if not goals:
            return
        run = self.loader.stage.execute
        self.loader.ready(widest([self.work]))
        self.connection.begin()
        try:
            put: set[str] = set()
            for of, one in goals:
                rows = [
                    {"e": entry.entry, "r": entry.row_id, "a": entry.happened_at, "v": text} for entry, text in values
                ]
                run(
                    f"CREATE OR REPLACE TEMP TABLE {_WAITING} AS SELECT x.e, x.r, x.v,"
                    " CAST(nullif(x.a, '') AS TIMESTAMPTZ) AS a FROM (SELECT unnest(from_json(CAST(? AS JSON),"
                    ' \'[{"e":"VARCHAR","r":"VARCHAR","a":"VARCHAR","v":"VARCHAR"}]\')) AS x)',
                    [json.dumps(rows)],
                ).fetchall()
                run(
                    f"CREATE OR REPLACE TEMP TABLE {_FILL} AS SELECT * FROM (SELECT e, r AS id, a,"
                    f" {retyped(self.work.feed, one, 'v')} AS value FROM {_WAITING}) WHERE value IS NOT NULL"
                ).fetchall()
                put |= {str(row[0]) for row in run(f"SELECT e FROM {_FILL}").fetchall()}
                if of.role == "users":
                    self._fold(of, one)
                else:
                    newest = f"SELECT id, arg_max(value, a) AS value FROM {_FILL} GROUP BY id"
                    self.loader.fill(of.name, (one.name, one.stored), newest)
            hit("replay.stored")
            forget(self.connection, self.journal, sorted(put))
            hit("replay.before_commit")
            self.connection.commit()
            hit("replay.committed")
        except BaseException:
            self.connection.rollback()
            self.loader.forget()
            raise
        self.done.values += len(put)
        self.done.left -= len(put)

    def _fold(self, table: FeedTable, column: FeedColumn) -> None:
        """Fold values into users at the time at which they happened."""
        at, order, ranked = ident(f"at:{column.name}"), "(a, value)", _FILL
        if isinstance(column.stored, Json):
            users.rank_documents(self.loader, _RANKS, f"SELECT DISTINCT value FROM {_FILL}")
            order, ranked = "(a, rank, value)", f"{_FILL} JOIN {_RANKS} ON text = value"
        self.loader.stage.execute(
            f"CREATE OR REPLACE TEMP TABLE ec_users AS SELECT id, CAST(NULL AS TIMESTAMPTZ) AS received_at,"
            f' max(a) AS "timestamp", arg_max(value, {order}) AS {ident(column.name)}, max(a) AS {at}'
            f" FROM {ranked} WHERE a IS NOT NULL GROUP BY id"
        ).fetchall()
        self.loader.fold_users(
            UsersFold(
                users=table.name,
                times=self._times(table).table,
                delta="ec_users",
                traits=((column.name, column.name, column.stored),),
                null_erases=self.work.feed.null_erases,
                uuid_ts=rfc3339(self.clock()),
            )
        )

    def _times(self, table: FeedTable) -> Times:
        columns = {column.name: column.name for column in table.columns if isinstance(column.value, InBody)}
        return Times(times_table(self.journal, table.name), columns)


def _is_same(file: InputFile, point: Checkpoint) -> bool:
    return verify(file, point.offset, point.identity) == "same"


def _is_of(entry: QuarantineEntry, table: FeedTable, cell: Cell) -> bool:
    return (entry.table, entry.column) == (str(table.name), cell.column.name)


def _takes(column: FeedColumn, key: str) -> bool:
    """Tell whether a column takes an undeclared key, now."""
    if isinstance(column.value, InBody):
        return stored_name(key) in column.value.keys
    return (
        isinstance(column.value, AtPath) and column.added_by_sync and any(p[1:] == (key,) for p in column.value.paths)
    )
