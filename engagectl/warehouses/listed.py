"""Whether a table is there and which columns it has, for engines whose INFORMATION_SCHEMA is one for all schemas."""

from engagectl.warehouses.contract import Connection


def is_listed(connection: Connection, schema: str, table: str) -> bool:
    """Tell whether the session sees the table, under its name or in upper case, where the engine folds that way."""
    found = connection.query(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema IN (?, ?) AND table_name IN (?, ?)",
        (schema, schema.upper(), table, table.upper()),
    )
    return bool(found[0][0])


class Listed:
    """The tables that a session has found: one that was there is not asked for again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._there: set[tuple[str, str]] = set()

    def has(self, schema: str, table: str) -> bool:
        if (schema, table) not in self._there and is_listed(self._connection, schema, table):
            self._there.add((schema, table))
        return (schema, table) in self._there


def listed_columns(connection: Connection, schema: str, table: str) -> tuple[str, ...]:
    """Return the columns in lower case, by name; nothing where the session sees no such table."""
    rows = connection.query(
        "SELECT lower(column_name) FROM information_schema.columns WHERE table_schema IN (?, ?)"
        " AND table_name IN (?, ?) ORDER BY 1",
        (schema, schema.upper(), table, table.upper()),
    )
    return tuple(str(name) for (name,) in rows)
