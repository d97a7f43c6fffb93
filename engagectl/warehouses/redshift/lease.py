"""What the lease of a journal needs of Redshift: its clock, and a table that is made with its one row.

An UPDATE waits for the table's write lock, and two that meet are told apart by serializable isolation: one is rolled
back ("Managing concurrent write operations"). LOCK would not do: it ends with its transaction, and a sync has many.
"""

from engagectl.errors import StatementError
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.lease import LeaseSql, one_row
from engagectl.warehouses.words import word


def place(journal: str) -> str:
    return f"{word(journal)}.lease"


def _make(connection: Connection, journal: str) -> None:
    if _is_there(connection, journal):
        return
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {word(journal)}")
    try:  # "CREATE TABLE AS" knows no IF NOT EXISTS
        connection.execute(f"CREATE TABLE {place(journal)} AS {one_row('VARCHAR(1024)', 'BIGINT')}")
    except StatementError:
        if not _is_there(connection, journal):  # else somebody else has just made it
            raise


def _is_there(connection: Connection, journal: str) -> bool:
    found = connection.query(
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ? AND c.relname = 'lease'",
        (journal,),
    )
    return bool(found[0][0])


SQL = LeaseSql(
    now="CAST(EXTRACT(EPOCH FROM getdate()) AS BIGINT)",  # "GETDATE": of the current statement, in UTC as the session
    user="current_user",
    place=place,
    make=_make,
)
