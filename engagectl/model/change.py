"""The closed family of changes. Their order here is the order in which a plan runs them; ties go by address."""

from dataclasses import dataclass, field
from typing import Literal, assert_never

from engagectl.model.address import Address, column_address, schema_address, table_address
from engagectl.model.column_type import ColumnType
from engagectl.model.origin import NOWHERE, Origin
from engagectl.model.schema import Column, Layout, LayoutField, Table, TableName, View

Hazard = Literal[
    "DATA_LOSS",
    "TABLE_REWRITE",
    "LOCK",
    "BACKWARD_INCOMPATIBLE",
    "NOT_TRANSACTIONAL",
    "DEPENDENT_VIEW",
    "FOREIGN_WRITER",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSchema:
    schema: str
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTable:
    before: TableName
    table: TableName
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameColumn:
    table: TableName
    before: str
    column: str
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable:
    table: Table
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumn:
    table: TableName
    column: Column
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WidenColumn:
    """The new type holds every value of the old one, in its one text form; no consent is needed."""

    table: TableName
    before: Column
    column: Column
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildColumn:
    """Every value is cast; those that do not cast are counted first, and more than none is a refusal."""

    table: TableName
    before: Column
    column: Column
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetComment:
    """A description is a comment on the column, or on the table when `column` is empty."""

    table: TableName
    column: str
    before: str | None
    comment: str | None
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLayout:
    """How a table that is there keeps the rows that come: of `layout` the `fields` alone. Old rows stay as they are."""

    table: TableName
    before: Layout
    layout: Layout
    fields: tuple[LayoutField, ...]
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetView:
    """Made, or made anew: `before` is None when it is not there. `columns` are those that it then has."""

    name: TableName
    view: View
    before: View | None
    columns: tuple[str, ...]
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropView:
    """Of a table that goes, or gets another name."""

    name: TableName
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetting:
    """A setting that is no schema: it is written to the journal's applied state. Values are their YAML text."""

    subject: Address
    setting: str
    before: str | None
    after: str | None
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropColumn:
    """Asked for by `removed:`; `reason` is its text."""

    table: TableName
    column: str
    type: ColumnType
    reason: str
    origin: Origin = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTable:
    table: TableName
    reason: str
    origin: Origin = field(default=NOWHERE, compare=False)


Change = (
    CreateSchema
    | RenameTable
    | RenameColumn
    | CreateTable
    | AddColumn
    | WidenColumn
    | RebuildColumn
    | SetComment
    | SetLayout
    | ChangeSetting
    | DropColumn
    | SetView
    | DropView
    | DropTable
)


def kind_of(change: Change) -> str:
    """Return the word for this kind of change, as plan, journal and JSON write it."""
    match change:
        case CreateSchema():
            return "create_schema"
        case RenameTable():
            return "rename_table"
        case RenameColumn():
            return "rename_column"
        case CreateTable():
            return "create_table"
        case AddColumn():
            return "add_column"
        case WidenColumn():
            return "widen_column"
        case RebuildColumn():
            return "rebuild_column"
        case SetComment():
            return "set_comment"
        case SetLayout():
            return "set_layout"
        case ChangeSetting():
            return "change_setting"
        case DropColumn():
            return "drop_column"
        case SetView():
            return "set_view"
        case DropView():
            return "drop_view"
        case DropTable():
            return "drop_table"
        case _:
            assert_never(change)


def rank_of(change: Change) -> int:
    """Return the place of this kind in the order of a plan."""
    return _RANK[kind_of(change)]


_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            "create_schema",
            "rename_table",
            "rename_column",
            "create_table",
            "add_column",
            "widen_column",
            "rebuild_column",
            "set_comment",
            "set_layout",
            "change_setting",
            "drop_column",
            "set_view",
            "drop_view",
            "drop_table",
        )
    )
}


def address_of(change: Change, *, warehouse: str = "") -> Address:
    """Return the address of the object that the change is about, by its new name."""
    match change:
        case CreateSchema(schema=schema):
            return schema_address(schema, warehouse=warehouse)
        case CreateTable(table=table):
            return table_address(table.name.schema, table.name.table, warehouse=warehouse)
        case RenameTable(table=name) | DropTable(table=name) | SetLayout(table=name):
            return table_address(name.schema, name.table, warehouse=warehouse)
        case SetView(name=name) | DropView(name=name):
            return table_address(name.schema, name.table, warehouse=warehouse)
        case RenameColumn(table=name, column=column) | DropColumn(table=name, column=column):
            return column_address(name.schema, name.table, column, warehouse=warehouse)
        case (
            AddColumn(table=name, column=column)
            | WidenColumn(table=name, column=column)
            | RebuildColumn(table=name, column=column)
        ):
            return column_address(name.schema, name.table, column.name, warehouse=warehouse)
        case SetComment(table=name, column=column):
            if not column:
                return table_address(name.schema, name.table, warehouse=warehouse)
            return column_address(name.schema, name.table, column, warehouse=warehouse)
        case ChangeSetting(subject=subject):
            return Address(subject.kind, subject.name, warehouse)
        case _:
            assert_never(change)


def hazards_of(change: Change) -> tuple[Hazard, ...]:
    """Return what is dangerous about the change itself, on any warehouse. The warehouse may add to it."""
    match change:
        case DropTable() | DropColumn():
            return ("DATA_LOSS", "BACKWARD_INCOMPATIBLE")
        case RenameTable() | RenameColumn():
            return ("BACKWARD_INCOMPATIBLE",)
        case RebuildColumn():
            return ("TABLE_REWRITE", "LOCK", "BACKWARD_INCOMPATIBLE")
        case WidenColumn():
            return ("LOCK",)
        case DropView():
            return ("BACKWARD_INCOMPATIBLE",)
        case CreateSchema() | CreateTable() | AddColumn() | SetComment() | SetLayout() | SetView() | ChangeSetting():
            return ()
        case _:
            assert_never(change)
