"""The rows that a BigQuery table stored last: it keeps no order, so a bounded look takes a sample of its blocks.

LIMIT alone would read, and bill, the columns whole; TABLESAMPLE reads the blocks that it chose ("Table sampling").
"""

from engagectl.model.schema import TableName
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.contract import Connection, Newest


def newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    """Return the table where its metadata counts no more rows than that, else a sample of about so many."""
    assert isinstance(connection, BigQueryConnection)  # noqa: S101  whoever asks this record connected by it
    there = connection.table(table)
    if there is None or (there.num_rows or 0) <= rows:
        return Newest(place, whole=True)
    percent = max(1, -(-100 * rows // int(there.num_rows)))
    return Newest(f"(SELECT * FROM {place} TABLESAMPLE SYSTEM ({percent} PERCENT) LIMIT {rows})", whole=False)


def role(connection: Connection) -> str:
    assert isinstance(connection, BigQueryConnection)  # noqa: S101  the same
    return connection.user
