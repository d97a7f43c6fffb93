"""What `doctor` looks at in a catalog of Databricks that could be reached."""

from datetime import datetime

from engagectl.errors import StatementError
from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs
from engagectl.warehouses.databricks.connect import DatabricksConnection
from engagectl.warehouses.databricks.grants import missing

CLOCK_S = 60
"""Clocks further apart than this make the times of the journal misleading."""


def doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    assert isinstance(connection, DatabricksConnection)  # noqa: S101  whoever asks this record connected by it
    ((zone,),) = connection.query("SELECT current_timezone()")
    ((schemas,),) = connection.query(
        "SELECT count(*) FROM information_schema.schemata WHERE schema_name = ?", (journal.lower(),)
    )
    checks = [
        Check(name="version", ok=True, detail=connection.version),
        Check(name="time zone", ok=zone in ("UTC", "Etc/UTC"), detail=str(zone)),
        Check(
            name="journal",
            ok=True,
            detail=f"schema {journal} is there" if schemas else f"schema {journal} is not there yet; apply creates it",
        ),
    ]
    if now is not None:
        checks.append(_clock(connection, now))
    checks += [_role(connection, journal, needs, role) for role in needs.roles]
    return tuple(checks)


def _role(connection: DatabricksConnection, journal: str, needs: Needs, role: str) -> Check:
    try:
        lacks = missing(connection, journal, needs, role)
    except StatementError as error:
        return Check(name=f"{role} role", ok=False, detail=f"the grants cannot be read: {error.message}")
    return Check(
        name=f"{role} role",
        ok=not lacks,
        detail=connection.user + (f" lacks {len(lacks)} grants" if lacks else ""),
        fix="; ".join(lacks),
    )


def _clock(connection: Connection, now: datetime) -> Check:
    ((server,),) = connection.query("SELECT unix_timestamp()")
    apart = abs(float(server) - now.timestamp())
    return Check(
        name="clock",
        ok=apart < CLOCK_S,
        detail=f"{apart:.0f} s apart",
        fix="" if apart < CLOCK_S else "set the clock of this machine by NTP",
    )
