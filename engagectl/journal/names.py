"""Names that are ours alone: shortened and colliding ones, and the tables of times that stand beside `users`."""

from collections.abc import Sequence

from engagectl.journal.tables import TEXT, create_table, has_journal, place, times_keys
from engagectl.model.column_type import Timestamp
from engagectl.model.names import short_hash
from engagectl.model.schema import Column, TableName
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.words import word


def times_table(journal: str, users: TableName) -> TableName:
    """Return the table that holds the event time of each value of a users table, under the columns' own names.

    Its name follows from the users table's schema alone, so that it is the same whoever asks first.
    """
    return TableName(journal, f"users_times_{short_hash(users.schema)}")


def times_columns(connection: Connection, journal: str, users: TableName) -> tuple[str, ...]:
    """Return the columns of the times table, `id` left out; nothing when there is no table."""
    columns = connection.columns_of(journal, times_table(journal, users).table)
    return tuple(sorted(name for name in columns if name != "id"))


def keep_times(
    connection: Connection, warehouse: Warehouse, journal: str, users: TableName, traits: Sequence[str]
) -> None:
    """Create the times table of a users table, or add the columns that its traits lack."""
    table = place(journal, times_table(journal, users).table)
    columns = [
        Column(name="id", type=TEXT),
        *(Column(name=trait, type=Timestamp()) for trait in traits if trait != "id"),
    ]
    create_table(connection, warehouse, table, columns, keys=times_keys(warehouse))  # whole where it is new
    known = {"id", *times_columns(connection, journal, users)}
    for trait in traits:
        if trait not in known:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {word(trait)} {warehouse.type_sql(Timestamp())}")


def rename_column(connection: Connection, journal: str, users: TableName, before: str, after: str) -> None:
    if before in times_columns(connection, journal, users):
        table = place(journal, times_table(journal, users).table)
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN {word(before)} TO {word(after)}")


def drop_column(connection: Connection, journal: str, users: TableName, column: str) -> None:
    if column in times_columns(connection, journal, users):
        table = place(journal, times_table(journal, users).table)
        connection.execute(f"ALTER TABLE {table} DROP COLUMN {word(column)}")


def drop_table(connection: Connection, journal: str, users: TableName) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {place(journal, times_table(journal, users).table)}")


def register(connection: Connection, journal: str, table: TableName, *, name: str, original: str) -> None:
    """Remember which original name a stored name stands for, once."""
    key = (table.schema, table.table, name)
    where = "schema_name = ? AND table_name = ? AND name = ?"
    if not has_journal(connection, journal):
        return
    if not connection.query(f"SELECT 1 FROM {place(journal, 'names')} WHERE {where}", key):
        connection.execute(
            f"INSERT INTO {place(journal, 'names')} (schema_name, table_name, name, original) VALUES (?, ?, ?, ?)",
            (*key, original),
        )
