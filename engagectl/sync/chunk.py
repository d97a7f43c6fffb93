"""One staged chunk x the feeds that read it: outcomes, cells, dedupe, inserts, and the accounting of each feed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engagectl.errors import InternalError
from engagectl.journal.undeclared import Undeclared
from engagectl.model.feed import Feed, FeedTable, InBody
from engagectl.model.schema import TableName
from engagectl.sync import quarantine, undeclared
from engagectl.sync.inputs.joined import Part
from engagectl.sync.quarantine import PARTS
from engagectl.sync.report import FeedCounts
from engagectl.sync.route import Cell, Seen, as_stored, cells, is_too_long, mark, outcome, takes
from engagectl.sync.sql.quoting import literal
from engagectl.sync.stage import JUDGED, SHARED, TYPED, Lines, Stage
from engagectl.sync.until import Until
from engagectl.warehouses.contract import Loader, Window

_DAY = "CAST(received_at AS DATE) - DATE '1970-01-01'"
# what dedupe, accounting and the standard columns of tables need of a message
_KEPT = (
    "line_no",
    "type",
    "message_id",
    "hash",
    "user_id",
    "anonymous_id",
    "event",
    "received_at",
    "sent_at",
    "original_timestamp",
    "event_time",
    "skewed",
    "computation",
    "personas_id",
)


Cells = Mapping[FeedTable, tuple[Cell, ...]]
"""The cells of each table that a feed fills."""


@dataclass(frozen=True, slots=True)
class Work:
    """A feed at work: its registered number, by which it is known, and its applied state.

    `until` says, per file key, how far it may load; a file that is not named is loaded to its end.
    """

    number: int
    feed: Feed = field(compare=False)
    until: Mapping[str, Until] = field(default_factory=dict, compare=False)

    @property
    def part(self) -> int:
        """The part of `seen` that holds the feed's bit."""
        return self.number // 63

    @property
    def mask(self) -> int:
        return 1 << self.number % 63

    @property
    def window(self) -> Window | None:
        """How far back ids are looked up: whole days, rounded up."""
        seconds = self.feed.dedupe_window_s
        return None if seconds is None else Window(self.part, self.mask, -(-seconds // 86_400))

    @property
    def outcomes(self) -> str:
        """The view of what became of each line."""
        return f"ec_out_{self.number}"

    @property
    def outcome(self) -> str:
        """The column of the chunk's table that the view shows."""
        return f"o{self.number}"

    def cells_of(self, table: FeedTable) -> str:
        return f"ec_cells_{self.number}_{self.feed.tables.index(table)}"


@dataclass
class Settled:
    """What one chunk did for one feed."""

    counts: FeedCounts
    undeclared: list[Undeclared] = field(default_factory=list)


def judge(
    stage: Stage, works: Sequence[Work], *, uuid_ts: str, refused: Mapping[Work, Mapping[int, str]] | None = None
) -> dict[Work, Cells]:
    """Decide every line for every feed, and type what loads. Nothing is written to the warehouse. `refused` are the
    lines that the warehouse would not take, with the reason for each.

    All of it is one table: a value that several tables or feeds take is typed once. What a feed loads into a table is a
    view of it.
    """
    seen = mark(stage)
    quarantine.begin(stage)
    made = {work: _cells(stage, work, seen, uuid_ts=uuid_ts) for work in works}
    typed = _Typed()
    made = {work: {table: tuple(map(typed.placed, parts)) for table, parts in of.items()} for work, of in made.items()}
    nulls = {work: _nulls(stage, work, of) for work, of in made.items()}
    shared = _share(stage, typed)
    own = typed.of(shared=False)
    parts = [
        *_KEPT,
        f"{_DAY if any(work.window for work in works) else 'CAST(NULL AS INTEGER)'} AS day",
        *own,
        *(f"{sql} AS {name}" for flags in nulls.values() for name, sql in flags.items()),
        *(f"{outcome(work.feed, stage, seen)} AS {work.outcome}" for work in works),
        f"{' OR '.join([*_unfit(own), *shared]) or 'false'} AS unfit",
    ]
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE {JUDGED} AS SELECT {', '.join(parts)}"
        f" FROM (SELECT *{_held(own)} FROM (SELECT *{typed.names(own)} FROM ec_routed))"
    )
    stage.handle.execute(f"CREATE OR REPLACE TEMP VIEW {TYPED} AS FROM {JUDGED} LEFT JOIN {SHARED} USING (personas_id)")
    misfits = _misfits(stage, typed)
    for work, of in made.items():
        made[work] = {
            table: tuple(replace(cell, misfits=cell.place in misfits) for cell in parts) for table, parts in of.items()
        }
        _views(stage, work, made[work], nulls[work])
        _settle_outcomes(stage, work, made[work], (refused or {}).get(work, {}))
    return made


@dataclass
class _Typed:
    """The columns that hold typed values: each value and type once."""

    named: dict[str, str] = field(default_factory=dict)  # what was sent -> the name that it has in the inner SELECT
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)  # column -> what was sent, typed
    shared: set[str] = field(default_factory=set)  # the columns of what many messages share
    _places: dict[tuple[str, str], str] = field(default_factory=dict)

    def placed(self, cell: Cell) -> Cell:
        """Return the cell with the column, or the expression, that holds its value."""
        if cell.sent is None or cell.empty:
            return replace(cell, place=cell.typed(cell.sent or ""))
        value = self.named.setdefault(cell.sent, f"v{len(self.named)}")
        key = (value, cell.typed(value))
        place = self._places.setdefault(key, f"t{len(self._places)}")
        self.columns[place] = key
        if cell.shared:
            self.shared.add(place)
        return replace(cell, place=place)

    def of(self, *, shared: bool) -> dict[str, tuple[str, str]]:
        """Return the columns of what many messages share, or those of what each has for itself."""
        return {place: key for place, key in self.columns.items() if (place in self.shared) == shared}

    def names(self, columns: Mapping[str, tuple[str, str]]) -> str:
        """Return what was sent for these columns, named, as the end of a SELECT list."""
        wanted = {value for value, _ in columns.values()}
        return "".join(f", {sql} AS {name}" for sql, name in self.named.items() if name in wanted)


