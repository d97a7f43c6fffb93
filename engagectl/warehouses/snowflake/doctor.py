"""What `doctor` looks at in a Snowflake database that could be reached."""

from datetime import datetime

from engagectl.errors import StatementError
from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs
from engagectl.warehouses.letters import turned
from engagectl.warehouses.snowflake.connect import SnowflakeConnection
from engagectl.warehouses.snowflake.grants import held_by, missing

CLOCK_S = 60
"""Clocks further apart than this make the times of the journal misleading."""


def doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    assert isinstance(connection, SnowflakeConnection)  # noqa: S101  whoever asks this record connected by it
    zone = str(connection.query("SHOW PARAMETERS LIKE 'TIMEZONE' IN SESSION")[0][1])
    ((schemas,),) = connection.query(
        "SELECT count(*) FROM information_schema.schemata WHERE schema_name = ?", (turned(journal),)
    )
    checks = [
        Check(name="version", ok=True, detail=connection.version),
        Check(name="time zone", ok=zone in ("UTC", "Etc/UTC"), detail=zone),
        Check(
            name="journal",
            ok=True,
            detail=f"schema {journal} is there" if schemas else f"schema {journal} is not there yet; apply creates it",
        ),
    ]
    if now is not None:
        checks.append(_clock(connection, now))
    if needs.roles:
        checks += _roles(connection, journal, needs)
    return tuple(checks)


def _roles(connection: SnowflakeConnection, journal: str, needs: Needs) -> list[Check]:
    try:
        held = held_by(connection, connection.role)
    except StatementError as error:
        return [Check(name="roles", ok=False, detail=f"the grants cannot be read: {error.message}")]
    return [_role(role, connection, missing(connection, held, journal, needs, role)) for role in needs.roles]


def _role(role: str, connection: SnowflakeConnection, lacks: tuple[str, ...]) -> Check:
    return Check(
        name=f"{role} role",
        ok=not lacks,
        detail=f"role {connection.role}" + (f" lacks {len(lacks)} grants" if lacks else ""),
        fix="; ".join(lacks),
    )


def _clock(connection: Connection, now: datetime) -> Check:
    ((server,),) = connection.query("SELECT DATE_PART(epoch_second, CURRENT_TIMESTAMP())")
    apart = abs(float(server) - now.timestamp())
    return Check(
        name="clock",
        ok=apart < CLOCK_S,
        detail=f"{apart:.0f} s apart",
        fix="" if apart < CLOCK_S else "set the clock of this machine by NTP",
    )
