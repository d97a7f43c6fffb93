"""What `doctor` looks at in a BigQuery project that could be reached."""

from collections.abc import Sequence
from datetime import datetime

from engagectl.errors import StatementError
from engagectl.model.schema import TableName
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.bigquery.grants import PERMISSIONS, on_table
from engagectl.warehouses.contract import NO_NEEDS, Check, Connection, Needs, Role

CLOCK_S = 60
"""Clocks further apart than this make the times of the journal misleading."""


def doctor(
    connection: Connection, journal: str, needs: Needs = NO_NEEDS, now: datetime | None = None
) -> tuple[Check, ...]:
    """Return one line per thing looked at, with the fix for what is not well. Nothing is written."""
    assert isinstance(connection, BigQueryConnection)  # noqa: S101  whoever asks this record connected by it
    tables = connection.table_names(journal)
    checks = [
        Check(name="version", ok=True, detail=f"{connection.version}, project {connection.project}"),
        Check(
            name="journal",
            ok=True,
            detail=f"dataset {journal} is there"
            if tables is not None
            else f"dataset {journal} is not there yet; apply creates it",
        ),
    ]
    if now is not None:
        checks.append(_clock(connection, now))
    if needs.roles:
        checks += _roles(connection, tables or (), needs)
    return tuple(checks)


def _roles(connection: BigQueryConnection, of_journal: Sequence[TableName], needs: Needs) -> list[Check]:
    """Ask what is allowed on each table that is there. What datasets and the project allow, BigQuery does not tell."""
    try:
        declared = [name for name, one in connection.tables(needs.tables) if one is not None]
        allowed = connection.allowed(
            [*of_journal, *declared], sorted({one for of in PERMISSIONS.values() for one in of})
        )
    except StatementError as error:
        return [Check(name="roles", ok=False, detail=f"the grants cannot be read: {error.message}")]
    return [_role(role, connection, allowed, set(of_journal)) for role in needs.roles]


def _role(
    role: Role, connection: BigQueryConnection, allowed: "dict[TableName, frozenset[str]]", of_journal: set[TableName]
) -> Check:
    lacks = {
        name: gone
        for name, has in allowed.items()
        if (
            gone := [
                one for one in PERMISSIONS[role] if one not in has and (name in of_journal or _is_wanted(role, one))
            ]
        )
    }
    fixes = [on_table(role, connection.project, name, connection.user) for name in lacks]
    return Check(
        name=f"{role} role",
        ok=not lacks,
        detail=f"account {connection.user}" + (f" lacks permissions on {len(lacks)} tables" if lacks else ""),
        fix="; ".join(fixes),
    )


def _is_wanted(role: Role, permission: str) -> bool:
    """Tell whether a permission is needed on tables that are not the journal's: a plan reads no rows of them."""
    return not (role == "plan" and permission == "bigquery.tables.getData")


def _clock(connection: Connection, now: datetime) -> Check:
    ((server,),) = connection.query("SELECT UNIX_SECONDS(CURRENT_TIMESTAMP())")
    apart = abs(float(server) - now.timestamp())
    return Check(
        name="clock",
        ok=apart < CLOCK_S,
        detail=f"{apart:.0f} s apart",
        fix="" if apart < CLOCK_S else "set the clock of this machine by NTP",
    )
