"""apply_plan(): lock, plan again, compare with what was approved, run, record."""

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from engagectl.apply.approval import compare, refuse
from engagectl.apply.failure import told
from engagectl.apply.report import ApplyReport, Outcome
from engagectl.apply.run import Run
from engagectl.config.project import Project
from engagectl.errors import EngagectlError, RefusedError
from engagectl.failpoint import hit
from engagectl.journal import tables
from engagectl.model.plan import Plan, Step
from engagectl.planner import make_plan
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.registry import warehouse as record_of


def apply_plan(
    project: Project,
    *,
    connections: Mapping[str, Connection],
    approved: Sequence[Plan] | None = None,
    select: Sequence[str] = (),
    now: datetime,
    confirm: Callable[[Plan], bool],
    reporter: Callable[[object], None],
    take_over: bool = False,
    lock_timeout_s: float = 10.0,
    commit: str = "",
) -> ApplyReport:
    """Change the warehouses as planned now, and nothing else; with approved plans, their steps and no others.

    Raises RefusedError and StalePlan before anything was done; FailedError when nothing is left of it,
    PartlyDoneError when some of it is committed.
    """
    journal = project.spec.journal_schema
    holder = Holder(command="apply", host=socket.gethostname(), pid=os.getpid(), since=tables.rfc3339(now))
    if _is_one_database(connections, journal):  # the second lock would wait for the first
        refuse(make_plan(project, connections=connections, now=now, select=select), take_over=take_over)
    for connection in connections.values():
        connection.lock(journal, timeout_s=lock_timeout_s, holder=holder)
    hit("apply.locked")
    if approved and not select and all(plan.selected for plan in approved):
        select = tuple(dict.fromkeys(pattern for plan in approved for pattern in plan.selected))
    plan = make_plan(project, connections=connections, now=now, select=select, take_over=take_over, commit=commit)
    hit("apply.planned")
    refuse(plan, take_over=take_over)
    if approved is not None:
        compare(plan, approved, now=now)
    elif plan.protected and plan.steps:
        raise RefusedError(
            f"target {plan.target!r} is protected: apply needs the plan that was approved",
            help="engagectl plan --out plan.json, then engagectl apply plan.json",
        )
    if plan.steps and not confirm(plan):
        steps: tuple[tuple[Step, Outcome], ...] = tuple((step, "not started") for step in plan.steps)
        return ApplyReport(plan=plan, apply_id="", steps=steps, declined=True)
    apply_id = uuid.uuid4().hex
    done: list[Step] = []
    for part in plan.warehouses:
        run = Run(
            plan=plan,
            part=part,
            connection=connections[part.warehouse],
            record=record_of(part.type),
            journal=journal,
            apply_id=apply_id,
            reporter=reporter,
            selected=bool(select),
            take_over=take_over,
        )
        try:
            run.go()
        except EngagectlError as error:
            raise told(error, done, run, plan) from error
        done += part.steps
    return ApplyReport(plan=plan, apply_id=apply_id, steps=tuple((step, "done") for step in plan.steps))


def _is_one_database(connections: Mapping[str, Connection], journal: str) -> bool:
    if len(connections) < 2:
        return False
    begun = [one for one in connections.values() if tables.has_journal(one, journal)]
    known = [tables.database_id(one, journal) for one in begun]
    return len(set(known)) < len(known)
