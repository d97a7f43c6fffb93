"""Renames and drops that the warehouse has had and the journal has not: an apply was cut between the two."""

from collections.abc import Iterator

from engagectl.desired.build import Desired
from engagectl.model.change import Change, DropColumn, DropTable, RenameColumn, RenameTable
from engagectl.model.column_type import Text
from engagectl.model.schema import TableName
from engagectl.planner.seen import Seen


def followed(desired: Desired, seen: Seen, project: str) -> Iterator[Change]:
    """Yield what apply writes to the journal without a statement: possible where DDL is in no transaction."""
    tables = desired.state.tables
    has_hints = any(table.renamed_from or any(column.renamed_from for column in table.columns) for table in tables)
    if not has_hints and not desired.removed:
        return
    ours = {row.key for row in seen.owned if row.project == project}
    for table in desired.state.tables:
        name, there = table.name, seen.actual.find(table.name)
        if there is None:
            continue
        for old in table.renamed_from:
            before = TableName(name.schema, old)
            has_old = (*_key(before), "") in ours
            if has_old and (*_key(name), "") not in ours and seen.actual.find(before) is None:
                yield RenameTable(before=before, table=name, origin=table.origin)
        for column in table.columns:
            for old in column.renamed_from:
                is_done = there.find(column.name) is not None and there.find(old) is None
                if is_done and (*_key(name), old) in ours and (*_key(name), column.name) not in ours:
                    yield RenameColumn(table=name, before=old, column=column.name, origin=column.origin)
    yield from _dropped(desired, seen, ours)


def _dropped(desired: Desired, seen: Seen, ours: set[tuple[str, str, str]]) -> Iterator[Change]:
    for one in desired.removed:
        schema, _, rest = one.address.name.partition(".")
        table, _, column = rest.partition(".")
        name = TableName(schema, table)
        there = seen.actual.find(name)
        if (schema, table, column) not in ours:
            continue
        if one.address.kind == "table" and there is None:
            yield DropTable(table=name, reason=one.reason, origin=one.origin)
        elif one.address.kind == "column" and there is not None and there.find(column) is None:
            yield DropColumn(table=name, column=column, type=Text(), reason=one.reason, origin=one.origin)


def _key(name: TableName) -> tuple[str, str]:
    return (name.schema, name.table)
