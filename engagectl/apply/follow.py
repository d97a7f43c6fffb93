"""The journal's own names follow what a step renamed, made anew or dropped."""

from engagectl.journal import applied, names, ownership
from engagectl.model.change import AddColumn, Change, CreateTable, DropColumn, DropTable, RenameColumn, RenameTable
from engagectl.warehouses.contract import Connection

_USERS = "users"


def follow(change: Change, connection: Connection, journal: str) -> None:
    """Bring the times of `users`, the applied state and ownership along. Doing it twice changes nothing.

    Ownership comes last: while it has the old name, a later apply knows that the rest may not be done.
    """
    match change:
        case RenameTable(before=before, table=after):
            applied.rename_table(connection, journal, before, after)
            ownership.rename_table(connection, journal, before, after)
        case RenameColumn(table=table, before=old, column=new):
            if table.table == _USERS:
                names.rename_column(connection, journal, table, old, new)
            applied.rename_column(connection, journal, table, old, new)
            ownership.rename_column(connection, journal, table, old, new)
        case CreateTable(table=table) if table.family == "users":
            names.drop_table(connection, journal, table.name)  # times of an older one would hide new values
        case AddColumn(table=table, column=column) if table.table == _USERS:
            names.drop_column(connection, journal, table, column.name)
        case DropColumn(table=table, column=dropped):
            if table.table == _USERS:
                names.drop_column(connection, journal, table, dropped)
            ownership.forget(connection, journal, table, dropped)
        case DropTable(table=table):
            if table.table == _USERS:
                names.drop_table(connection, journal, table)
            ownership.forget(connection, journal, table)
        case _:
            pass
