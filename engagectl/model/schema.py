"""Schemas, tables and columns: the desired state, the actual state and the applied state are all a State.

Names are neutral: lower case, as YAML, plan and journal write them. Equality is by value; where a thing was
written and what only the catalog knows do not take part in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from engagectl.model.column_type import ColumnType
from engagectl.model.origin import NOWHERE, Origin


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`required` and `has_default` are facts of a catalog: NOT NULL, and a DEFAULT that fills what we do not.

    `renamed_from` are old names, asked for by a hint. `owner` is the YAML owner. `fed_by` are the addresses of what
    declared it (trait.x, activation.y.mapping), for plan, show and docs.
    """

    name: str
    type: ColumnType
    description: str | None = None
    required: bool = field(default=False, compare=False)
    has_default: bool = field(default=False, compare=False)
    renamed_from: tuple[str, ...] = field(default=(), compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)
    owner: str = field(default="", compare=False)
    fed_by: tuple[str, ...] = field(default=(), compare=False)


LayoutField = Literal["distribute", "sort", "partition", "filter_required", "expires_days"]
INGESTION = "ingestion"
"""The partition of rows by when they arrived, as BigQuery keeps it in no column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an engine of many nodes keeps a table's rows: by which column apart, and in which order.

    `partition` is the column by whose `unit` they are kept apart, "" for none; a query has to name it where
    `filter_required`, and a part is dropped when it is `expires_days` old (0: never). `said` are the fields that the
    YAML speaks of: the others hold for new tables only.
    """

    distribute: str = ""
    sort: tuple[str, ...] = ()
    partition: str = ""
    unit: str = "day"
    filter_required: bool = False
    expires_days: int = 0
    said: tuple[LayoutField, ...] = ()


def partition_text(layout: Layout) -> str:
    """Return the words for how the rows of a table are kept apart."""
    if not layout.partition:
        return "nothing"
    return f"{layout.partition}, each {layout.unit} apart" if layout.unit != "day" else layout.partition


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The newest row of each id in a table, by the column `newest`: of so many days, by the column `by`."""

    table: TableName
    days: int
    by: str
    newest: str


def view_name(table: TableName) -> TableName:
    """Return the name that Segment gives the view of a table."""
    return TableName(table.schema, f"{table.table}_view")


Family = Literal["classic", "users", "activation", "found"]


@dataclass(frozen=True, kw_only=True)
class Table:
    """`rows` is what the catalog says cheaply, None when it does not. `kind` is table or view, as found.

    `view` of a declared table is the one that shall be beside it; of a view that is found, what it is, if it is ours.
    """

    name: TableName
    columns: tuple[Column, ...]
    family: Family = field(default="found", compare=False)
    description: str | None = None
    renamed_from: tuple[str, ...] = field(default=(), compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)
    owner: str = field(default="", compare=False)
    fed_by: tuple[str, ...] = field(default=(), compare=False)
    rows: int | None = field(default=None, compare=False)
    kind: Literal["table", "view"] = field(default="table", compare=False)
    database_owner: str = field(default="", compare=False)
    dependents: tuple[str, ...] = field(default=(), compare=False)
    layout: Layout | None = field(default=None, compare=False)
    view: View | None = field(default=None, compare=False)

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}

    def find(self, name: str) -> Column | None:
        return self.by_name.get(name)


@dataclass(frozen=True, kw_only=True)
class State:
    """All schemas and tables that somebody asked for, or that a catalog holds."""

    schemas: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[TableName, Table]:
        return {table.name: table for table in self.tables}

    def find(self, name: TableName) -> Table | None:
        return self.by_name.get(name)
