"""What `doctor` looks at in a PostgreSQL database that could be reached."""

from datetime import datetime

from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs
from engagectl.warehouses.postgres.grants import missing

OLDEST = 150_000
"""PostgreSQL 15: the oldest version that engagectl is tested with."""
CLOCK_S = 60
"""Clocks further apart than this make the times of the journal misleading; nothing is ordered by two clocks."""


def doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    ((user, number, zone, encoding, exists),) = connection.query(
        "SELECT current_user, CAST(current_setting('server_version_num') AS integer), current_setting('TimeZone'),"
        " current_setting('server_encoding'), to_regnamespace(quote_ident(?)) IS NOT NULL",
        (journal,),
    )
    checks = [
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
            name="journal",
            ok=True,
            detail=f"schema {journal} is there" if exists else f"schema {journal} is not there yet; apply creates it",
        ),
    ]
    if now is not None:
        checks.append(_clock(connection, now))
    for role in needs.roles:
        lacks = missing(connection, journal, needs, role, user)
        checks.append(
            Check(
                name=f"{role} role",
                ok=not lacks,
                detail=f"user {user}" + (f" lacks {len(lacks)} grants" if lacks else ""),
                fix="; ".join(lacks),
            )
        )
    return tuple(checks)


def _clock(connection: Connection, now: datetime) -> Check:
    ((server,),) = connection.query("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
    apart = abs(float(server) - now.timestamp())
    return Check(
        name="clock",
        ok=apart < CLOCK_S,
        detail=f"{apart:.0f} s apart",
        fix="" if apart < CLOCK_S else "set the clock of this machine or of the server by NTP",
    )
