"""The journal's own names follow what a step renamed, made anew or dropped."""

from engagectl.journal import applied, names, ownership
from engagectl.model.change import AddColumn, Change, CreateTable, DropColumn, DropTable, RenameColumn, RenameTable
from engagectl.warehouses.contract import Connection

_USERS = "users"


def follow(change: Change, connection: Connection, journal: str) -> None:
    """Bring ownership, the applied state and the times of `users` along. Doing it twice changes nothing."""
    match change:
        case RenameTable(before=before, table=after):
            ownership.rename_table(connection, journal, before, after)
            applied.rename_table(connection, journal, before, after)
        case RenameColumn(table=table, before=old, column=new):
            ownership.rename_column(connection, journal, table, old, new)
            applied.rename_column(connection, journal, table, old, new)
            if table.table == _USERS:
                names.rename_column(connection, journal, table, old, new)
        case CreateTable(table=table) if table.family == "users":
            names.drop_table(connection, journal, table.name)  # times of an older one would hide new values
        case AddColumn(table=table, column=column) if table.table == _USERS:
            names.drop_column(connection, journal, table, column.name)
        case DropColumn(table=table, column=dropped):
            ownership.forget(connection, journal, table, dropped)
            if table.table == _USERS:
                names.drop_column(connection, journal, table, dropped)
        case DropTable(table=table):
            ownership.forget(connection, journal, table)
            if table.table == _USERS:
                names.drop_table(connection, journal, table)
        case _:
            pass
