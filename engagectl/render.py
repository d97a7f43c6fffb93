"""A change and a warehouse -> statements. Templates print through SQL filters only; every statement is parsed again and
must be what its change says, before anybody believes it. This guards the shape: whether a server accepts it, only the
server knows.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
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
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    WidenColumn,
    kind_of,
)
from engagectl.model.column_type import NATIVE_SHAPE, ColumnType, Native, type_text
from engagectl.model.names import fit
from engagectl.model.schema import Column, Table, TableName
from engagectl.warehouses.contract import Warehouse
from engagectl.warehouses.letters import turned

if TYPE_CHECKING:
    import jinja2
    from sqlglot import exp


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


def ident(warehouse: Warehouse, name: str) -> str:
    """Quote a name. Raises RefusedError for one that this warehouse would refuse or silently cut."""
    limit = warehouse.limits.identifier_bytes
    if not name or "\0" in name:
        raise RefusedError(f"{name!r} cannot be the name of anything in {warehouse.title}", code="EC412")
    if limit is not None and len(name.encode("utf-8", "surrogatepass")) > limit:
        raise RefusedError(
            f"the name {name!r} is longer than the {limit} bytes that {warehouse.title} keeps",
            code="EC412",
            help="give it a shorter name",
        )
    return _quoted(warehouse.dialect, turned(name) if warehouse.capabilities.case == "upper" else name)


def table_sql(warehouse: Warehouse, name: TableName) -> str:
    """Write a table's name with its schema."""
    return f"{ident(warehouse, name.schema)}.{ident(warehouse, name.table)}"


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
            if table.family == "users" and _source(warehouse, _INDEX):
                yield _INDEX, change
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
            if _source(warehouse, _PROPERTIES):
                yield _PROPERTIES, change
            yield f"{kind_of(change)}.sql.j2", change
        case RebuildColumn() if warehouse.capabilities.rebuilds_beside:
            yield from _rebuilt_beside(change, warehouse)
        case CreateSchema() | RenameTable() | RebuildColumn() | SetComment() | DropTable():
            yield f"{kind_of(change)}.sql.j2", change
        case _:
            assert_never(change)


_INDEX, _PROPERTIES = "create_users_index.sql.j2", "set_properties.sql.j2"
_FILL = "fill_column.sql.j2"


def _rebuilt_beside(change: RebuildColumn, warehouse: Warehouse) -> Iterator[tuple[str, Change]]:
    """Yield what gives a column another type where no column changes it: a new one is filled and takes its place."""
    name, column = change.table, change.column
    beside = Column(name=_beside(column.name, warehouse), type=column.type)
    yield "add_column.sql.j2", AddColumn(table=name, column=beside)
    yield _FILL, change
    yield "drop_column.sql.j2", DropColumn(table=name, column=column.name, type=change.before.type, reason="rebuilt")
    yield "rename_column.sql.j2", RenameColumn(table=name, before=beside.name, column=column.name)
    if column.description:
        yield "set_comment.sql.j2", _comment(name, column.name, column.description)


def _beside(name: str, warehouse: Warehouse) -> str:
    return fit(f"{name}__rebuilt", name, identifier_bytes=warehouse.limits.identifier_bytes or 255)


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

    def beside_filter(name: str) -> Fragment:
        return Fragment(ident(warehouse, _beside(name, warehouse)))

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


@lru_cache(maxsize=65_536)
def _quoted(dialect: str, name: str) -> str:
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def _literal(dialect: str, text: str) -> str:
    from sqlglot import exp

    return exp.Literal.string(text).sql(dialect=dialect)


# --- the cross-check ----------------------------------------------------------


