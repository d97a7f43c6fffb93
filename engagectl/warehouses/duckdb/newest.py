"""The rows that a DuckDB table stored last, without reading the others: its highest row ids."""

from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection, Newest


def newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    """Return the newest rows, about so many."""
    del table
    last = connection.query(f"SELECT COALESCE(max(rowid), -1) FROM {place}")[0][0]
    if last < rows:
        return Newest(place, whole=True)
    return Newest(f"(SELECT * FROM {place} WHERE rowid > {last - rows})", whole=False)


def role(connection: Connection) -> str:
    """Return nobody: whoever can open the file may do all."""
    del connection
    return ""
