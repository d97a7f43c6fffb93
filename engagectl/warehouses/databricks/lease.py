"""The lock of a journal on Databricks: a row of a Delta table. Two sessions that take it at the same time both rewrite
the file of that row, so one of them is told of a conflict ("Isolation levels and write conflicts").
"""

from engagectl.warehouses.contract import Connection
from engagectl.warehouses.databricks import pending
from engagectl.warehouses.lease import LeaseSql, one_row
from engagectl.warehouses.words import word


def place(journal: str) -> str:
    return f"{word(journal)}.lease"


def _make(connection: Connection, journal: str) -> None:
    found = connection.query(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name IN ('lease', 'pending')",
        (journal.lower(),),
    )
    if found[0][0] == 2:  # both are there
        return
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {word(journal)}")
    connection.execute(pending.table_sql(journal))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {place(journal)} AS {one_row('STRING', 'BIGINT')}")


SQL = LeaseSql(now="unix_timestamp()", user="current_user()", place=place, make=_make, text="STRING", integer="BIGINT")