def check_statement(sql: str, change: Change, warehouse: Warehouse, *, template: str = "") -> None:
    """Parse a statement: it must be one, of the kind and on the object that its change says, and drop nothing else."""
    from sqlglot import errors, exp, parse

    try:
        parsed = parse(_parsable(sql, change, warehouse), dialect=warehouse.dialect)
    except errors.SqlglotError:
        parsed = []
    statement = _neutral(parsed[0], warehouse) if len(parsed) == 1 else None
    if template == _PROPERTIES:
        if statement is None or _set_properties(statement) != _changed_table(change):
            raise InternalError(f"the SQL that sets properties of {warehouse.title} is not what it should be: {sql!r}")
        return
    is_right = statement is not None and (
        _fills(statement, change, warehouse)
        if template == _FILL
        else _is_for(statement, change, index=template == _INDEX)
    )
    if statement is None or not is_right:
        raise InternalError(f"the SQL of {kind_of(change)} for {warehouse.title} is not what it should be: {sql!r}")
    drops = statement.find(exp.Drop) is not None
    if drops != isinstance(change, DropColumn | DropTable):
        raise InternalError(f"the SQL of {kind_of(change)} for {warehouse.title} drops something: {sql!r}")


def _parsable(sql: str, change: Change, warehouse: Warehouse) -> str:
    """Return the statement as sqlglot parses it: SET OPTIONS of a column it knows only as that of a table. What is left
    out is exactly that column, so another one stays in, and is no SetComment.
    """
    if not isinstance(change, SetComment) or not change.column:
        return sql
    table = f"ALTER TABLE {table_sql(warehouse, change.table)}"
    of_column = f"{table}\nALTER COLUMN {ident(warehouse, change.column)} SET OPTIONS "
    return f"{table}\nSET OPTIONS {sql.removeprefix(of_column)}" if sql.startswith(of_column) else sql


def check_adds(sql: str, changes: Sequence[AddColumn], warehouse: Warehouse) -> None:
    """Parse a statement that adds several columns: it must be one, on that table, with those columns alone."""
    from sqlglot import errors, exp, parse

    try:
        parsed = parse(sql, dialect=warehouse.dialect)
    except errors.SqlglotError:
        parsed = []
    statement = _neutral(parsed[0], warehouse) if len(parsed) == 1 else None
    actions = _actions(statement) if isinstance(statement, exp.Alter) else []
    table = statement.find(exp.Table) if statement is not None else None
    if (
        table is None
        or (table.db, table.name) != _pair(changes[0].table)
        or [action.name for action in actions if isinstance(action, exp.ColumnDef)] != [c.column.name for c in changes]
        or len(actions) != len(changes)
    ):
        raise InternalError(f"the SQL that adds columns for {warehouse.title} is not what it should be: {sql!r}")


def _neutral(statement: "exp.Expr | None", warehouse: Warehouse) -> "exp.Expr | None":
    """Give what was parsed its neutral names back: those that a change has."""
    from sqlglot import exp

    if statement is not None and warehouse.capabilities.case == "upper":
        for one in statement.find_all(exp.Identifier):
            one.set("this", turned(one.name))
    return statement


def _is_for(statement: "exp.Expr", change: Change, *, index: bool) -> bool:
    from sqlglot import exp

    table = statement.find(exp.Table)
    found = (table.db, table.name) if table is not None else ("", "")
    match change:
        case CreateSchema(schema=schema):
            return isinstance(statement, exp.Create) and statement.kind == "SCHEMA" and found == (schema, "")
        case CreateTable(table=wanted):
            kind = "INDEX" if index else "TABLE"
            return (
                isinstance(statement, exp.Create)
                and statement.kind == kind
                and found == _pair(wanted.name)
                and (index or _column_names(statement) == [column.name for column in wanted.columns])
            )
        case RenameTable(before=before, table=after):
            action = _action(statement, exp.AlterRename)
            to = (action.this.db or after.schema, action.this.name) if action is not None else ("", "")
            return found == _pair(before) and to == _pair(after)
        case RenameColumn(table=name, before=old, column=new):
            action = _action(statement, exp.RenameColumn)
            renamed = action is not None and (action.this.name, action.args["to"].name) == (old, new)
            return found == _pair(name) and renamed
        case AddColumn(table=name, column=column):
            return found == _pair(name) and _names(_action(statement, exp.ColumnDef), column)
        case WidenColumn(table=name, column=column) | RebuildColumn(table=name, column=column):
            altered = _action(statement, exp.AlterColumn)
            return found == _pair(name) and _names(altered, column) and "comment" not in (altered or statement).args
        case SetComment(table=name, column=text_column):
            return _commented(statement, text_column) == (*_pair(name), text_column)
        case DropColumn(table=name, column=dropped):
            action = _action(statement, exp.Drop)
            return found == _pair(name) and action is not None and _dropped(action) == [dropped]
        case DropTable(table=name):
            return isinstance(statement, exp.Drop) and statement.kind == "TABLE" and found == _pair(name)
        case ChangeSetting():
            return False
        case _:
            assert_never(change)


