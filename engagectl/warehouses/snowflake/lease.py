"""What the lease of a journal needs of Snowflake: its clock, and a table that is made with its one row.

An UPDATE waits for one that has locked the row ("Transactions": locking), so taking happens one at a time.
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
    connection.execute(f"CREATE TABLE IF NOT EXISTS {place(journal)} AS {one_row('VARCHAR', 'NUMBER(38, 0)')}")


SQL = LeaseSql(
    now="DATE_PART(epoch_second, SYSDATE())",
    user="CURRENT_USER()",
    place=place,
    make=_make,
    text="VARCHAR",
    integer="NUMBER(38, 0)",
)
