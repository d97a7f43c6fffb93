"""The renames of a plan, as a way back from the names that are wanted to the names that are there."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engagectl.model.change import Change, RebuildColumn, RenameColumn, RenameTable
from engagectl.model.schema import Column, State, Table, TableName


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """`tables` map a new name to the old one; `columns` a new (table, column) to the old column."""

    tables: Mapping[TableName, TableName] = field(default_factory=dict)
    columns: Mapping[tuple[TableName, str], str] = field(default_factory=dict)

    def table_before(self, name: TableName) -> TableName:
        return self.tables.get(name, name)

    def cell(self, before: str) -> str:
        """Return a cell, `schema.table.column`, by the name that it will have."""
        if not self.tables and not self.columns:
            return before
        table, _, column = before.rpartition(".")
        after = {str(old): str(new) for new, old in self.tables.items()}.get(table, table)
        for (name, new), old in self.columns.items():
            if (str(name), old) == (after, column):
                column = new
                break
        return f"{after}.{column}"

    def afterwards(self, actual: State) -> State:
        """Return what is there, and beside it what is renamed under its new names: what later steps stand on."""
        if not self.tables and not self.columns:
            return actual
        more = []
        for name in {*self.tables, *(table for table, _ in self.columns)}:
            there = actual.find(self.table_before(name))
            if there is not None:
                more.append(dataclasses.replace(there, name=name, columns=tuple(self._columns(there, name))))
        new = {table.name for table in more}
        return State(
            schemas=actual.schemas, tables=(*(table for table in actual.tables if table.name not in new), *more)
        )

    def _columns(self, there: Table, name: TableName) -> Iterable[Column]:
        after = {old: new for (table, new), old in self.columns.items() if table == name}
        for column in there.columns:
            yield dataclasses.replace(column, name=after.get(column.name, column.name))

    def as_it_is(self, change: RebuildColumn) -> RebuildColumn:
        """Return the change by the names that the warehouse has before the plan runs."""
        old = self.columns.get((change.table, change.column.name), change.column.name)
        return dataclasses.replace(
            change, table=self.table_before(change.table), column=dataclasses.replace(change.column, name=old)
        )


def renamed(changes: Iterable[Change]) -> Renamed:
    tables, columns = {}, {}
    for change in changes:
        match change:
            case RenameTable(before=before, table=name):
                tables[name] = before
            case RenameColumn(table=name, before=old, column=column):
                columns[name, column] = old
            case _:
                pass
    return Renamed(tables=tables, columns=columns)
