"""Free the space of deleted rows: VACUUM DELETE ONLY, outside of any transaction ("VACUUM")."""

from collections.abc import Sequence

from engagectl.model.schema import TableName
from engagectl.warehouses.redshift.connect import RedshiftConnection


def scrub(connection: RedshiftConnection, tables: Sequence[TableName], journal: str) -> tuple[str, ...]:
    """Vacuum the tables and the journal's; return what may still hold what was deleted."""
    for name in (*tables, TableName(journal, "quarantine")):
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (name.schema, name.table))
        connection.execute(f"VACUUM DELETE ONLY {quoted} TO 100 PERCENT")
    return ("Redshift's snapshots, until they are deleted", "staged files that S3 keeps old versions of")
