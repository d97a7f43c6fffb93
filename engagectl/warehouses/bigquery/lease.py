"""What the lease of a journal needs of BigQuery: its clock, and a table that is made with its one row.

Of two UPDATEs of one table at a time one is queued, or fails for the conflict ("Data manipulation language",
concurrency): a failed one has taken nothing.
"""

from engagectl.warehouses.contract import Connection
from engagectl.warehouses.lease import LeaseSql, one_row
from engagectl.warehouses.words import word


def place(journal: str) -> str:
    return f"{word(journal)}.lease"


def _make(connection: Connection, journal: str) -> None:
    if connection.has_table(journal, "lease"):
        return
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {word(journal)}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {place(journal)} AS {one_row('STRING', 'INT64')}")


SQL = LeaseSql(
    now="UNIX_SECONDS(CURRENT_TIMESTAMP())",
    user="SESSION_USER()",
    place=place,
    make=_make,
    text="STRING",
    integer="INT64",
)
