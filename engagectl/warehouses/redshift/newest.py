"""The rows that a Redshift table stored last: SQL cannot ask for their order, so a bounded look takes any rows."""

from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection, Newest


def newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    """Return the table where it holds no more rows than that, else so many of its rows, whichever come."""
    del table
    ((held,),) = connection.query(f"SELECT count(*) FROM (SELECT 1 AS one FROM {place} LIMIT {rows + 1}) AS few")
    if int(held) <= rows:
        return Newest(place, whole=True)
    return Newest(f"(SELECT * FROM {place} LIMIT {rows})", whole=False)


def role(connection: Connection) -> str:
    return str(connection.query("SELECT current_user")[0][0])
