"""What deleted rows leave behind in Delta: the files of older versions, until VACUUM."""

from collections.abc import Sequence

from engagectl.model.schema import TableName
from engagectl.warehouses.databricks.connect import DatabricksConnection
from engagectl.warehouses.databricks.dialect import quoted


def scrub(connection: DatabricksConnection, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    """Write files without the rows that deletion vectors mark; return what may still hold what was deleted."""
    for name in (*tables, TableName(journal, "quarantine")):
        connection.execute(f"REORG TABLE {quoted(name.schema)}.{quoted(name.table)} APPLY (PURGE)")
    return ("older versions of the tables (time travel), until VACUUM removes their files: 7 days, unless you set it",)
