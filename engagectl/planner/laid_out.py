"""What an engine refuses for how a table's rows are kept: refused before it is sent."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from engagectl.diff import Difference, Parted
from engagectl.model.address import column_address, table_address
from engagectl.model.change import Change, DropColumn, RenameColumn, SetLayout, WidenColumn
from engagectl.model.plan import Noted
from engagectl.model.schema import Layout, LayoutField, State, Table, TableName, partition_text
from engagectl.risk import Judged, refusal
from engagectl.warehouses.contract import Warehouse

_WORDS = {RenameColumn: "renamed", DropColumn: "dropped", WidenColumn: "widened"}


def leave_layouts(difference: Difference, record: Warehouse) -> Difference:
    """Make no step of a layout that would write a table again: plan and drift tell of it, people choose the hour."""
    if record.capabilities.layout_in_place:
        return difference
    left = tuple(one for one in difference.changes if isinstance(one, SetLayout))
    changes = tuple(one for one in difference.changes if not isinstance(one, SetLayout))
    return dataclasses.replace(difference, changes=changes, left=left)


def left_layouts(difference: Difference, warehouse: str) -> Iterator[Noted]:
    for one in difference.left:
        yield Noted(
            kind="layout",
            address=table_address(one.table.schema, one.table.table, warehouse=warehouse),
            detail=f"{_kept(one.before, one.fields)}; `layout` says {_kept(one.layout, one.fields)}",
        )


def _kept(layout: Layout, fields: Iterable[LayoutField]) -> str:
    words = {
        "distribute": f"spread by {layout.distribute or 'nothing'}",
        "sort": f"sorted by {', '.join(layout.sort) or 'nothing'}",
    }
    return ", ".join(words[one] for one in fields if one in words)


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
                _first(how, record),
            )


def _first(how: str, record: Warehouse) -> str:
    if not record.capabilities.layout_in_place:
        return "lay the table out by other columns first, by hand: that writes every row of it again"
    if how == "clustered":
        return "take it out of `cluster_by` in the warehouse's `layout`, and apply that first"
    return "make a new table by hand, or leave the column"


def _how(table: Table | None, column: str, later: Mapping[TableName, Layout]) -> str:
    """Return how the table is laid out by a column; `later` are layouts that it gets before."""
    if table is None or table.layout is None:
        return ""
    if column == table.layout.partition:
        return "partitioned"
    if column == table.layout.distribute:
        return "spread"
    return "clustered" if column in later.get(table.name, table.layout).sort else ""
