"""What may run: nothing that policy refuses, and with approved plans nothing that they do not hold."""

from collections.abc import Sequence
from datetime import datetime

from engagectl.errors import Diagnostic, RefusedError, StalePlan
from engagectl.model.change import (
    AddColumn,
    ChangeSetting,
    CreateTable,
    kind_of,
)
from engagectl.model.plan import Plan
from engagectl.planner.settings import DETAILS


def refuse(plan: Plan, *, take_over: bool) -> None:
    stops = [f for f in plan.all_findings if f.refuses and not (take_over and f.code == "EC603")]
    if stops:
        raise RefusedError(
            "; ".join(f"{f.address}: {f.message}" for f in stops),
            code=stops[0].code,
            help=tuple(dict.fromkeys(line for f in stops for line in f.help)),
            found=tuple(
                Diagnostic(
                    code=f.code, severity="error", message=f"{f.address}: {f.message}", place=f.place, help=f.help
                )
                for f in stops
            ),
        )


def compare(plan: Plan, approved: Sequence[Plan], *, now: datetime) -> None:
    """Refuse a step that nobody approved. An approved new table approves each of its columns too."""
    for given in approved:
        if (given.project, given.target) != (plan.project, plan.target) or given.mode != "warehouse":
            raise StalePlan(
                f"plan {given.fingerprint[:12]} is for project {given.project!r}, target {given.target!r}"
                f" ({given.mode}); this is {plan.project!r}, {plan.target!r}"
            )
        if datetime.fromisoformat(given.expires_at) < now:
            raise StalePlan(f"plan {given.fingerprint[:12]} expired at {given.expires_at}", help="make a new plan")
        _same_databases(plan, given)
    known = {(step.id, step.precondition) for given in approved for step in given.steps}
    columns = {
        (part.warehouse, step.change.table.name, column)
        for given in approved
        for part in given.warehouses
        for step in part.steps
        if isinstance(step.change, CreateTable)
        for column in step.change.table.columns
    }
    new = [
        step
        for part in plan.warehouses
        for step in part.steps
        if (step.id, step.precondition) not in known
        and not (isinstance(step.change, ChangeSetting) and step.change.setting == DETAILS)
        and not (
            isinstance(step.change, AddColumn) and (part.warehouse, step.change.table, step.change.column) in columns
        )
    ]
    if new:
        raise StalePlan(
            f"{len(new)} step{'' if len(new) == 1 else 's'} of now are not in the approved plan; nothing was done",
            help=(*(f"new: {kind_of(step.change)} {step.address}" for step in new), "make a new plan and approve it"),
        )


def _same_databases(plan: Plan, given: Plan) -> None:
    """Refuse a plan that was made against another database than the one that is connected now."""
    now = {part.warehouse: part.database_id for part in plan.warehouses}
    for part in given.warehouses:
        if part.database_id and now.get(part.warehouse, part.database_id) != part.database_id:
            raise StalePlan(
                f"plan {given.fingerprint[:12]} was made against another database than {part.warehouse} is now",
                help="make a new plan",
            )
