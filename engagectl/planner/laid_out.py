"""What an engine refuses for how a table's rows are kept: refused before it is sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from engagectl.diff import Parted
from engagectl.model.address import column_address, table_address
from engagectl.model.change import Change, DropColumn, RenameColumn, SetLayout, WidenColumn
from engagectl.model.schema import Layout, State, Table, TableName, partition_text
from engagectl.risk import Judged, refusal
from engagectl.warehouses.contract import Warehouse

_WORDS = {RenameColumn: "renamed", DropColumn: "dropped", WidenColumn: "widened"}


def judge_layout(
    changes: Sequence[Change], parted: Iterable[Parted], stands_on: State, record: Warehouse, *, warehouse: str
) -> Iterator[Judged]:
    """Yield EC622 for each table whose partitions would have to change, and for each column that has to stay."""
    for one in parted:
        has, wanted = one.there.layout, one.wanted.layout
        if has is None or wanted is None:
            continue
        name = one.wanted.name
        yield refusal(
            "EC622",
            f"{name} is partitioned by {partition_text(has)}, the YAML says by {partition_text(wanted)};"
            f" {record.title} never changes that of a table",
            table_address(name.schema, name.table, warehouse=warehouse),
            one.wanted.origin,
            f"say in `layout` what is there (partition_by: {has.partition or 'none'}), or nothing",
            "or make a new table by hand (CREATE TABLE .. PARTITION BY .. AS SELECT), and give it the old one's name",
        )
    later = {one.table: one.layout for one in changes if isinstance(one, SetLayout) and "sort" in one.fields}
    for change in changes:
        match change:
            case RenameColumn(table=name, before=column) | DropColumn(table=name, column=column):
                pass
            case WidenColumn(table=name, before=found):
                column = found.name
            case _:
                continue
        if not isinstance(change, record.capabilities.layout_fixes):
            continue
        how = _how(stands_on.find(name), column, later if isinstance(change, DropColumn) else {})
        if how:
            yield refusal(
                "EC622",
                f"{name}.{column} cannot be {_WORDS[type(change)]}: the table is {how} by it",
                column_address(name.schema, name.table, column, warehouse=warehouse),
                change.origin,
                "take it out of `cluster_by` in the warehouse's `layout`, and apply that first"
                if how == "clustered"
                else "make a new table by hand, or leave the column",
            )


def _how(table: Table | None, column: str, later: Mapping[TableName, Layout]) -> str:
    """Return how the table is laid out by a column; `later` are layouts that it gets before."""
    if table is None or table.layout is None:
        return ""
    if column == table.layout.partition:
        return "partitioned"
    return "clustered" if column in later.get(table.name, table.layout).sort else ""
