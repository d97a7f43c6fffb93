"""What was rendered, parsed again: one statement, of the kind and on the object that its change says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from engagectl.errors import InternalError
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
from engagectl.model.schema import Column, Layout, TableName
from engagectl.render.names import beside, ident, table_sql
from engagectl.warehouses.contract import Warehouse
from engagectl.warehouses.letters import turned

if TYPE_CHECKING:
    from sqlglot import exp

INDEX, PROPERTIES = "create_users_index.sql.j2", "set_properties.sql.j2"
FILL, PARTITIONS = "fill_column.sql.j2", "set_partitions.sql.j2"
"""Templates whose statements are not of the kind of their change."""


def check_statement(sql: str, change: Change, warehouse: Warehouse, *, template: str = "") -> None:
    """Parse a statement: it must be one, of the kind and on the object that its change says, and drop nothing else."""
    from sqlglot import errors, exp, parse

    try:
        parsed = parse(_parsable(sql, change, warehouse), dialect=warehouse.dialect)
    except errors.SqlglotError:
        parsed = []
    statement = _neutral(parsed[0], warehouse) if len(parsed) == 1 else None
    if template == PROPERTIES:
        if statement is None or _set_properties(statement) != _changed_table(change):
            raise InternalError(f"the SQL that sets properties of {warehouse.title} is not what it should be: {sql!r}")
        return
    is_right = statement is not None and (
        _fills(statement, change, warehouse)
        if template == FILL
        else _is_for(statement, change, index=template == INDEX)
    )
    if statement is None or not is_right:
        raise InternalError(f"the SQL of {kind_of(change)} for {warehouse.title} is not what it should be: {sql!r}")
    drops = statement.find(exp.Drop) is not None
    if drops != isinstance(change, DropColumn | DropTable | DropView):
        raise InternalError(f"the SQL of {kind_of(change)} for {warehouse.title} drops something: {sql!r}")


def _parsable(sql: str, change: Change, warehouse: Warehouse) -> str:
    """Return the statement as sqlglot parses it: SET OPTIONS of a column it knows only as that of a table. What is left
    out is exactly that column, so another one stays in, and is no SetComment. A clustering key that is dropped it knows
    as one of no columns.
    """
    if isinstance(change, SetLayout):
        head, _, rest = sql.partition("\n")
        return f"{head}\nCLUSTER BY ()" if rest == "DROP CLUSTERING KEY" else sql
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
        case SetLayout(table=name, layout=layout):
            return found == _pair(name) and _laid_out(statement, layout)
        case DropColumn(table=name, column=dropped):
            action = _action(statement, exp.Drop)
            return found == _pair(name) and action is not None and _dropped(action) == [dropped]
        case DropTable(table=name):
            return isinstance(statement, exp.Drop) and statement.kind == "TABLE" and found == _pair(name)
        case SetView(name=name, view=view):
            return (
                isinstance(statement, exp.Create)
                and statement.kind == "VIEW"
                and found == _pair(name)
                and [(one.db, one.name) for one in statement.expression.find_all(exp.Table)] == [_pair(view.table)]
            )
        case DropView(name=name):
            return isinstance(statement, exp.Drop) and statement.kind == "VIEW" and found == _pair(name)
        case ChangeSetting():
            return False
        case _:
            assert_never(change)


_OF_PARTITIONS = {"require_partition_filter", "partition_expiration_days"}


def _laid_out(statement: "exp.Expr", layout: Layout) -> bool:
    """Tell whether a statement clusters a table by those columns, or sets options of its partitions, and no more."""
    from sqlglot import exp

    if (clustered := _action(statement, exp.ClusterProperty)) is not None:
        return [one.name for one in clustered.find_all(exp.Identifier) if one.quoted] == list(layout.sort)
    options = _action(statement, exp.AlterSet)
    named = {one.name for one in options.find_all(exp.Property)} if options is not None else set()
    return bool(named) and named <= _OF_PARTITIONS


def _fills(statement: "exp.Expr", change: Change, warehouse: Warehouse) -> bool:
    """Tell whether a statement fills the new column of a rebuild, in every row of that table, and does nothing else."""
    from sqlglot import exp

    if not isinstance(statement, exp.Update) or not isinstance(change, RebuildColumn):
        return False
    table, sets = statement.this, statement.expressions
    return (
        (table.db, table.name) == _pair(change.table)
        and statement.args.get("where") is None
        and [one.this.name for one in sets] == [beside(change.column.name, warehouse)]
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
