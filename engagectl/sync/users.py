"""The fold of identifies into one row per user: the greater event time wins, ties by the greater value."""

from collections.abc import Sequence
from dataclasses import dataclass

from engagectl.model.column_type import ColumnType, Json
from engagectl.model.feed import InBody
from engagectl.model.schema import TableName
from engagectl.sync.chunk import Work
from engagectl.sync.route import Cell, as_stored
from engagectl.sync.sql.quoting import ident
from engagectl.sync.stage import Stage
from engagectl.warehouses.contract import Loader, UsersFold
from engagectl.warehouses.documents import canonical

_TIED = "ec_tied"
_PART = "ec_part"
# Aggregates fold a row of states a user: one that is much wider than the cache costs the square of its width.
_TOGETHER = 25


@dataclass(frozen=True, slots=True)
class Times:
    """Where the event time of each trait lives: a table of the journal, and its column for a column of users."""

    table: TableName
    columns: dict[str, str]


def waiting(work: Work) -> str:
    """Return the staged relation where a feed's identifies wait for the fold, over several chunks."""
    return f"eu_{work.number}"


def kept(work: Work) -> str:
    """Return the staged relation of what of them could not be stored."""
    return f"eu_kept_{work.number}"


def gather(stage: Stage, work: Work, parts: tuple[Cell, ...], cells: str) -> int:
    """Add the identifies of a chunk to those that wait; return how many wait now."""
    columns = ["received_at", "event_time"]
    for n, cell in enumerate(parts):
        if isinstance(cell.column.value, InBody):
            value = as_stored(f"c{n}", cell.column.type, cell.column.stored)
            columns.append(f"{value} AS {_value(cell.column.name)}")
            if work.feed.null_erases:
                columns.append(f"n{n} AS {_null(cell.column.name)}")
        elif cell.column.name == "id":
            columns.append(f"c{n} AS id")
    select = f"SELECT {', '.join(columns)} FROM {cells}"
    run = stage.handle.execute
    run(f"CREATE TEMP TABLE IF NOT EXISTS {waiting(work)} AS SELECT * FROM ({select}) LIMIT 0")
    run(f"INSERT INTO {waiting(work)} BY NAME {select}")
    ((rows,),) = run(f"SELECT count(*) FROM {waiting(work)}").fetchall()
    return int(rows)


def fold(loader: Loader, work: Work, times: Times, *, uuid_ts: str, part: tuple[int, int] = (0, 1)) -> int:
    """Fold what waits to one row per user and hand it to the loader; return the rows of users written.

    `part` is which users are folded, of how many parts: one row of each wide user is much for one statement.
    """
    feed, made_of = work.feed, fold_of(work, times, uuid_ts=uuid_ts)
    traits = made_of.traits
    run, rows = loader.stage.execute, waiting(work)
    number, parts = part
    if parts > 1:
        run(f"CREATE OR REPLACE TEMP TABLE {_PART} AS SELECT * FROM {rows} WHERE hash(id) % {parts} = {number}")
        rows = _PART
    documents = [_value(name) for name, _, kind in traits if isinstance(kind, Json)]
    tied = f"SELECT id FROM {_TIED}"
    sources = [(rows, False)]
    if feed.null_erases:
        sources = [(_ranked(loader, rows, documents), True)]
    elif _has_ties(loader, rows, [name for name, _, _ in traits]):
        ranked = _ranked(loader, f"(SELECT * FROM {rows} WHERE id IN ({tied}))", documents)
        sources = [(f"{rows} WHERE id NOT IN ({tied})", False), (ranked, True)]
    made: list[str] = []
    for start in range(0, len(traits) or 1, _TOGETHER):
        some = traits[start : start + _TOGETHER]
        newest = [
            f"{_newest(some, by_value=by_value, null_erases=feed.null_erases)} FROM {source} GROUP BY id"
            for source, by_value in sources
        ]
        made.append(f"ec_users_{len(made)}")
        run(f"CREATE OR REPLACE TEMP TABLE {made[-1]} AS {' UNION ALL BY NAME '.join(newest)}")
    first, *others = made
    joins = "".join(f' JOIN (SELECT * EXCLUDE (received_at, "timestamp") FROM {name}) USING (id)' for name in others)
    run(f"CREATE OR REPLACE TEMP VIEW ec_newest AS SELECT * FROM {first}{joins}")
    return loader.fold_users(made_of)