def _fills(statement: "exp.Expr", change: Change, warehouse: Warehouse) -> bool:
    """Tell whether a statement fills the new column of a rebuild, in every row of that table, and does nothing else."""
    from sqlglot import exp

    if not isinstance(statement, exp.Update) or not isinstance(change, RebuildColumn):
        return False
    table, sets = statement.this, statement.expressions
    return (
        (table.db, table.name) == _pair(change.table)
        and statement.args.get("where") is None
        and [one.this.name for one in sets] == [_beside(change.column.name, warehouse)]
    )


def _pair(name: TableName) -> tuple[str, str]:
    return (name.schema, name.table)


def _column_names(statement: "exp.Expr") -> list[str]:
    from sqlglot import exp

    return [definition.name for definition in statement.find_all(exp.ColumnDef)]


def _action(statement: "exp.Expr", kind: "type[exp.Expr]") -> "exp.Expr | None":
    """Return the one action of an ALTER TABLE, if it is of this kind."""
    from sqlglot import exp

    if not isinstance(statement, exp.Alter) or statement.args.get("kind") != "TABLE":
        return None
    actions = _actions(statement)
    return actions[0] if len(actions) == 1 and isinstance(actions[0], kind) else None


def _actions(statement: "exp.Alter") -> "list[exp.Expr]":
    """Return what an ALTER does, each alone: ADD COLUMNS (..) is several."""
    from sqlglot import exp

    listed = statement.args.get("actions") or []
    return [one for action in listed for one in (action.expressions if isinstance(action, exp.Schema) else [action])]


def _set_properties(statement: "exp.Expr") -> tuple[str, str]:
    """Return the table that a statement sets properties of, and does nothing else."""
    from sqlglot import exp

    action = _action(statement, exp.AlterSet)
    is_alone = action is not None and set(filter(action.args.get, action.args)) == {"expressions"}
    return (statement.this.db, statement.this.name) if is_alone else ("", "")


def _changed_table(change: Change) -> tuple[str, str]:
    return _pair(change.table) if isinstance(change, RenameColumn | WidenColumn | DropColumn) else ("", "-")


def _dropped(action: "exp.Expr") -> list[str]:
    from sqlglot import exp

    return [column.name for column in action.find_all(exp.Column)] if action.args.get("kind") == "COLUMN" else []


def _names(action: "exp.Expr | None", column: Column) -> bool:
    return action is not None and action.name == column.name


def _commented(statement: "exp.Expr", column: str) -> tuple[str, str, str]:
    """Return what a comment is put on: COMMENT ON, an ALTER COLUMN that does nothing else, or SET OPTIONS, which
    _parsable has taken the column out of.
    """
    from sqlglot import exp

    options = _action(statement, exp.AlterSet)
    if options is not None:
        named = [one.name for one in options.find_all(exp.Property)]
        return (statement.this.db, statement.this.name, column) if named == ["description"] else ("", "", "")

    altered = _action(statement, exp.AlterColumn)
    if altered is not None:
        is_comment = set(filter(altered.args.get, altered.args)) == {"this", "comment"}
        return (statement.this.db, statement.this.name, altered.name) if is_comment else ("", "", "")
    if not isinstance(statement, exp.Comment):
        return ("", "", "")
    target = statement.this
    if isinstance(target, exp.Column):
        return (target.db, target.table, target.name)
    return (target.db, target.name, "")
