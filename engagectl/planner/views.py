"""The views beside tables: made with them, kept in step with their columns, dropped with them."""

from collections.abc import Iterator, Sequence

from engagectl.model.address import table_address
from engagectl.model.change import (
    AddColumn,
    Change,
    CreateTable,
    DropColumn,
    DropTable,
    DropView,
    RenameColumn,
    RenameTable,
    SetView,
)
from engagectl.model.schema import State, Table, TableName, view_name
from engagectl.risk import Judged

_SUFFIX = "_view"


def view_changes(desired: State, actual: State, changes: Sequence[Change]) -> Iterator[Change]:
    """Yield what the views need, after the other changes. A view keeps the columns that it was made with, so it is made
    anew when its table gets or loses one. One that is not ours is left as it is.
    """
    before = {change.table: change.before for change in changes if isinstance(change, RenameTable)}
    for table in desired.tables:
        if table.view is None:
            continue
        name = view_name(table.name)
        there = actual.find(name)
        columns = _columns(actual.find(before.get(table.name, table.name)), table.name, changes)
        if there is not None and (
            there.view is None or (there.view == table.view and {one.name for one in there.columns} == set(columns))
        ):
            continue
        yield SetView(
            name=name,
            view=table.view,
            before=there.view if there is not None else None,
            columns=columns,
            origin=table.origin,
        )
    for change in changes:
        if isinstance(change, DropTable | RenameTable):
            gone = change.table if isinstance(change, DropTable) else change.before
            there = actual.find(view_name(gone))
            if there is not None and there.view is not None:
                yield DropView(name=there.name, origin=change.origin)


def _columns(there: Table | None, name: TableName, changes: Sequence[Change]) -> tuple[str, ...]:
    """Return the columns that a table has after the changes."""
    columns = dict.fromkeys(one.name for one in there.columns) if there is not None else {}
    for change in changes:
        match change:
            case CreateTable(table=made) if made.name == name:
                columns = dict.fromkeys(one.name for one in made.columns)
            case AddColumn(table=table, column=column) if table == name:
                columns[column.name] = None
            case RenameColumn(table=table, before=old, column=new) if table == name:
                columns = dict.fromkeys(new if one == old else one for one in columns)
            case DropColumn(table=table, column=gone) if table == name:
                columns.pop(gone, None)
            case _:
                pass
    return tuple(columns)


def judge_views(desired: State, actual: State, *, warehouse: str) -> Iterator[Judged]:
    """Yield an info line for each view that is wanted, where something else has its name."""
    for table in desired.tables:
        there = actual.find(view_name(table.name)) if table.view is not None else None
        if there is not None and there.view is None:
            yield Judged(
                code="EC623",
                severity="info",
                message=f"{there.name} is there and not made by engagectl: it is left as it is",
                address=table_address(there.name.schema, there.name.table, warehouse=warehouse),
                origin=table.origin,
                help=("drop it by hand to have it made here, or leave `views` out",),
            )


def is_view_beside(table: Table, actual: State) -> bool:
    """Tell whether a view is one that stands beside a table, as Segment makes it too: nothing to tell of."""
    name = table.name.table
    beside = TableName(table.name.schema, name.removesuffix(_SUFFIX))
    return table.kind == "view" and name.endswith(_SUFFIX) and actual.find(beside) is not None