def _held(columns: Mapping[str, tuple[str, str]]) -> str:
    return "".join(
        f", CASE WHEN {value} IS NOT NULL THEN {sql} END AS {place}" for place, (value, sql) in columns.items()
    )


def _unfit(columns: Mapping[str, tuple[str, str]]) -> list[str]:
    return [f"({value} IS NOT NULL AND {place} IS NULL)" for place, (value, _) in columns.items()]


def _share(stage: Stage, typed: _Typed) -> list[str]:
    """Type what messages share once for all that share it; return the predicates of those with a value that does not
    fit.
    """
    columns = typed.of(shared=True)
    unfit = " OR ".join(_unfit(columns)) or "false"
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE {SHARED} AS SELECT {', '.join(['personas_id', *columns])}, {unfit} AS are_unfit"
        f" FROM (SELECT *{_held(columns)} FROM (SELECT *{typed.names(columns)} FROM ec_personas))"
    )
    found = stage.handle.execute(f"SELECT personas_id FROM {SHARED} WHERE are_unfit").fetchall()
    return [f"coalesce(personas_id IN ({', '.join(str(row[0]) for row in found)}), false)"] if found else []


def _cells(stage: Stage, work: Work, seen: Seen, *, uuid_ts: str) -> Cells:
    secrets = quarantine.secrets_of(work.feed)
    return {
        table: tuple(
            replace(cell, secret=secrets.hides(cell)) for cell in cells(work.feed, table, stage, seen, uuid_ts=uuid_ts)
        )
        for table in work.feed.tables
        if table.fed
    }


def _nulls(stage: Stage, work: Work, made: Cells) -> dict[str, str]:
    """Return the flags "a JSON null was sent" of the columns that a null erases."""
    if not (work.feed.null_erases and work.feed.kind == "users"):
        return {}
    return {
        f"null_{work.number}_{n}": f"({' OR '.join(map(stage.is_null, cell.column.value.keys))})"
        for parts in made.values()
        for n, cell in enumerate(parts)
        if isinstance(cell.column.value, InBody)
    }


