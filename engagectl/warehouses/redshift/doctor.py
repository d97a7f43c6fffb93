"""What `doctor` looks at in a Redshift database that could be reached."""

from datetime import datetime

from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs
from engagectl.warehouses.redshift.grants import missing

CLOCK_S = 60
"""Clocks further apart than this make the times of the journal misleading."""


def doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    ((user, zone),) = connection.query("SELECT current_user, current_setting('timezone')")
    ((schemas,),) = connection.query("SELECT count(*) FROM pg_namespace WHERE nspname = ?", (journal,))
    checks = [
        Check(name="version", ok=True, detail=connection.version),
        Check(name="time zone", ok=zone == "UTC", detail=str(zone)),
        Check(
            name="journal",
            ok=True,
            detail=f"schema {journal} is there" if schemas else f"schema {journal} is not there yet; apply creates it",
        ),
    ]
    if now is not None:
        checks.append(_clock(connection, now))
    for role in needs.roles:
        lacks = missing(connection, journal, needs, role, str(user))
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
    ((server,),) = connection.query("SELECT EXTRACT(EPOCH FROM getdate())")
    apart = abs(float(server) - now.timestamp())
    return Check(
        name="clock",
        ok=apart < CLOCK_S,
        detail=f"{apart:.0f} s apart",
        fix="" if apart < CLOCK_S else "set the clock of this machine by NTP",
    )
