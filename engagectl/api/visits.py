"""Whether each warehouse can be reached, lets us do what we have to, and is not locked by somebody who is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engagectl.api.connections import connected
from engagectl.config.project import Project
from engagectl.errors import EngagectlError, LockHeld, UsageError

if TYPE_CHECKING:
    from engagectl.warehouses.contract import Check, Holder, Role


@dataclass(frozen=True, slots=True)
class Visit:
    """What `doctor` found in one warehouse."""

    warehouse: str
    checks: "tuple[Check, ...]"


def doctor(
    project: Project, *, roles: "Sequence[Role]" = ("plan", "apply", "sync"), warehouses: Sequence[str] = ()
) -> tuple[Visit, ...]:
    """Look at each warehouse of the target; a failed connection is a finding, not an error."""
    from engagectl.desired.build import build
    from engagectl.warehouses.contract import Check, Needs
    from engagectl.warehouses.registry import warehouse

    visits = []
    for name in warehouses or dict.fromkeys(project.roles.values()):
        try:
            record = warehouse(project.spec.warehouses[name].type) if name in project.spec.warehouses else None
            with connected(project, command="doctor", read_only=True, warehouses=(name,)) as connections:
                assert record is not None  # noqa: S101  connected() refuses an unknown warehouse
                desired = build(project, name, record)
                needs = Needs(
                    tables=tuple(table.name for table in desired.state.tables),
                    merged=frozenset(t.name for feed in desired.feeds if feed.kind == "users" for t in feed.tables),
                    roles=tuple(roles),
                )
                checks = record.doctor(connections[name], project.spec.journal_schema, needs, datetime.now(UTC))
        except UsageError:
            raise
        except EngagectlError as error:
            checks = tuple(
                Check(name="connect", ok=False, detail=one.message, fix="; ".join(one.help))
                for one in error.every_diagnostic()
            )
        visits.append(Visit(name, checks))
    return tuple(visits)


def unlock(project: Project, *, warehouses: Sequence[str] = ()) -> "tuple[tuple[str, Holder | None], ...]":
    """Free the journal's lock where it outlives the session that took it; return (warehouse, who held it).

    Raises LockHeld where a lock ends with its session: there is nothing to free, only somebody to wait for.
    """
    from engagectl.warehouses.registry import warehouse

    journal = project.spec.journal_schema
    with connected(project, command="unlock", read_only=True, warehouses=warehouses) as connections:
        found = {name: connection.lock_holder(journal) for name, connection in connections.items()}
    for name, holder in found.items():
        record = warehouse(project.spec.warehouses[name].type)
        if holder is None:
            continue
        if record.unlock is None:
            raise LockHeld(
                f"the journal {journal!r} in warehouse {name!r} is in use by {holder}",
                help=f"the {record.capabilities.lock} of {record.title} ends with its session: wait, or end it",
            )
        with connected(project, command="unlock", read_only=False, warehouses=(name,)) as connections:
            record.unlock(connections[name], journal)
    return tuple(found.items())


def grants(project: Project, form: str, *, warehouses: Sequence[str] = ()) -> str:
    """Return what an administrator runs once, as `sql` or `terraform`. Nothing is connected to."""
    from engagectl.warehouses.registry import warehouse

    parts = []
    for name in dict.fromkeys(project.roles.values()):
        if warehouses and name not in warehouses:
            continue
        spec = project.spec.warehouses[name]
        said = getattr(spec, "database", None) or getattr(spec, "project", None) or getattr(spec, "catalog", None)
        database = said if isinstance(said, str) else "DATABASE"
        parts.append(warehouse(spec.type).grants(database, project.spec.journal_schema, form))
    return "\n\n".join(parts)
