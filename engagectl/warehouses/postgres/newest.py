"""The rows that a PostgreSQL table stored last, without reading the others: its last blocks, by a range of TIDs."""

from math import ceil

from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection, Newest

_ROWS_A_BLOCK = 20  # where nothing was ever analysed: a row of 400 bytes
_MAX_BLOCKS = 4096  # 32 MiB

_SIZE = """
SELECT c.relkind, pg_relation_size(c.oid) / CAST(current_setting('block_size') AS bigint), c.reltuples, c.relpages
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ? AND c.relname = ?
"""


def newest(connection: Connection, table: TableName, place: str, *, rows: int) -> Newest:
    """Return the newest rows, about so many. A partitioned or foreign table has no last block: any rows of it then."""
    found = connection.query(_SIZE, (table.schema, table.table))
    kind, blocks, tuples, pages = found[0] if found else ("", 0, 0, 0)
    if kind != "r":
        return Newest(f"(SELECT * FROM {place} LIMIT {rows})", whole=0 <= (tuples or 0) < rows and kind != "f")
    a_block = tuples / pages if tuples and tuples > 0 and pages else _ROWS_A_BLOCK
    wanted = min(max(ceil(rows / a_block), 1), _MAX_BLOCKS)
    if blocks <= wanted:
        return Newest(place, whole=True)
    return Newest(f"(SELECT * FROM {place} WHERE ctid >= '({blocks - wanted},0)')", whole=False)


def role(connection: Connection) -> str:
    return str(connection.query("SELECT current_user")[0][0])
