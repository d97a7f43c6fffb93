"""A plan as JSON for machines: `engagectl/plan/1`, described by schemas/plan.schema.json."""

from collections import Counter
from typing import Any

from engagectl.errors import Place
from engagectl.model.change import Change, ChangeSetting, RebuildColumn, SetComment, SetLayout, WidenColumn, kind_of
from engagectl.model.column_type import type_text
from engagectl.model.plan import Finding, Noted, Plan, Step, WarehousePlan
from engagectl.show.words import layout_text


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return what `plan --json` adds to the envelope of every command."""
    actions = Counter(kind_of(step.change) for step in plan.steps)
    findings = Counter(one.severity for one in plan.all_findings)
    return {
        "schema": "engagectl/plan/1",
        "summary": {"steps": len(plan.steps), **actions, "findings": dict(findings), "refused": plan.refused},
        "project": plan.project,
        "target": plan.target,
        "mode": plan.mode,
        "taken_at": plan.taken_at,
        "fingerprint": plan.fingerprint,
        "created_at": plan.created_at,
        "expires_at": plan.expires_at,
        "engagectl": plan.engagectl,
        "commit": plan.commit,
        "config_digest": plan.config_digest,
        "selected": list(plan.selected),
        "protected": plan.protected,
        "refused": plan.refused,
        "warehouses": [_warehouse(one) for one in plan.warehouses],
        "findings": [_finding(one) for one in plan.findings],
    }


def _warehouse(plan: WarehousePlan) -> dict[str, Any]:
    return {
        "warehouse": plan.warehouse,
        "type": plan.type,
        "delivery": plan.delivery,
        "creates_journal": plan.creates_journal,
        "queries": plan.queries,
        "rows_read": plan.rows_read,
        "steps": [_step(step, plan.warehouse) for step in plan.steps],
        "findings": [_finding(one) for one in plan.findings],
        "noted": [_noted(one) for one in plan.noted],
    }


def _step(step: Step, warehouse: str) -> dict[str, Any]:
    before, after = _values(step.change)
    return {
        "id": step.id,
        "address": str(step.address),
        "warehouse": warehouse,
        "action": kind_of(step.change),
        "before": before,
        "after": after,
        "hazards": list(step.hazards),
        "rows": step.rows,
        "reversible": "DATA_LOSS" not in step.hazards,
        "sql": list(step.statements),
        "precondition": step.precondition,
        "source": _place(step.place),
        "owner": step.owner,
        "fed_by": list(step.fed_by),
    }


def _values(change: Change) -> tuple[str | None, str | None]:
    match change:
        case WidenColumn(before=has, column=column) | RebuildColumn(before=has, column=column):
            return type_text(has.type), type_text(column.type)
        case SetComment(before=old, comment=new):
            return old, new
        case SetLayout(before=kept, layout=layout, fields=fields):
            return layout_text(kept, fields), layout_text(layout, fields)
        case ChangeSetting(setting=setting, before=old, after=new):
            return (
                f"{setting}: {old}" if old is not None else None,
                f"{setting}: {new}" if new is not None else None,
            )
        case _:
            return None, None


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "address": str(one.address),
        "source": _place(one.place),
        "help": list(one.help),
        "refuses": one.refuses,
    }


def _noted(one: Noted) -> dict[str, Any]:
    return {"kind": one.kind, "address": str(one.address), "detail": one.detail, "rows": one.rows}


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
