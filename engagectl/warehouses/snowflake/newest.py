"""The rows that a Snowflake table stored last: it keeps no order, so a bounded look takes any rows."""

from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection, Newest
from engagectl.warehouses.letters import turned

_COUNT = "SELECT row_count FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"


def newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    """Return the table where the catalog counts no more rows than that, else so many of its rows, whichever come."""
    found = connection.query(_COUNT, (turned(table.schema), turned(table.table)))
    if found and found[0][0] is not None and int(found[0][0]) <= rows:
        return Newest(place, whole=True)
    return Newest(f"(SELECT * FROM {place} LIMIT {rows})", whole=False)


def role(connection: Connection) -> str:
    return str(connection.query("SELECT CURRENT_ROLE()")[0][0] or "")
