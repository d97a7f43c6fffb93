"""One batch of objects that the warehouse has loaded: what it judges is in tables of its session, the rest is here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engagectl.errors import InternalError
from engagectl.journal.undeclared import Undeclared
from engagectl.model.schema import TableName
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import Chunk, InputFile, as_relation
from engagectl.sync.inputs.files import by_name
from engagectl.sync.inputs.identity import listed_identity
from engagectl.sync.inputs.joined import Part
from engagectl.sync.inputs.lines import chunk_of
from engagectl.sync.inputs.shape import Shape
from engagectl.sync.landing import told
from engagectl.sync.landing.messages import Messages, outcome_of
from engagectl.sync.landing.rows import Rows
from engagectl.sync.landing.signature import Met, Signature, routes, signature, spellings, undeclared
from engagectl.sync.quarantine import LOCATED, STAGED
from engagectl.sync.report import FeedCounts
from engagectl.sync.stage import load, make_stage, release
from engagectl.warehouses.contract import Connection, Loader, UsersFold
from engagectl.warehouses.landing import KEYS, LINES, PLAIN, READ, ROUTES, Landing, Remembered

KINDS_MAX = 20_000
"""So many kinds of message are told apart in a batch; one of more, or of none, is the client's."""
_PLACES = "ec_landed_places"
_ROWS = 500


@dataclass(frozen=True, slots=True)
class _File:
    file: InputFile
    name: str  # in the tables of the session
    lines: int
    bytes: int


