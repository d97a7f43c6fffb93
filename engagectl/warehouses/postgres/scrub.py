"""Free the space of deleted rows: VACUUM, outside of any transaction."""

from collections.abc import Sequence

from engagectl.failpoint import hit
from engagectl.model.schema import TableName
from engagectl.warehouses.postgres.connect import PostgresConnection


def scrub(connection: PostgresConnection, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    """Vacuum the tables and the journal's; return what may still hold what was deleted."""
    for name in (*tables, TableName(journal, "quarantine")):
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (name.schema, name.table))
        connection.execute(f"VACUUM {quoted}")
        hit("scrub.table_vacuumed")
    return ("PostgreSQL's write-ahead log, replicas and backups, until they are recycled",)
