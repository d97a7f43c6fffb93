"""Desired, actual and applied state -> a sealed plan. It reads, judges and renders; it never writes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from engagectl import __version__
from engagectl.config.field import seconds
from engagectl.config.project import Project
from engagectl.desired.build import build
from engagectl.diff import diff, in_order
from engagectl.model.plan import Plan, WarehousePlan
from engagectl.planfile import fingerprint
from engagectl.planner.noted import judge_watched, noted
from engagectl.planner.removed import drops_asked
from engagectl.planner.rows import full_clashes, judge_rows
from engagectl.planner.seen import as_found, carried, look
from engagectl.planner.selection import selected, selected_feeds
from engagectl.planner.settings import settings
from engagectl.planner.step import make_step, placed
from engagectl.risk import judge, judge_drops, judge_feeds, judge_owners
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse as record_of


def make_plan(
    project: Project,
    *,
    connections: Mapping[str, Connection] | None,
    now: datetime,
    select: Sequence[str] = (),
    mode: Literal["warehouse", "offline", "base"] = "warehouse",
    base: Project | None = None,
    commit: str = "",
    take_over: bool = False,
) -> Plan:
    """Return what apply would do. Without connections nothing is there yet, or what `base` says."""
    ids = sorted(connections) if connections is not None else sorted(set(project.roles.values()))
    plans = tuple(
        _plan_one(
            project,
            id_,
            connection=connections[id_] if connections is not None else None,
            base=base,
            select=select,
            take_over=take_over,
        )
        for id_ in ids
    )
    return sealed(project, plans, now=now, select=select, mode=mode, commit=commit)


def sealed(
    project: Project,
    plans: tuple[WarehousePlan, ...],
    *,
    now: datetime,
    select: Sequence[str],
    mode: Literal["warehouse", "offline", "base"],
    commit: str,
) -> Plan:
    target = project.spec.targets.get(project.target)
    expires = now + timedelta(seconds=seconds(project.spec.plan.expires))
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
        selected=tuple(select),
        protected=target is not None and target.protected,
    )


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plan_one(
    project: Project,
    id_: str,
    *,
    connection: Connection | None,
    base: Project | None,
    select: Sequence[str],
    take_over: bool,
) -> WarehousePlan:
    record = record_of(project.spec.warehouses[id_].type)
    desired = build(project, id_, record)
    seen = look(project, id_, record, desired, connection=connection, base=base)
    desired = as_found(desired, seen.actual)
    feeds = tuple(carried(feed, seen) for feed in desired.feeds)
    lifecycle = project.spec.lifecycle
    difference = diff(desired.state, seen.actual, relate=record.relate, retype=lifecycle.type_changes)
    drops, drop_notes, drop_findings = drops_asked(desired, seen, project)
    changes = in_order([*difference.changes, *settings(feeds, seen, difference.changes), *drops])
    clashes = full_clashes(difference.clashes, connection, record)
    judged = [
        *judge(desired, seen.actual, difference, full_clashes=clashes),
        *(() if take_over else judge_owners(desired, seen.owned, project=project.spec.project, target=project.target)),
        *judge_feeds(feeds, seen.prior),
        *judge_drops(drops, warehouse=id_),
        *drop_findings,
        *judge_watched(desired, seen, record),
    ]
    chosen = selected(changes, project, id_, select) if select else changes
    kept = selected_feeds(feeds, chosen, id_, select) if select else feeds
    steps = tuple(make_step(project, change, id_, record, seen.actual) for change in chosen)
    judged += judge_rows(steps, project, connection, record)
    return WarehousePlan(
        warehouse=id_,
        type=record.name,
        steps=steps,
        findings=tuple(placed(project, one) for one in judged),
        noted=(*noted(desired, seen, difference, project.spec.project), *drop_notes),
        feeds=kept,
        creates_journal=seen.lacks_journal and bool(steps),
        delivery=record.capabilities.delivery,
    )
