"""The fold of identifies into one row per user: the greater event time wins, ties by the greater value."""

from dataclasses import dataclass

from engagectl.model.column_type import ColumnType
from engagectl.model.feed import FeedTable, InBody
from engagectl.model.schema import TableName
from engagectl.sync.route import Cell, as_stored
from engagectl.sync.sql.quoting import ident
from engagectl.sync.stage import Stage
from engagectl.warehouses.contract import Loader, UsersFold


@dataclass(frozen=True, slots=True)
class Times:
    """Where the event time of each trait lives: a table of the journal, and its column for a column of users."""

    table: TableName
    columns: dict[str, str]


def fold(
    stage: Stage,
    loader: Loader,
    table: FeedTable,
    parts: tuple[Cell, ...],
    cells: str,
    times: Times,
    *,
    null_erases: bool,
    uuid_ts: str,
) -> int:
    """Fold the staged cells to one row per user and hand it to the loader; return the rows of users written."""
    positions = {cell.column.name: n for n, cell in enumerate(parts)}
    select = [f"c{positions['id']} AS id", "max(received_at) AS received_at", 'max(event_time) AS "timestamp"']
    traits: list[tuple[str, str, ColumnType]] = []
    for n, cell in enumerate(parts):
        if not isinstance(cell.column.value, InBody) or cell.column.name not in times.columns:
            continue
        at = times.columns[cell.column.name]
        value = as_stored(f"c{n}", cell.column.type, cell.column.stored)
        there = f"c{n} IS NOT NULL" + (f" OR n{n}" if null_erases else "")
        newest = f"arg_max({{'v': {value}}}, (event_time, c{n} IS NOT NULL, {value})) FILTER (WHERE {there})"
        select.append(f"struct_extract({newest}, 'v') AS {ident(cell.column.name)}")
        select.append(f"max(event_time) FILTER (WHERE {there}) AS {ident('at:' + at)}")
        traits.append((cell.column.name, at, cell.column.stored))
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE ec_users AS SELECT {', '.join(select)} FROM {cells} GROUP BY c{positions['id']}"
    )
    return loader.fold_users(
        UsersFold(
            users=table.name,
            times=times.table,
            delta="ec_users",
            traits=tuple(traits),
            null_erases=null_erases,
            uuid_ts=uuid_ts,
        )
    )