@dataclass
class Landed:
    """`chunk` are the lines that are the client's, in the order of `parts`; `left` the files that are whole."""

    connection: Connection
    loader: Loader
    landing: Landing
    messages: Messages
    files: tuple[_File, ...] = ()
    left: tuple[InputFile, ...] = ()
    chunk: Chunk = field(default_factory=lambda: chunk_of([]))
    parts: tuple[Part, ...] = ()
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    outcomes: Mapping[str, Mapping[Work, str]] = field(default_factory=dict)
    places: list[tuple[str, int, int]] = field(default_factory=list)  # file, offset and line of each line of the chunk
    sessions: int = 0
    rows: Rows = field(init=False)
    _counts: dict[Work, dict[str, FeedCounts]] = field(default_factory=dict)
    _met: dict[Work, list[Met]] = field(default_factory=dict)

    @property
    def works(self) -> Sequence[Work]:
        return self.messages.works

    # --- before the transaction -------------------------------------------------

    def make(self, asked: Sequence[InputFile]) -> None:
        """Order the warehouse to take objects and to judge them; fetch the lines that are the client's."""
        self.sessions = self.landing.sessions
        names = self.landing.copy([file.key for file in asked])
        sql = self.messages
        self.landing.make(READ, sql.read())
        self.landing.make(KEYS, sql.keys())
        found = [signature(text, sql.integrations) for (text,) in self.connection.query(sql.kinds())]
        if not 0 < len(found) <= KINDS_MAX:
            self.left = tuple(asked)
            return
        self._route(sorted(found, key=lambda one: one.text))
        self._keep(asked, names)
        self._fetch()

    def _route(self, found: Sequence[Signature]) -> None:
        sql = self.messages
        decided = routes(self.loader.stage, self.works, found)
        self.signatures = {one.digest: one for one in found}
        self.outcomes = {
            one.digest: dict(zip(self.works, row, strict=True)) for one, row in zip(found, decided, strict=True)
        }
        rows = [(one.digest, row) for one, row in zip(found, decided, strict=True)]
        self.landing.make(ROUTES, sql.routes(rows[:_ROWS]))
        for start in range(_ROWS, len(rows), _ROWS):  # statements have a limit, too
            self.connection.execute(f"INSERT INTO {ROUTES} {sql.routes(rows[start : start + _ROWS])}")
        events = sorted({one.event for one in found if one.event is not None})
        self.rows = Rows(sql, spellings(found), events)
        self.landing.make(PLAIN, self.rows.plain())

    def _keep(self, asked: Sequence[InputFile], names: Mapping[str, str]) -> None:
        """Keep the files that have arrived as they were listed; the others are the client's."""
        arrived = {
            name: (int(n), int(last), int(size))
            for name, n, last, size in self.connection.query(told.files(self.landing.words))
        }
        kept, left = [], []
        for file in asked:
            name = names.get(file.key, "")
            lines, last, size = arrived.get(name, (0, 0, 0))
            if lines == last > 0 and is_as_listed(file, size):
                end = size if file.key.endswith(".gz") else file.bytes or 0
                kept.append(_File(by_name(file), name, lines, end))
            else:
                left.append(file)
        for name in sorted(arrived.keys() - {one.name for one in kept}):
            self._drop(name)
        self.files, self.left = tuple(sorted(kept, key=lambda one: one.name)), tuple(left)

    def _drop(self, name: str) -> None:
        for table in (LINES, PLAIN):
            self.connection.execute(f"DELETE FROM {table} WHERE file = {self.landing.words.literal(name)}")

    def _fetch(self) -> None:
        self._take(self.connection.query(told.odd(self.landing.words)))
        hashes = self._hashes() if self.places else []
        gone = sum(
            self.connection.execute(told.twins(self.landing.words, hashes[at : at + _ROWS]))
            for at in range(0, len(hashes), _ROWS)
        )
        if gone:
            self._take(self.connection.query(told.odd(self.landing.words)))

    def _take(self, rows: Sequence[tuple[str, int, int, str]]) -> None:
        keys = {one.name: one.file.key for one in self.files}
        self.chunk = chunk_of([str(line or "").encode() for _, _, _, line in rows])
        self.places = [(keys[name], int(place), int(row)) for name, row, place, _ in rows]
        firsts: dict[str, int] = {}
        for n, (name, _, _, _) in enumerate(rows):
            firsts.setdefault(name, n)
        self.parts = tuple(
            Part(
                file=one.file,
                begin=0,
                end=one.bytes,
                line=one.lines,
                identity=listed_identity(one.file),
                is_last=True,
                first=firsts.get(one.name, len(rows) + n),  # one without lines here begins behind all of them
            )
            for n, one in enumerate(self.files, 1)
        )

    def _hashes(self) -> list[str]:
        """Return the ids of the messages among the lines of the client's: what shares one with them is theirs, too."""
        stage = make_stage(self.loader.stage, [work.feed for work in self.works], self.messages.shape)
        try:
            load(stage, self.chunk, as_relation(self.chunk))
            rows = stage.handle.execute(
                "SELECT DISTINCT CAST(hash AS VARCHAR) FROM ec_full WHERE broken IS NULL AND invalid IS NULL"
            ).fetchall()
        finally:
            release(stage)
        return [str(one) for (one,) in rows if one is not None]

    # --- within it --------------------------------------------------------------

    def remember(self, works: Sequence[Work]) -> None:
        """Store the ids of what loads, and tell what was known."""
        self.landing.remember([Remembered(part=w.part, mask=w.mask, outcome=outcome_of(w)) for w in works])

    def store(self, work: Work, uuid_ts: str) -> Counter[TableName]:
        """Write the rows of one connection or activation; return how many per table."""
        self._count(work)
        work = next(one for one in self.works if one == work)  # it may have been extended by what is the client's
        rows: Counter[TableName] = Counter()
        for table in work.feed.tables:
            if table.fed:
                columns, select = self.rows.of(work, table, uuid_ts)
                listed = ", ".join(self.landing.column(table.name, name) for name in columns)
                into = self.landing.table(table.name)
                rows[table.name] = self.connection.execute(f"INSERT INTO {into} ({listed}) {select}")
        return rows

    def fold(self, work: Work, fold: UsersFold) -> None:
        """Merge what the warehouse judges into users; done again it changes nothing."""
        self._count(work)
        (table,) = work.feed.tables
        if table.fed and self.files:
            rows = self.landing.fold_users(fold, self.rows.newest(work, fold.traits))
            self._counts[work][self.files[0].name].tables[fold.users] += rows

    def again(self) -> None:
        """Load it once more where the session was lost, and its tables with it. Before a chunk is staged: it needs the
        stage, and DDL.
        """
        if self.sessions != self.landing.sessions:
            before = self.places
            self.make([one.file for one in self.files])
            if self.places != before or self.left:
                raise InternalError("objects that were loaded twice are not the same")

    def _count(self, work: Work) -> None:
        counts = {one.name: FeedCounts(work.feed.address) for one in self.files}
        for name, result, number, skewed in self.connection.query(told.counts(work)):
            counts[str(name)].tally(str(result), int(number), int(skewed) if result == "load" else 0)
        odd = Counter(file for file, _, _ in self.places)
        for one in self.files:
            if counts[one.name].read + odd[one.file.key] != one.lines or not counts[one.name].balanced:
                raise InternalError(f"the accounting of {work.feed.address} does not add up in {one.file.key}")
        self._counts[work] = counts
        self._met[work] = [
            Met(self.signatures[str(kind)], str(result), int(number), str(first), str(last))
            for kind, result, number, first, last in self.connection.query(told.met(self.landing.words, work))
        ]

    # --- what it did --------------------------------------------------------------

    def of(self, work: Work, file: InputFile) -> FeedCounts:
        """Return what the warehouse counted for a feed in a file."""
        name = next(one.name for one in self.files if one.file.key == file.key)
        return self._counts[work][name]

    def undeclared(self, work: Work, *, counts_computations: bool) -> list[Undeclared]:
        return undeclared(work.feed, work.number, self._met[work], counts_computations=counts_computations)

    def received_to(self, work: Work, staged: str | None) -> str | None:
        """Return the greatest received_at of all that was read."""
        found = [one.last for one in self._met[work]]
        return max([*found, *([staged] if staged is not None else [])], default=None)

    def locate(self) -> str:
        """Return what is staged for the quarantine with its file and its true place."""
        columns = [[place[at] for place in self.places] for at in range(3)]
        run = self.loader.stage.execute
        run(
            f"CREATE OR REPLACE TEMP TABLE {_PLACES} AS SELECT unnest(range(?)) AS n, unnest(?::VARCHAR[]) AS file,"
            " unnest(?::BIGINT[]) AS place, unnest(?::BIGINT[]) AS row_no",
            [len(self.places), *columns],
        )
        run(
            f"CREATE OR REPLACE TEMP VIEW {LOCATED} AS SELECT q.* REPLACE (p.place AS line_offset, p.row_no AS line),"
            f" p.file FROM {STAGED} AS q JOIN {_PLACES} AS p ON q.line - 1 = p.n"
        )
        return LOCATED


def is_as_listed(file: InputFile, size: int) -> bool:
    """Tell whether an object is still the one that was listed, and whether its lines have so many bytes, with an end
    each: the last may have none. Of gzip the last four bytes tell how many they are (RFC 1952).
    """
    if file.object is None:
        return False
    try:
        file.object.store.check(file.object)
        if not file.key.endswith(".gz"):
            return size - file.object.bytes in (0, 1)
        length = int.from_bytes(file.object.store.tail(file.object, 4), "little")
    except OSError:
        return False
    return (size - length) % (1 << 32) in (0, 1)


def make_landed(
    connection: Connection,
    loader: Loader,
    landing: Landing,
    works: Sequence[Work],
    shape: Shape,
    files: Sequence[InputFile],
) -> Landed:
    """Order the warehouse to load some files of one shape."""
    landed = Landed(connection, loader, landing, Messages(landing.words, works, shape))
    landed.make(files)
    return landed