def _misfits(stage: Stage, typed: _Typed) -> set[str]:
    """Return the columns for which something was sent that does not fit: nearly always none. Stage who sent it."""
    run = stage.handle.execute
    if not typed.columns or not run(f"SELECT 1 FROM {JUDGED} WHERE unfit LIMIT 1").fetchall():
        return set()
    names = {name: sql for sql, name in typed.named.items()}
    lines = f"SELECT line_no FROM {JUDGED} WHERE unfit"
    run(f"CREATE OR REPLACE TEMP TABLE {quarantine.UNFIT} AS SELECT * FROM ec_routed WHERE line_no IN ({lines})")
    sent = ", ".join(f"count({names[value]})" for value, _ in typed.columns.values())
    held = ", ".join(f"count({place})" for place in typed.columns)
    (before,) = run(f"SELECT {sent} FROM {quarantine.UNFIT}").fetchall()
    (after,) = run(f"SELECT {held} FROM {TYPED} WHERE unfit").fetchall()
    return {place for place, one, other in zip(typed.columns, before, after, strict=True) if one != other}


def _views(stage: Stage, work: Work, made: Cells, nulls: Mapping[str, str]) -> None:
    day = "day" if work.window else "CAST(NULL AS INTEGER) AS day"
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP VIEW {work.outcomes} AS"
        f" SELECT line_no, type, event, message_id, received_at, skewed, {day}, hash, computation,"
        f" {work.outcome} AS outcome FROM {JUDGED}"
    )
    for table, parts in made.items():
        values = [f"{cell.place} AS c{n}" for n, cell in enumerate(parts)]
        values += [f"{name} AS n{name.rpartition('_')[2]}" for name in nulls]
        source = TYPED if any(cell.shared for cell in parts) else JUDGED
        stage.handle.execute(
            f"CREATE OR REPLACE TEMP VIEW {work.cells_of(table)} AS"
            f" SELECT line_no, event_time, received_at, {', '.join(values)} FROM {source}"
            f" WHERE {work.outcome} = 'load' AND {takes(table)}"
        )


def _settle_outcomes(stage: Stage, work: Work, made: Cells, refused: Mapping[int, str]) -> None:
    """Turn what would load into what it is: without a required value quarantined, as what was refused; of two with one
    id a duplicate.
    """
    for reason in sorted(set(refused.values())):
        lines = ", ".join(str(line) for line, why in refused.items() if why == reason)
        stage.handle.execute(
            f"UPDATE {JUDGED} SET {work.outcome} = {literal(f'q:{reason}')}"
            f" WHERE {work.outcome} = 'load' AND line_no IN ({lines})"
        )
    for table, parts in made.items():
        if long := " OR ".join(filter(None, map(is_too_long, parts))):
            stage.handle.execute(
                f"UPDATE {JUDGED} SET {work.outcome} = 'q:too_long'"
                f" WHERE {work.outcome} = 'load' AND {takes(table)} AND ({long})"
            )
        required = [cell for cell in parts if cell.column.required]
        unmet = " OR ".join("true" if cell.empty else f"{cell.place} IS NULL" for cell in required)
        if any(cell.shared for cell in required):
            unmet = f"line_no IN (SELECT line_no FROM {TYPED} WHERE {unmet})"
        if unmet:
            stage.handle.execute(
                f"UPDATE {JUDGED} SET {work.outcome} = 'q:required'"
                f" WHERE {work.outcome} = 'load' AND {takes(table)} AND ({unmet})"
            )
    if work.feed.kind != "users":
        stage.handle.execute(
            f"UPDATE {JUDGED} SET {work.outcome} = 'duplicate' WHERE {work.outcome} = 'load' AND {_repeats(work)}"
        )


