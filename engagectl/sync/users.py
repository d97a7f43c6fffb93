"""The fold of identifies into one row per user: the greater event time wins, ties by the greater value."""

from dataclasses import dataclass

from engagectl.model.column_type import ColumnType
from engagectl.model.feed import InBody
from engagectl.model.schema import TableName
from engagectl.sync.chunk import Work
from engagectl.sync.route import Cell, as_stored
from engagectl.sync.sql.quoting import ident
from engagectl.sync.stage import Stage
from engagectl.warehouses.contract import Loader, UsersFold


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


def fold(loader: Loader, work: Work, times: Times, *, uuid_ts: str) -> int:
    """Fold what waits to one row per user and hand it to the loader; return the rows of users written."""
    feed = work.feed
    (table,) = feed.tables
    select = ["id", "max(received_at) AS received_at", 'max(event_time) AS "timestamp"']
    traits: list[tuple[str, str, ColumnType]] = []
    for column in table.columns:
        if not column.fed or not isinstance(column.value, InBody) or column.name not in times.columns:
            continue
        at, value = times.columns[column.name], _value(column.name)
        there = f"{value} IS NOT NULL" + (f" OR {_null(column.name)}" if feed.null_erases else "")
        newest = f"arg_max({{'v': {value}}}, (event_time, {value} IS NOT NULL, {value})) FILTER (WHERE {there})"
        select.append(f"struct_extract({newest}, 'v') AS {ident(column.name)}")
        select.append(f"max(event_time) FILTER (WHERE {there}) AS {ident('at:' + at)}")
        traits.append((column.name, at, column.stored))
    loader.stage.execute(
        f"CREATE OR REPLACE TEMP TABLE ec_users AS SELECT {', '.join(select)} FROM {waiting(work)} GROUP BY id"
    )
    return loader.fold_users(
        UsersFold(
            users=table.name,
            times=times.table,
            delta="ec_users",
            traits=tuple(traits),
            null_erases=feed.null_erases,
            uuid_ts=uuid_ts,
        )
    )


def release(loader: Loader, work: Work) -> None:
    """Drop what waited."""
    for name in (waiting(work), kept(work)):
        loader.stage.execute(f"DROP TABLE IF EXISTS {name}")


def _value(column: str) -> str:
    return ident(f"v:{column}")


def _null(column: str) -> str:
    return ident(f"n:{column}")
