"""Desired, actual and applied state -> a sealed plan. It reads, judges and renders; it never writes."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from engagectl import __version__
from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.diff import Retype, diff, in_order
from engagectl.errors import UsageError
from engagectl.journal.tables import rfc3339
from engagectl.model.address import Address
from engagectl.model.plan import Finding, Mode, Plan, WarehousePlan
from engagectl.planfile import fingerprint
from engagectl.planner.followed import followed
from engagectl.planner.gaps import judge_gaps
from engagectl.planner.keys import with_checks
from engagectl.planner.laid_out import judge_layout, leave_layouts
from engagectl.planner.landing import noted_landings
from engagectl.planner.noted import chosen_schemas, judge_watched, noted
from engagectl.planner.removed import drops_asked
from engagectl.planner.renamed import renamed
from engagectl.planner.rows import full_clashes, judge_rows
from engagectl.planner.seen import Seen, as_found, carried, judge_journal, look
from engagectl.planner.selection import check_select, selected
from engagectl.planner.settings import settings
from engagectl.planner.snapped import check_snapshot, seen_in
from engagectl.planner.step import make_step, placed
from engagectl.planner.views import judge_views, view_changes
from engagectl.risk import (
    Judged,
    judge,
    judge_drops,
    judge_feeds,
    judge_frequency,
    judge_hints,
    judge_owners,
    judge_plain,
    judge_targets,
    refusal,
)
from engagectl.snapshot import Snapshot, WarehouseSnapshot
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse as record_of


def make_plan(
    project: Project,
    *,
    connections: Mapping[str, Connection] | None,
    now: datetime,
    select: Sequence[str] = (),
    mode: Mode = "warehouse",
    base: Project | None = None,
    snapshot: Snapshot | None = None,
    commit: str = "",
    take_over: bool = False,
) -> Plan:
    """Return what apply would do. Without connections nothing is there yet, or what `base` or the snapshot says."""
    ids = sorted(connections) if connections is not None else _named(project)
    if snapshot is not None:
        check_snapshot(project, snapshot, ids, now)
    plans = tuple(
        _plan_one(
            project,
            id_,
            connection=connections[id_] if connections is not None else None,
            base=base,
            snapshot=snapshot.find(id_) if snapshot is not None else None,
            now=now,
            select=select,
            take_over=take_over,
        )
        for id_ in ids
    )
    check_select(project, plans, select)
    taken_at = snapshot.taken_at if snapshot is not None else ""
    return sealed(project, plans, now=now, select=select, mode=mode, commit=commit, taken_at=taken_at)


def _named(project: Project) -> list[str]:
    """Return the warehouses of the target, or those of them that were asked for."""
    every = sorted(set(project.roles.values()))
    unknown = [name for name in project.only if name not in every]
    if unknown:
        raise UsageError(
            f"warehouse {unknown[0]!r} is not in target {project.target!r}",
            help=f"warehouses of this target: {', '.join(every)}",
        )
    return [name for name in every if not project.only or name in project.only]


def sealed(
    project: Project,
    plans: tuple[WarehousePlan, ...],
    *,
    now: datetime,
    select: Sequence[str],
    mode: Mode,
    commit: str,
    taken_at: str = "",
) -> Plan:
    """Return the plan of these parts. One that was made from a snapshot expires by the age of that."""
    target = project.spec.targets.get(project.target)
    expires = (datetime.fromisoformat(taken_at) if taken_at else now) + timedelta(
        seconds=seconds(project.spec.plan.expires)
    )
    return Plan(
        project=project.spec.project,
        target=project.target,
        warehouses=plans,
        fingerprint=fingerprint(plans),
        created_at=_stamp(now),
        expires_at=_stamp(expires),
        engagectl=__version__,
        commit=commit,
        config_digest=project.digest,
        mode=mode,
        taken_at=taken_at,
        selected=tuple(select),
        protected=target is not None and target.protected,
        findings=tuple(_judge_one_database(plans, project)),
    )


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plan_one(
    project: Project,
    id_: str,
    *,
    connection: Connection | None,
    base: Project | None,
    snapshot: WarehouseSnapshot | None,
    now: datetime,
    select: Sequence[str],
    take_over: bool,
) -> WarehousePlan:
    record = record_of(project.spec.warehouses[id_].type)
    asked, got = (connection.queries, connection.rows_read) if connection is not None else (0, 0)
    wanted = build(project, id_, record)
    seen = (
        seen_in(project, wanted, snapshot)
        if snapshot is not None
        else look(project, id_, record, wanted, connection=connection, base=base, take_over=take_over)
    )
    desired = as_found(wanted, seen.actual)
    difference = leave_layouts(
        diff(desired.state, seen.actual, relate=record.relate, retype=_retype(project, record)), record
    )
    names = renamed(difference.changes)
    feeds = tuple(
        with_checks(carried(feed, seen, renamed=names, now=rfc3339(now)), seen, project.key_checks)
        for feed in desired.feeds
    )
    desired = dataclasses.replace(desired, feeds=feeds)
    drops, drop_notes, drop_findings = drops_asked(desired, seen, project)
    kept = settings(feeds, seen, difference.changes, project, take_over=take_over)
    changes = in_order([*difference.changes, *kept, *drops])
    changes = in_order([*changes, *view_changes(desired.state, seen.actual, changes)])
    judged = [
        *judge_journal(seen, project.spec.journal_schema, id_),
        *judge(
            desired,
            seen.actual,
            difference,
            full_clashes=full_clashes(difference.clashes, connection, record),
            rebuilds=record.capabilities.rebuilds,
        ),
        *(() if take_over else _judge_owners(desired, seen, project)),
        *judge_feeds(feeds, seen.prior),
        *judge_gaps(feeds, seen, names, is_live=connection is not None or snapshot is not None),
        *judge_hints(changes, warehouse=id_),
        *judge_frequency(changes, warehouse=id_),
        *judge_drops(drops, warehouse=id_),
        *judge_plain(desired, project.spec.pii.refuse_plain if project.spec.pii is not None else ()),
        *drop_findings,
        *judge_watched(desired, seen, record),
    ]
    if select:
        changes, feeds = selected(changes, feeds, project, id_, select)
    stands_on = names.afterwards(seen.actual)
    judged += judge_views(desired.state, seen.actual, warehouse=id_)
    judged += judge_layout(changes, difference.parted, stands_on, record, warehouse=id_)
    steps = tuple(make_step(project, change, id_, record, stands_on) for change in changes)
    judged += judge_rows(steps, project, id_, connection, record, names, is_snapshot=snapshot is not None)
    return WarehousePlan(
        warehouse=id_,
        type=record.name,
        steps=steps,
        findings=tuple(placed(project, one) for one in judged),
        noted=(
            *noted(desired, seen, difference, project=project.spec.project, target=project.target),
            *drop_notes,
            *(chosen_schemas(desired, project) if record.capabilities.space_schema_only else ()),
            *noted_landings(desired, project, record.title),
        ),
        feeds=feeds,
        followed=tuple(followed(desired, seen, project.spec.project)),
        creates_journal=seen.lacks_journal and bool(steps),
        database_id=seen.database_id,
        delivery=record.capabilities.delivery,
        queries=connection.queries - asked if connection is not None else 0,
        rows_read=connection.rows_read - got if connection is not None else 0,
    )


def _retype(project: Project, record: Warehouse) -> Retype:
    """Return what policy allows of what the warehouse can do."""
    asked = project.spec.lifecycle.type_changes
    return "widen" if asked == "rebuild" and not record.capabilities.rebuilds else asked


def _judge_owners(desired: Desired, seen: Seen, project: Project) -> Iterator[Judged]:
    name, target = project.spec.project, project.target
    yield from judge_owners(desired, seen.owned, project=name, target=target)
    yield from judge_targets(desired.feeds, seen.applied, target=target)


def _judge_one_database(plans: Sequence[WarehousePlan], project: Project) -> Iterator[Finding]:
    """Yield EC413 for two warehouses of a target that turn out to be one database."""
    first: dict[str, str] = {}
    for plan in plans:
        if not plan.database_id:
            continue
        if plan.database_id in first:
            origin = project.origin("warehouses", plan.warehouse)
            message = f"{first[plan.database_id]} and {plan.warehouse} are one database: their journal is the same"
            address = Address("warehouse", plan.warehouse)
            yield placed(
                project, refusal("EC413", message, address, origin, "name it once, and let both roles point to it")
            )
        first.setdefault(plan.database_id, plan.warehouse)
