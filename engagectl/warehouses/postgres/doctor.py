"""What `doctor` looks at in a PostgreSQL database that could be reached."""

from engagectl.warehouses.contract import Check, Connection

OLDEST = 150_000
"""PostgreSQL 15: the oldest version that engagectl is tested with."""


def doctor(connection: Connection, journal: str) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    ((user, number, zone, encoding, creates, exists),) = connection.query(
        "SELECT current_user, CAST(current_setting('server_version_num') AS integer), current_setting('TimeZone'),"
        " current_setting('server_encoding'), has_database_privilege(current_database(), 'CREATE'),"
        " to_regnamespace(quote_ident(?)) IS NOT NULL",
        (journal,),
    )
    return (
        Check(
            name="version",
            ok=number >= OLDEST,
            detail=connection.version,
            fix="" if number >= OLDEST else "use PostgreSQL 15 or newer",
        ),
        Check(name="time zone", ok=zone == "UTC", detail=zone),
        Check(
            name="encoding",
            ok=encoding == "UTF8",
            detail=encoding,
            fix="" if encoding == "UTF8" else "create the database with ENCODING 'UTF8'",
        ),
        Check(
            name="create schemas",
            ok=creates,
            detail=f"user {user}",
            fix="" if creates else f"GRANT CREATE ON DATABASE ... TO {user}, or create the schemas for it",
        ),
        _journal(connection, journal, user=user, exists=exists),
    )


def _journal(connection: Connection, journal: str, *, user: str, exists: bool) -> Check:
    if not exists:
        return Check(name="journal", ok=True, detail=f"schema {journal} is not there yet; apply creates it")
    ((uses, creates),) = connection.query(
        "SELECT has_schema_privilege(?, 'USAGE'), has_schema_privilege(?, 'CREATE')", (journal, journal)
    )
    return Check(
        name="journal",
        ok=uses and creates,
        detail=f"schema {journal} is there",
        fix="" if uses and creates else f"GRANT USAGE, CREATE ON SCHEMA {journal} TO {user}",
    )
