"""What somebody changed since the last apply, as text, Markdown and JSON data: missing, changed, what is not ours."""

from collections.abc import Iterator
from typing import Any

from engagectl.model.change import (
    AddColumn,
    CreateSchema,
    CreateTable,
    RebuildColumn,
    WidenColumn,
)
from engagectl.model.column_type import type_text
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.show.as_markdown import LIMIT_CHARS, cell, code, cut, marker
from engagectl.show.terminal import STYLES, escape
from engagectl.show.words import cost

_LISTED = 50


def drift_json(drift: Plan) -> dict[str, Any]:
    """Return what `drift --json` adds to the envelope. `missing` and `changed` are drift; `unmanaged` is only told."""
    return {
        "schema": "engagectl/drift/1",
        "project": drift.project,
        "target": drift.target,
        "summary": {
            "segment": len(drift.all_findings),
            "missing": sum(len(_missing(one)) for one in drift.warehouses),
            "changed": sum(len(_changed(one)) for one in drift.warehouses),
            "unmanaged": sum(one.kind == "unmanaged" for part in drift.warehouses for one in part.noted),
        },
        "warehouses": [
            {
                "warehouse": one.warehouse,
                "type": one.type,
                "queries": one.queries,
                "rows_read": one.rows_read,
                "missing": [_entry(step) for step in _missing(one)],
                "changed": [_entry(step) for step in _changed(one)],
                "segment": [
                    {
                        "address": str(told.address),
                        "message": told.message,
                        "help": list(told.help),
                        "owner": told.owner,
                    }
                    for told in one.findings
                ],
                "unmanaged": [
                    {"address": str(noted.address), "rows": noted.rows}
                    for noted in one.noted
                    if noted.kind == "unmanaged"
                ],
            }
            for one in drift.warehouses
        ],
    }


def drift_text(drift: Plan, *, colour: bool) -> str:
    """Return the drift for people; the way back comes last."""

    def ink(style: str, text: str) -> str:
        return f"\x1b[{STYLES[style]}m{escape(text)}\x1b[0m" if colour else escape(text)

    lines = [ink("bold", f"engagectl drift: {drift.project}" + (f" · {drift.target}" if drift.target else ""))]
    for one in drift.warehouses:
        lines += [
            "",
            ink("bold", one.warehouse) + ink("dim", f" ({' · '.join(fact for fact in (one.type, cost(one)) if fact)})"),
        ]
        lines += [f"  {ink('red', '-')} {ink('bold', _address(step))}  {_gone(step)}" for step in _missing(one)]
        lines += [f"  {ink('yellow', '~')} {ink('bold', _address(step))}  {_differs(step)}" for step in _changed(one)]
        if not one.steps and not one.findings:
            lines.append("  as it was applied")
        for told in one.findings:
            lines.append(f"  {ink('yellow', '~')} {escape(told.message)}")
            lines += [ink("dim", f"      {advice}") for advice in told.help]
        lines += [ink("dim", line) for line in _unmanaged(one)]
    steps = drift.steps
    if steps:
        number = len(steps)
        lines += ["", ink("bold", f"Drift: {number} thing{'' if number == 1 else 's'} moved away from the last apply.")]
        lines.append("Next: engagectl plan, which shows how apply brings it back")
    elif drift.all_findings:
        number = len(drift.all_findings)
        what = "difference" if number == 1 else "differences"
        lines += [
            "",
            ink("bold", f"Drift: {number} {what} in what Segment manages.") + " engagectl writes nothing there.",
        ]
    else:
        lines += ["", ink("green", "No drift.") + " Every warehouse is as it was applied."]
    return "\n".join(lines)


def drift_markdown(drift: Plan, *, limit: int = LIMIT_CHARS) -> str:
    """Return the drift for an issue, in at most `limit` characters."""
    number, told = len(drift.steps), len(drift.all_findings)
    parts = [f"{number} thing{'' if number == 1 else 's'} moved away from the last apply"] if number else []
    parts += [f"{told} difference{'' if told == 1 else 's'} in what Segment manages"] if told else []
    what = ", ".join(parts) or "none"
    lines = [marker(drift, "drift"), f"### engagectl drift: {code(drift.target or drift.project)} · {what}", ""]
    if number:
        lines += ["| Warehouse | Address | Drift | Fed by |", "|---|---|---|---|"]
    for part in drift.warehouses:
        for step in (*_missing(part), *_changed(part)):
            said = "is gone" if step in _missing(part) else cell(_differs(step))
            fed_by = cell(", ".join(step.fed_by)) if step.fed_by else ""
            lines.append(f"| {cell(part.warehouse)} | {cell(_address(step))} | {said} | {fed_by} |")
    for part in drift.warehouses:
        if part.findings:
            lines += ["", f"Managed by Segment in {code(part.warehouse)}, never written:", ""]
            lines += [f"- {cell(one.message)}. {cell('; '.join(one.help))}" for one in part.findings]
    for part in drift.warehouses:
        found = [one for one in part.noted if one.kind == "unmanaged"]
        if found:
            lines += ["", f"Unmanaged in {code(part.warehouse)}, never touched: {len(found)}"]
            lines += ["", *(f"- {code(str(one.address))}" for one in found[:_LISTED])]
    told_cost = [f"{code(part.warehouse)} {cost(part)}" for part in drift.warehouses if part.queries]
    lines += ["", " · ".join([f"engagectl {code(drift.engagectl)}", code(drift.created_at), *told_cost]), ""]
    return cut("\n".join(lines), limit)


def _missing(part: WarehousePlan) -> list[Step]:
    return [step for step in part.steps if isinstance(step.change, CreateSchema | CreateTable | AddColumn)]


def _changed(part: WarehousePlan) -> list[Step]:
    return [step for step in part.steps if not isinstance(step.change, CreateSchema | CreateTable | AddColumn)]


def _address(step: Step) -> str:
    return f"{step.address.kind}.{step.address.name}"


def _gone(step: Step) -> str:
    fed_by = escape(f" ({', '.join(step.fed_by)})") if step.fed_by else ""
    return f"is gone{fed_by}"


def _differs(step: Step) -> str:
    match step.change:
        case WidenColumn(before=found, column=wanted) | RebuildColumn(before=found, column=wanted):
            return escape(f"was applied as {type_text(wanted.type)}, is {type_text(found.type)}")
        case _:
            return "differs"


def _unmanaged(part: WarehousePlan) -> Iterator[str]:
    found = [one for one in part.noted if one.kind == "unmanaged"]
    if found:
        yield "  Unmanaged (not ours; never touched):"
        for one in found[:_LISTED]:
            yield f"    {one.address.kind}.{one.address.name}" + (f" ({one.rows:,} rows)" if one.rows else "")
        if len(found) > _LISTED:
            yield f"    and {len(found) - _LISTED} more"


def _entry(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "address": str(step.address),
        "fed_by": list(step.fed_by),
        "owner": step.owner,
    }
    match step.change:
        case WidenColumn(before=found, column=wanted) | RebuildColumn(before=found, column=wanted):
            entry |= {"applied": type_text(wanted.type), "found": type_text(found.type)}
        case AddColumn(column=column):
            entry |= {"applied": type_text(column.type), "found": None}
        case _:
            entry |= {"applied": None, "found": None}
    return entry
