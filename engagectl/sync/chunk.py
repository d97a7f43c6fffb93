"""One staged chunk x the feeds that read it: outcomes, cells, dedupe, inserts, and the accounting of each feed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engagectl.errors import InternalError
from engagectl.journal.undeclared import Undeclared
from engagectl.model.feed import Feed, FeedTable, InBody
from engagectl.model.schema import TableName
from engagectl.sync import quarantine, undeclared
from engagectl.sync.report import FeedCounts
from engagectl.sync.route import Cell, Seen, as_stored, cells, mark, outcome, takes
from engagectl.sync.stage import Lines, Stage
from engagectl.sync.until import Until
from engagectl.warehouses.contract import Loader, Window

_DAY = "CAST(received_at AS DATE) - DATE '1970-01-01'"


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
        return f"ec_out_{self.number}"

    def cells_of(self, table: FeedTable) -> str:
        return f"ec_cells_{self.number}_{self.feed.tables.index(table)}"


@dataclass
class Settled:
    """What one chunk did for one feed."""

    counts: FeedCounts
    undeclared: list[Undeclared] = field(default_factory=list)


def judge(stage: Stage, works: Sequence[Work], *, uuid_ts: str) -> dict[Work, dict[FeedTable, tuple[Cell, ...]]]:
    """Decide every line for every feed, and make the cells of what loads. Nothing is written to the warehouse."""
    seen = mark(stage)
    quarantine.begin(stage)
    return {work: _judge(stage, work, seen, uuid_ts=uuid_ts) for work in works}


def _judge(stage: Stage, work: Work, seen: Seen, *, uuid_ts: str) -> dict[FeedTable, tuple[Cell, ...]]:
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE {work.outcomes} AS SELECT line_no, message_id, skewed,"
        f" {_DAY if work.window else 'NULL'} AS day,"
        f" hash, {outcome(work.feed, stage, seen)} AS outcome FROM ec_routed"
    )
    made = {}
    for table in work.feed.tables:
        if not table.fed:
            continue
        secrets = quarantine.secrets_of(work.feed)
        parts = tuple(
            replace(cell, secret=secrets.hides(cell)) for cell in cells(work.feed, table, stage, seen, uuid_ts=uuid_ts)
        )
        made[table] = parts
        typed = ", ".join(f"{cell.typed} AS c{n}" for n, cell in enumerate(parts) if not cell.empty)
        misfits = {
            n: f"c{n} IS NULL AND {cell.sent} IS NOT NULL"
            for n, cell in enumerate(parts)
            if cell.sent is not None and not cell.empty
        }
        listed = ", ".join(f"CASE WHEN {misfit} THEN {n} END" for n, misfit in misfits.items())
        any_misfit = " OR ".join(f"({misfit})" for misfit in misfits.values()) or "false"
        flags = f"CASE WHEN {any_misfit} THEN list_filter([{listed}], lambda x: x IS NOT NULL) END"
        required = " OR ".join(
            "true" if cell.empty else f"c{n} IS NULL" for n, cell in enumerate(parts) if cell.column.required
        )
        sent_null = ", ".join(
            f"({' OR '.join(map(stage.is_null, cell.column.value.keys))}) AS n{n}"
            for n, cell in enumerate(parts)
            if work.feed.null_erases and work.feed.kind == "users" and isinstance(cell.column.value, InBody)
        )
        held = ", ".join(f"c{n}" for n, cell in enumerate(parts) if not cell.empty)
        empty = "".join(f", {cell.typed} AS c{n}" for n, cell in enumerate(parts) if cell.empty)
        stage.handle.execute(
            f"CREATE OR REPLACE TEMP TABLE {work.cells_of(table)}_held AS"
            f" SELECT line_no, message_id, event_time, received_at, {held},"
            f"{' ' + sent_null + ',' if sent_null else ''} {flags} AS bad, ({required or 'false'}) AS unmet"
            f" FROM (SELECT m.*, {typed} FROM ec_routed AS m SEMI JOIN"
            f" (SELECT line_no FROM {work.outcomes} WHERE outcome = 'load') AS o ON o.line_no = m.line_no"
            f" WHERE {takes(table)})"
        )
        stage.handle.execute(
            f"CREATE OR REPLACE TEMP VIEW {work.cells_of(table)} AS SELECT *{empty} FROM {work.cells_of(table)}_held"
        )
        if required:
            stage.handle.execute(
                f"UPDATE {work.outcomes} SET outcome = 'q:required' WHERE line_no IN"
                f" (SELECT line_no FROM {work.cells_of(table)} WHERE unmet)"
            )
    if work.feed.kind != "users":
        stage.handle.execute(
            f"UPDATE {work.outcomes} SET outcome = 'duplicate' WHERE outcome = 'load' AND line_no NOT IN"
            f" (SELECT min(line_no) FROM {work.outcomes} WHERE outcome = 'load' GROUP BY hash)"
        )
    return made


def deduplicate(stage: Stage, loader: Loader, works: Iterable[Work]) -> None:
    """Remember the ids of what loads, and turn what was known into duplicates."""
    deduped = [work for work in works if work.feed.kind != "users"]
    if not deduped:
        return
    windows = [work.window for work in deduped if work.window is not None]
    rows = " UNION ALL ".join(
        f"SELECT {work.part} AS part, hash, {'day' if windows else 'NULL AS day'}, CAST({work.mask} AS BIGINT) AS mask"
        f" FROM {work.outcomes} WHERE outcome = 'load'"
        for work in deduped
    )
    stage.handle.execute(
        "CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT CAST(part AS SMALLINT) AS part, hash,"
        f" CAST(max(day) AS INTEGER) AS day, CAST(bit_or(mask) AS BIGINT) AS mask FROM ({rows}) GROUP BY part, hash"
    )
    if loader.remember("ec_ids", "ec_known", windows):
        for work in deduped:
            stage.handle.execute(
                f"UPDATE {work.outcomes} SET outcome = 'duplicate' WHERE outcome = 'load' AND hash IN (SELECT hash"
                f" FROM ec_known WHERE part = {work.part} AND mask & {work.mask} <> 0)"
            )


def store(loader: Loader, work: Work, made: dict[FeedTable, tuple[Cell, ...]]) -> Counter[TableName]:
    """Write the rows of one connection or activation; return how many per table."""
    rows: Counter[TableName] = Counter()
    for table, parts in made.items():
        columns = [(cell.column.name, cell.column.stored) for cell in parts]
        values = ", ".join(as_stored(f"c{n}", cell.column.type, cell.column.stored) for n, cell in enumerate(parts))
        rows[table.name] = loader.insert(
            table.name,
            columns,
            f"SELECT {values} FROM {work.cells_of(table)} SEMI JOIN (SELECT line_no FROM {work.outcomes}"
            f" WHERE outcome = 'load') AS o USING (line_no)",
        )
    return rows


def settle(
    stage: Stage,
    chunk: Lines,
    work: Work,
    made: dict[FeedTable, tuple[Cell, ...]],
    *,
    counts_computations: bool = False,
) -> Settled:
    """Count a feed's outcomes, and stage what it could not store. Lines that were too long never reached the stage."""
    extra = len(chunk.overlong)
    counts = FeedCounts(work.feed.address, read=extra, quarantined=extra)
    for result, number, skewed in stage.handle.execute(
        f"SELECT outcome, count(*), count(*) FILTER (WHERE skewed AND outcome = 'load') FROM {work.outcomes} GROUP BY 1"
    ).fetchall():
        counts.read += number
        counts.skewed += skewed
        if result == "load":
            counts.inserted += number
        elif result == "duplicate":
            counts.duplicate += number
        elif result.startswith("f:"):
            counts.filtered[result[2:]] += number
        elif result.startswith("q:"):
            counts.quarantined += number
    if counts.quarantined > extra:
        quarantine.keep_messages(stage, chunk, work.number, work.outcomes, quarantine.secrets_of(work.feed))
    for table, parts in made.items():
        quarantine.keep_cells(stage, chunk, work.number, table, parts, work.cells_of(table), work.outcomes)
    found = undeclared.find(stage, work.number, work.feed, work.outcomes, counts_computations=counts_computations)
    if work.feed.kind == "connection" and work.feed.on_undeclared == "quarantine":
        undeclared.stage_values(stage, work.feed, work.outcomes)
        quarantine.keep_undeclared(stage, chunk, work.number, undeclared.VALUES)
    counts.cells = quarantine.count_cells(stage, work.number)
    (lines,) = stage.handle.execute("SELECT count(*) FROM ec_messages").fetchall()
    if not counts.balanced or counts.read != lines[0] + extra:
        raise InternalError(
            f"the accounting of {work.feed.address} does not add up; the chunk was rolled back",
            help="please report this with the counts of the sync",
        )
    return Settled(counts, found)