def fold_of(work: Work, times: Times, *, uuid_ts: str) -> UsersFold:
    """Return what a fold of this feed is made of."""
    (table,) = work.feed.tables
    return UsersFold(
        users=table.name,
        times=times.table,
        delta="ec_newest",
        traits=tuple(
            (column.name, times.columns[column.name], column.stored)
            for column in table.columns
            if column.fed and isinstance(column.value, InBody) and column.name in times.columns
        ),
        null_erases=work.feed.null_erases,
        uuid_ts=uuid_ts,
    )


def _newest(traits: Sequence[tuple[str, str, ColumnType]], *, by_value: bool, null_erases: bool = False) -> str:
    """Return the SELECT of the newest value of each trait; `by_value` decides between values of one instant."""
    select = ["id", "max(received_at) AS received_at", 'max(event_time) AS "timestamp"']
    for name, at, kind in traits:
        value = _value(name)
        rank = f"{_rank(value)}, " if isinstance(kind, Json) else ""
        there = f"{value} IS NOT NULL" + (f" OR {_null(name)}" if null_erases else "")
        found = f"arg_max({value}, event_time) FILTER (WHERE {there})"
        if by_value:
            order = f"(event_time, {value} IS NOT NULL, {rank}{value})"
            found = f"struct_extract(arg_max({{'v': {value}}}, {order}) FILTER (WHERE {there}), 'v')"
        newest = f"max(CASE WHEN {there} THEN event_time END)"  # cheaper than a FILTER of its own
        select += [f"{found} AS {ident(name)}", f"{newest} AS {ident('at:' + at)}"]
    return f"SELECT {', '.join(select)}"


def _has_ties(loader: Loader, rows: str, traits: Sequence[str]) -> bool:
    """Stage the users who have several identifies of one instant that differ; tell whether there are some."""
    values = ", ".join(map(_value, traits)) or "NULL"
    twice = f"SELECT id, event_time FROM {rows} GROUP BY ALL HAVING count(*) > 1"
    run = loader.stage.execute
    run(
        f"CREATE OR REPLACE TEMP TABLE {_TIED} AS SELECT DISTINCT id FROM (SELECT id FROM {rows} SEMI JOIN ({twice})"
        f" AS t USING (id, event_time) GROUP BY id, event_time HAVING count(DISTINCT row({values})) > 1)"
    )
    ((found,),) = run(f"SELECT count(*) FROM {_TIED}").fetchall()
    return bool(found)


def _ranked(loader: Loader, rows: str, documents: Sequence[str]) -> str:
    """Return the rows with the rank of each document that has another of its user and instant beside it."""
    for value in documents:
        rivals = (
            f"SELECT list(DISTINCT {value}) AS v FROM {rows} AS w WHERE {value} IS NOT NULL GROUP BY id, event_time"
            f" HAVING count(DISTINCT {value}) > 1"
        )
        rank_documents(loader, _documents(value), f"SELECT DISTINCT unnest(v) FROM ({rivals})")
    joins = "".join(
        f" LEFT JOIN (SELECT text, rank AS {_rank(value)} FROM {_documents(value)}) AS r{n} ON r{n}.text = {value}"
        for n, value in enumerate(documents)
    )
    return f"{rows} AS w{joins}"


def rank_documents(loader: Loader, table: str, select: str) -> None:
    """Stage the rank of each JSON text of a SELECT: (text, rank)."""
    texts = [str(text) for (text,) in loader.stage.execute(select).fetchall()]
    loader.stage.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT unnest(?::VARCHAR[]) AS text, unnest(?::VARCHAR[]) AS rank",
        [texts, [canonical(text) for text in texts]],
    )


def release(loader: Loader, work: Work) -> None:
    """Drop what waited."""
    for name in (waiting(work), kept(work), _PART):
        loader.stage.execute(f"DROP TABLE IF EXISTS {name}")


def _value(column: str) -> str:
    return ident(f"v:{column}")


def _rank(value: str) -> str:
    return f'{value[:-1]}:rank"'


def _documents(value: str) -> str:
    return f'"ec_documents:{value[1:]}'


def _null(column: str) -> str:
    return ident(f"n:{column}")
