"""A change and a warehouse -> statements. Templates print through SQL filters only; every statement is parsed again and
must be what its change says, before anybody believes it. This guards the shape: whether a server accepts it, only the
server knows.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, assert_never

from engagectl.errors import InternalError, RefusedError
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    DropView,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    SetLayout,
    SetView,
    WidenColumn,
    kind_of,
)
from engagectl.model.column_type import NATIVE_SHAPE, ColumnType, Native, type_text
from engagectl.model.names import fit
from engagectl.model.schema import Column, Table, TableName
from engagectl.render.cross_check import FILL, INDEX, PARTITIONS, PROPERTIES, check_adds, check_statement
from engagectl.render.names import beside, ident, table_sql
from engagectl.warehouses.contract import Warehouse

__all__ = [
    "check_statement",
    "count_misfits",
    "count_rows",
    "ident",
    "render",
    "render_adds",
    "table_sql",
]

if TYPE_CHECKING:
    import jinja2


class Fragment(str):
    """SQL that a filter made: the only thing a template may print."""

    __slots__ = ()


def render(change: Change, warehouse: Warehouse) -> tuple[str, ...]:
    """Return the statements of a change, in order. A setting is no statement.

    A new table or column brings its comments along, PostgreSQL's `users` the unique index that its upsert needs. Where
    a table must be told first that its columns may change (set_properties.sql.j2), that comes before.
    Raises RefusedError for what this warehouse cannot do, InternalError when a statement is not what it should be.
    """
    _check_columns(change, warehouse)
    statements = []
    _check_comments(change, warehouse)
    for template, part in _parts(change, warehouse):
        sql = _template(warehouse, template).render(change=part).strip()
        check_statement(sql, part, warehouse, template=template)
        statements.append(sql)
    return tuple(statements)


def render_adds(changes: Sequence[AddColumn], warehouse: Warehouse) -> tuple[str, ...]:
    """Return what adds several columns to one table at once, and then their comments."""
    sql = _template(warehouse, "add_columns.sql.j2").render(table=changes[0].table, changes=changes).strip()
    check_adds(sql, changes, warehouse)
    comments = (statement for change in changes for statement in render(change, warehouse)[1:])
    return (sql, *comments)


def count_misfits(change: RebuildColumn | WidenColumn, warehouse: Warehouse) -> str:
    """Return the SELECT that counts the values which would not convert, or not without a loss."""
    misfits = warehouse.misfit_sql(ident(warehouse, change.column.name), change.before.type, change.column.type)
    return f"SELECT count(*)\nFROM {table_sql(warehouse, change.table)}\nWHERE {misfits}"


def count_rows(change: RebuildColumn, warehouse: Warehouse) -> str:
    """Return the SELECT that counts the rows and the values which a rebuild keeps."""
    column = ident(warehouse, change.column.name)
    return f"SELECT count(*), count({column})\nFROM {table_sql(warehouse, change.table)}"


def _check_columns(change: Change, warehouse: Warehouse) -> None:
    """Raise RefusedError for a new column under a name that the engine keeps for itself in every table."""
    match change:
        case CreateTable(table=table):
            names = {column.name for column in table.columns}
        case AddColumn(column=column):
            names = {column.name}
        case RenameColumn(column=name):
            names = {name}
        case _:
            return
    for name in sorted(names & warehouse.limits.system_columns):
        raise RefusedError(
            f"{warehouse.title} has a column {name!r} of its own in every table: no other can have the name",
            code="EC412",
            help="give it another name",
        )


def _parts(change: Change, warehouse: Warehouse) -> Iterator[tuple[str, Change]]:
    """Yield each template with the change it is rendered for."""
    match change:
        case ChangeSetting():
            return
        case CreateTable(table=table):
            yield "create_table.sql.j2", change
            if warehouse.capabilities.comments_inline:
                return
            if table.family == "users" and _source(warehouse, INDEX):
                yield INDEX, change
            if table.description:
                yield "set_comment.sql.j2", _comment(table.name, "", table.description)
            for column in table.columns:
                if column.description:
                    yield "set_comment.sql.j2", _comment(table.name, column.name, column.description)
        case AddColumn(table=name, column=column):
            yield "add_column.sql.j2", change
            if column.description and not warehouse.capabilities.comments_inline:
                yield "set_comment.sql.j2", _comment(name, column.name, column.description)
        case WidenColumn(table=name) | RebuildColumn(table=name) if not _is_possible(change, warehouse):
            raise RefusedError(
                f"{warehouse.title} cannot turn {name}.{change.column.name} from {type_text(change.before.type)} into"
                f" {type_text(change.column.type)}",
                code="EC602",
            )
        case RenameTable(before=before, table=name) if before.schema != name.schema:
            raise RefusedError(
                f"{before} cannot be renamed to {name}: a table stays in its schema",
                help="declare the new table, and remove the old one under `removed:`",
            )
        case RenameColumn() | WidenColumn() | DropColumn():
            if _source(warehouse, PROPERTIES):
                yield PROPERTIES, change
            yield f"{kind_of(change)}.sql.j2", change
        case RebuildColumn() if warehouse.capabilities.rebuilds_beside:
            yield from _rebuilt_beside(change, warehouse)
        case SetLayout(fields=fields):
            if "sort" in fields:
                yield "set_layout.sql.j2", change
            if {"filter_required", "expires_days"} & set(fields):
                yield PARTITIONS, change
        case CreateSchema() | RenameTable() | RebuildColumn() | SetComment() | SetView() | DropView() | DropTable():
            yield f"{kind_of(change)}.sql.j2", change
        case _:
            assert_never(change)


def _rebuilt_beside(change: RebuildColumn, warehouse: Warehouse) -> Iterator[tuple[str, Change]]:
    """Yield what gives a column another type where no column changes it: a new one is filled and takes its place."""
    name, column = change.table, change.column
    another = Column(name=beside(column.name, warehouse), type=column.type)
    yield "add_column.sql.j2", AddColumn(table=name, column=another)
    yield FILL, change
    yield "drop_column.sql.j2", DropColumn(table=name, column=column.name, type=change.before.type, reason="rebuilt")
    yield "rename_column.sql.j2", RenameColumn(table=name, before=another.name, column=column.name)
    if column.description:
        yield "set_comment.sql.j2", _comment(name, column.name, column.description)


def _is_possible(change: WidenColumn | RebuildColumn, warehouse: Warehouse) -> bool:
    """Tell whether the engine can change the type so: some widen in place and rebuild nothing."""
    before, after = warehouse.settle(change.before.type), warehouse.settle(change.column.type)
    if isinstance(change, WidenColumn) and warehouse.capabilities.rebuilds_beside:
        return warehouse.relate(before, after) == "widen"
    return warehouse.capabilities.rebuilds or warehouse.relate(before, after) != "rebuild"


def _check_comments(change: Change, warehouse: Warehouse) -> None:
    """Raise RefusedError for a comment on a column that is longer than the engine takes."""
    match change:
        case CreateTable(table=table):
            texts = [(f"{table.name}.{column.name}", column.description) for column in table.columns]
        case AddColumn(table=name, column=column):
            texts = [(f"{name}.{column.name}", column.description)]
        case SetComment(table=name, column=text_column, comment=text) if text_column:
            texts = [(f"{name}.{text_column}", text)]
        case _:
            texts = []
    limit = warehouse.limits.comment_chars
    for place, text in texts:
        if limit is not None and len(text or "") > limit:
            raise RefusedError(
                f"the description of {place} has {len(text or '')} characters; {warehouse.title} keeps {limit}",
                help="shorten the description",
            )


def _comment(table: TableName, column: str, text: str) -> SetComment:
    return SetComment(table=table, column=column, before=None, comment=text)


# --- templates ----------------------------------------------------------------


@cache
def _source(warehouse: Warehouse, template: str) -> str:
    """Return a template's text: the warehouse's own, else the default; empty when there is neither."""
    for folder in (warehouse.name, "ansi"):
        found = files("engagectl.warehouses").joinpath(folder, "sql", template)
        if found.is_file():
            return found.read_text(encoding="utf-8")
    return ""


@cache
def _template(warehouse: Warehouse, template: str) -> "jinja2.Template":
    source = _source(warehouse, template)
    if not source:
        raise InternalError(f"no template {template} for {warehouse.name}")
    return _environment(warehouse).from_string(source)


@cache
def _environment(warehouse: Warehouse) -> "jinja2.Environment":
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=_only_fragments,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update(_filters(warehouse))
    return environment


def _only_fragments(value: object) -> Fragment:
    if not isinstance(value, Fragment):
        raise InternalError(f"a template may print through a SQL filter only, not {type(value).__name__}")
    return value


def _filters(warehouse: Warehouse) -> dict[str, Callable[..., Fragment]]:
    def name_filter(name: str) -> Fragment:
        return Fragment(ident(warehouse, name))

    def table_filter(name: TableName) -> Fragment:
        return Fragment(table_sql(warehouse, name))

    def type_filter(column_type: ColumnType) -> Fragment:
        return Fragment(_type(warehouse, column_type))

    def literal_filter(text: str | None) -> Fragment:
        return Fragment(_literal(warehouse.dialect, text or ""))

    def cast_filter(change: WidenColumn | RebuildColumn) -> Fragment:
        return Fragment(
            warehouse.cast_sql(ident(warehouse, change.column.name), change.before.type, change.column.type)
        )

    def clustered_filter(table: Table) -> Fragment:
        return Fragment(", ".join(ident(warehouse, name) for name in warehouse.clustered(table)))

    def days_filter(days: int) -> Fragment:
        return Fragment(str(int(days)) if days else "NULL")

    def beside_filter(name: str) -> Fragment:
        return Fragment(ident(warehouse, beside(name, warehouse)))

    def index_filter(name: TableName) -> Fragment:
        index = f"{name.table}_id_key"
        return Fragment(ident(warehouse, fit(index, index, identifier_bytes=warehouse.limits.identifier_bytes or 255)))

    return {
        "ident": name_filter,
        "table": table_filter,
        "type": type_filter,
        "literal": literal_filter,
        "cast": cast_filter,
        "clustered": clustered_filter,
        "index": index_filter,
        "beside": beside_filter,
        "days": days_filter,
    }


def _type(warehouse: Warehouse, column_type: ColumnType) -> str:
    """Write a type. A native one comes from the YAML as text: it must look like one, or it goes no further."""
    if isinstance(column_type, Native) and not NATIVE_SHAPE.fullmatch(column_type.name):
        raise RefusedError(
            f"{column_type.name!r} is not a type that engagectl can create",
            code="EC411",
            help="a native type is a name, with its sizes in parentheses; create another one by hand and import it",
        )
    return warehouse.type_sql(column_type)


def _literal(dialect: str, text: str) -> str:
    from sqlglot import exp

    return exp.Literal.string(text).sql(dialect=dialect)
