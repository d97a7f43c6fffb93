"""Desired x actual -> changes. Pure, and plain equality once both sides are settled."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from engagectl.model.change import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    SetLayout,
    WidenColumn,
    address_of,
    rank_of,
)
from engagectl.model.column_type import ColumnType
from engagectl.model.schema import Column, LayoutField, State, Table, TableName

Relate = Callable[[ColumnType, ColumnType], Literal["same", "holds", "widen", "rebuild"]]
Retype = Literal["refuse", "widen", "rebuild"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A column whose found type is not the wanted one: taken as it is, or not to be changed under the policy."""

    table: TableName
    found: Column
    wanted: Column


@dataclass(frozen=True, slots=True)
class Clash:
    """A rename hint whose old and new names are both there; `old` and `new` are columns, or tables as text."""

    table: TableName
    old: str
    new: str
    wanted: Column | Table


@dataclass(frozen=True, slots=True)
class Parted:
    """A table that is there, and is not partitioned as the YAML says: no engine changes that."""

    there: Table
    wanted: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    changes: tuple[Change, ...]
    held: tuple[Mismatch, ...] = ()
    refused: tuple[Mismatch, ...] = ()
    clashes: tuple[Clash, ...] = ()
    parted: tuple[Parted, ...] = ()
    left: tuple[SetLayout, ...] = ()  # layouts that are left to people: no step of a plan


@dataclass
class _Found:
    changes: list[Change] = field(default_factory=list)
    held: list[Mismatch] = field(default_factory=list)
    refused: list[Mismatch] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    parted: list[Parted] = field(default_factory=list)


def diff(desired: State, actual: State, *, relate: Relate, retype: Retype) -> Difference:
    """Return what leads from actual to desired. What only actual holds is left alone: absence is never a drop."""
    found = _Found()
    for schema in desired.schemas:
        if schema not in actual.schemas:
            origin = next(table.origin for table in desired.tables if table.name.schema == schema)
            found.changes.append(CreateSchema(schema=schema, origin=origin))
    for table in desired.tables:
        there = _table_there(desired, actual, table, found)
        if there is None:
            found.changes.append(CreateTable(table=_sorted_hints(table), origin=table.origin))
            continue
        if there.columns != table.columns or table.description is not None:
            _columns(table, there, found, relate=relate, retype=retype)
        _layout(table, there, found)
    return Difference(
        changes=in_order(found.changes),
        held=tuple(found.held),
        refused=tuple(found.refused),
        clashes=tuple(found.clashes),
        parted=tuple(found.parted),
    )


def in_order(changes: list[Change]) -> tuple[Change, ...]:
    """Return the changes in the order in which a plan runs them."""
    return tuple(
        sorted(changes, key=lambda change: (rank_of(change), str(address_of(change)), getattr(change, "setting", "")))
    )


def _sorted_hints(table: Table) -> Table:
    return dataclasses.replace(table, renamed_from=())


def _table_there(desired: State, actual: State, table: Table, found: _Found) -> Table | None:
    there = actual.find(table.name)
    for old_name in table.renamed_from:
        old = actual.find(TableName(table.name.schema, old_name))
        if old is None or desired.find(old.name) is not None:
            continue
        if there is not None:
            found.clashes.append(Clash(table.name, str(old.name), str(table.name), table))
            continue
        found.changes.append(RenameTable(before=old.name, table=table.name, origin=table.origin))
        there = dataclasses.replace(old, name=table.name)
    return there


def _columns(table: Table, there: Table, found: _Found, *, relate: Relate, retype: Retype) -> None:
    if table.description is not None and table.description != there.description:
        found.changes.append(
            SetComment(
                table=table.name,
                column="",
                before=there.description,
                comment=table.description,
                origin=table.origin,
            )
        )
    for column in table.columns:
        has = _column_there(table, there, column, found)
        if has is None:
            found.changes.append(AddColumn(table=table.name, column=column, origin=column.origin))
            continue
        found.changes.extend(_retyped(table, has, column, found, relate=relate, retype=retype))
        if column.description is not None and column.description != has.description:
            found.changes.append(
                SetComment(
                    table=table.name,
                    column=column.name,
                    before=has.description,
                    comment=column.description,
                    origin=column.origin,
                )
            )


def _layout(table: Table, there: Table, found: _Found) -> None:
    """Compare what the YAML says of a layout, where the catalog tells one."""
    if table.layout is None or there.layout is None:
        return
    wanted, has = table.layout, there.layout
    other: list[LayoutField] = [one for one in wanted.said if getattr(wanted, one) != getattr(has, one)]
    if "partition" in wanted.said and (wanted.partition, wanted.unit) != (has.partition, has.unit):
        found.parted.append(Parted(there, table))
        return
    if other:
        found.changes.append(
            SetLayout(table=table.name, before=has, layout=wanted, fields=tuple(other), origin=table.origin)
        )


def _column_there(table: Table, there: Table, column: Column, found: _Found) -> Column | None:
    has = there.find(column.name)
    for old_name in column.renamed_from:
        old = there.find(old_name)
        if old is None or table.find(old_name) is not None:
            continue
        if has is not None:
            found.clashes.append(Clash(table.name, old_name, column.name, column))
            continue
        found.changes.append(RenameColumn(table=table.name, before=old_name, column=column.name, origin=column.origin))
        has = dataclasses.replace(old, name=column.name)
    return has


def _retyped(
    table: Table, has: Column, column: Column, found: _Found, *, relate: Relate, retype: Retype
) -> Iterator[Change]:
    if has.type == column.type:
        return
    relation = relate(has.type, column.type)
    if relation == "holds":
        found.held.append(Mismatch(table.name, has, column))
    elif relation == "widen" and retype != "refuse":
        yield WidenColumn(table=table.name, before=has, column=column, origin=column.origin)
    elif relation == "rebuild" and retype == "rebuild":
        yield RebuildColumn(table=table.name, before=has, column=column, origin=column.origin)
    elif relation != "same":
        found.refused.append(Mismatch(table.name, has, column))