def _repeats(work: Work) -> str:
    """Return the predicate "an earlier line of the chunk makes this one a duplicate, whatever is stored"."""
    loads = f"FROM {JUDGED} WHERE {work.outcome} = 'load'"
    if work.window is None:
        return f"line_no NOT IN (SELECT min(line_no) {loads} GROUP BY hash)"
    before = "OVER (PARTITION BY hash ORDER BY line_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    days = f"SELECT line_no, day, max(day) {before} AS latest {loads}"
    return f"line_no IN (SELECT line_no FROM ({days}) WHERE day <= latest)"


def store(loader: Loader, work: Work, made: Cells, *, between: tuple[int, int] | None = None) -> Counter[TableName]:
    """Write the rows of one connection or activation; return how many per table. `between` are the first and the last
    line of those to write, when not all are.
    """
    rows: Counter[TableName] = Counter()
    only = "" if between is None else f" WHERE line_no BETWEEN {between[0]} AND {between[1]}"
    for table, parts in made.items():
        columns = [(cell.column.name, cell.column.stored) for cell in parts]
        values = ", ".join(as_stored(f"c{n}", cell.column.type, cell.column.stored) for n, cell in enumerate(parts))
        rows[table.name] = loader.insert(
            table.name,
            columns,
            f"SELECT {values} FROM {work.cells_of(table)}{only}",
            [cell.column.name for cell in parts if cell.empty],
        )
    return rows


def settle(
    stage: Stage,
    chunk: Lines,
    work: Work,
    made: Cells,
    *,
    counts_computations: bool = False,
) -> Settled:
    """Count a feed's outcomes, and stage what it could not store. Lines that were too long never reached the stage."""
    extra = len(chunk.overlong)
    counts = FeedCounts(work.feed.address, read=extra, quarantined=extra)
    for result, number, skewed in stage.handle.execute(
        f"SELECT outcome, count(*), count(*) FILTER (WHERE skewed AND outcome = 'load') FROM {work.outcomes} GROUP BY 1"
    ).fetchall():
        counts.tally(result, number, skewed)
    if counts.quarantined > extra:
        quarantine.keep_messages(stage, chunk, work.number, work.outcomes, quarantine.secrets_of(work.feed))
    for table, parts in made.items():
        quarantine.keep_cells(stage, chunk, work.number, table, parts, work.cells_of(table))
    found = undeclared.find(stage, work.number, work.feed, work.outcomes, counts_computations=counts_computations)
    if work.feed.kind == "connection" and work.feed.on_undeclared == "quarantine":
        undeclared.stage_values(stage, work.feed, work.outcomes)
        quarantine.keep_undeclared(stage, chunk, work.number, undeclared.VALUES)
    counts.cells = quarantine.count_cells(stage, work.number)
    (lines,) = stage.handle.execute("SELECT count(*) FROM ec_message").fetchall()
    if not counts.balanced or counts.read != lines[0] + extra:
        raise InternalError(
            f"the accounting of {work.feed.address} does not add up; the chunk was rolled back",
            help="please report this with the counts of the sync",
        )
    return Settled(counts, found)


def split(stage: Stage, work: Work, settled: Settled, parts: Sequence[Part]) -> list[Settled]:
    """Return what a chunk did for a feed, file by file; rows of tables and undeclared keys are told with the first."""
    if len(parts) == 1:
        return [settled]
    found = [Settled(FeedCounts(work.feed.address)) for _ in parts]
    for n, result, number, skewed in stage.handle.execute(
        "SELECT p.n, o.outcome, count(*), count(*) FILTER (WHERE o.skewed AND o.outcome = 'load')"
        f" FROM {work.outcomes} AS o ASOF JOIN {PARTS} AS p ON o.line_no >= p.first GROUP BY 1, 2"
    ).fetchall():
        found[n].counts.tally(result, number, skewed)
    for n, number in quarantine.count_cells_by_part(stage, work.number):
        found[n].counts.cells = number
    if sum(one.counts.read for one in found) != settled.counts.read:
        raise InternalError(f"the accounting of {work.feed.address} does not add up over its files")
    found[0].counts.tables += settled.counts.tables
    found[0].undeclared += settled.undeclared
    return found
