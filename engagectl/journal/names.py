"""Names that are ours alone: shortened and colliding ones, and the tables of times that stand beside `users`."""

from engagectl.model.names import short_hash
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection


def times_table(journal: str, users: TableName) -> TableName:
    """Return the table that holds the event time of each value of a users table.

    Its name follows from the users table's schema alone, so that it is the same whoever asks first.
    """
    return TableName(journal, f"users_times_{short_hash(users.schema)}")


def register(connection: Connection, journal: str, table: TableName, *, name: str, original: str) -> None:
    """Remember which original name a stored name stands for, once."""
    key = (table.schema, table.table, name)
    where = "schema_name = ? AND table_name = ? AND name = ?"
    if not connection.query(f"SELECT 1 FROM {journal}.names WHERE {where}", key):
        connection.execute(
            f"INSERT INTO {journal}.names (schema_name, table_name, name, original) VALUES (?, ?, ?, ?)",
            (*key, original),
        )
