"""The warehouses as a catalog snapshot holds them: taken once, read-only, and planned from without a connection."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from engagectl import __version__
from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.errors import UnusableSnapshot
from engagectl.journal.applied import read_feeds
from engagectl.journal.history import read_up_to
from engagectl.journal.ownership import read_owned
from engagectl.journal.tables import database_id, version_of
from engagectl.model.schema import State, TableName
from engagectl.planner.seen import Seen, schemas_of
from engagectl.snapshot import Snapshot, WarehouseSnapshot
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse as record_of

_ENGAGE = ("engage_", "personas_")  # a schema of these may be declared by a later change of the YAML
_AGAIN = "take it anew: engagectl drift --snapshot FILE"


def take_snapshot(
    project: Project, connections: Mapping[str, Connection], now: datetime, *, commit: str = ""
) -> Snapshot:
    """Read what plans of this target have to know, whatever the YAML of a later revision declares."""
    return Snapshot(
        project=project.spec.project,
        target=project.target,
        journal_schema=project.spec.journal_schema,
        taken_at=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        engagectl=__version__,
        warehouses=tuple(_take_one(project, id_, connections[id_]) for id_ in sorted(connections)),
        commit=commit,
    )


def _take_one(project: Project, id_: str, connection: Connection) -> WarehouseSnapshot:
    record = record_of(project.spec.warehouses[id_].type)
    journal = project.spec.journal_schema
    has_journal = version_of(connection, journal) is not None
    applied = read_feeds(connection, journal, project=project.spec.project) if has_journal else ()
    owned = read_owned(connection, journal) if has_journal else ()
    reached = read_up_to(connection, journal) if has_journal else {}
    numbers = {one.number for one in applied}
    whole = record.catalog(connection, None)
    looked = schemas_of(project, build(project, id_, record), owned)
    looked |= {table.name.schema for one in applied for table in one.feed.tables}
    looked |= {schema for schema in whole.schemas if schema.startswith(_ENGAGE)}
    looked.discard(journal)
    return WarehouseSnapshot(
        warehouse=id_,
        type=record.name,
        schemas=whole.schemas,
        actual=_only(whole, looked),
        applied=applied,
        owned=owned,
        read_to=tuple(sorted((number, at) for number, at in reached.items() if number in numbers)),
        has_journal=has_journal,
        locked_out=not has_journal and whole.find(TableName(journal, "meta")) is not None,
        database_id=database_id(connection, journal) if has_journal else "",
    )


def _only(whole: State, schemas: Iterable[str]) -> State:
    kept = frozenset(schemas)
    return State(
        schemas=tuple(schema for schema in whole.schemas if schema in kept),
        tables=tuple(table for table in whole.tables if table.name.schema in kept),
    )


def check_snapshot(project: Project, snapshot: Snapshot, ids: Iterable[str], now: datetime) -> None:
    """Raise UnusableSnapshot unless it is of this project and target, has these warehouses, and is not too old."""
    theirs = (snapshot.project, snapshot.target, snapshot.journal_schema)
    ours = (project.spec.project, project.target, project.spec.journal_schema)
    if theirs != ours:
        raise UnusableSnapshot(
            "the snapshot is of project {!r}, target {!r}, journal {!r}".format(*theirs)
            + "; this is {!r}, {!r}, {!r}".format(*ours),
            help=_AGAIN,
        )
    for id_ in ids:
        part = snapshot.find(id_)
        if part is None:
            held = ", ".join(one.warehouse for one in snapshot.warehouses) or "none"
            raise UnusableSnapshot(f"the snapshot has no warehouse {id_!r} (it has: {held})", help=_AGAIN)
        if part.type != project.spec.warehouses[id_].type:
            raise UnusableSnapshot(
                f"warehouse {id_!r} is {part.type} in the snapshot and {project.spec.warehouses[id_].type} in the YAML",
                help=_AGAIN,
            )
    if now >= snapshot.taken + timedelta(seconds=seconds(project.spec.plan.expires)):
        raise UnusableSnapshot(
            f"the snapshot of {snapshot.taken_at} is older than plan.expires ({project.spec.plan.expires})",
            help=_AGAIN,
        )


def seen_in(project: Project, desired: Desired, part: WarehouseSnapshot) -> Seen:
    """Return what the snapshot tells of a warehouse. Raises UnusableSnapshot where it did not look."""
    looked = frozenset(part.actual.schemas)
    for schema in sorted(schemas_of(project, desired, part.owned) & set(part.schemas) - looked):
        raise UnusableSnapshot(
            f"{part.warehouse} has a schema {schema} that the snapshot did not look into",
            help="plan against the warehouse: what is declared there is newer than the snapshot",
        )
    reached = dict(part.read_to)
    return Seen(
        actual=part.actual,
        applied=part.applied,
        owned=part.owned,
        prior={(one.feed.kind, one.feed.id): one.feed for one in part.applied},
        read_to={(one.feed.kind, one.feed.id): reached[one.number] for one in part.applied if one.number in reached},
        lacks_journal=not part.has_journal,
        locked_out=part.locked_out,
        database_id=part.database_id,
    )
