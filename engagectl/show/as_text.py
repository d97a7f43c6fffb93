"""A plan as text for people: symbols, addresses, types, origins, hazards, and one line that sums it up."""

import re
from collections.abc import Iterable, Iterator, Sequence

from engagectl.model.change import CreateTable
from engagectl.model.column_type import type_text
from engagectl.model.plan import Finding, Noted, Plan, Step, WarehousePlan
from engagectl.model.schema import Column
from engagectl.show.terminal import STYLES, escape
from engagectl.show.words import NOTED, compared_with, cost, counts, said

_LISTED = 20
_CHANGE = re.compile(r"( +)([-+~!])(?= )")


def plan_text(plan: Plan, *, colour: bool, width: int, sql: bool = False, every_column: bool = False) -> str:
    """Return the plan as text. The summary and the next command come last, where a terminal leaves the eye.

    The id, standard and context columns of a new table are one line, but for `every_column` and `sql`.
    """
    ink = _Ink(colour)
    named = " · ".join(part for part in (plan.project, plan.target, compared_with(plan)) if part)
    lines = [ink("bold", f"engagectl plan: {named}")]
    for warehouse in plan.warehouses:
        lines += ["", *_warehouse(warehouse, ink, width=width, sql=sql, every_column=every_column or sql)]
    findings = plan.all_findings
    if findings:
        lines += ["", *(line for finding in _by_weight(findings) for line in _finding(finding, ink))]
    lines += ["", *_summary(plan, ink)]
    return "\n".join(lines)


def plan_diff(plan: Plan, *, width: int, sql: bool = False, every_column: bool = False) -> str:
    """Return the plan as text that colours as a diff: the symbol of a change, `!` for ~, begins its line."""
    text = plan_text(plan, colour=False, width=width - 1, sql=sql, every_column=every_column)
    return "\n".join(_as_diff(line) for line in text.split("\n"))


def _as_diff(line: str) -> str:
    found = _CHANGE.match(line)
    if found is None:
        return f" {line}" if line else ""
    symbol = "!" if found[2] == "~" else found[2]
    return f"{symbol}{found[1]}{line[found.end(2) :]}"


class _Ink:
    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, style: str, text: str) -> str:
        safe = escape(text)
        return f"\x1b[{STYLES[style]}m{safe}\x1b[0m" if self.colour else safe


def _warehouse(plan: WarehousePlan, ink: _Ink, *, width: int, sql: bool, every_column: bool) -> Iterator[str]:
    facts = " · ".join(fact for fact in (plan.type, plan.delivery, cost(plan)) if fact)
    yield ink("bold", plan.warehouse) + ink("dim", f" ({facts})")
    if not plan.steps:
        yield "  no changes"
    if plan.creates_journal:
        yield ink("dim", "  the journal is created with the first step")
    drops = [step for step in plan.steps if "DATA_LOSS" in step.hazards]
    for step in (*drops, *(step for step in plan.steps if step not in drops)):
        yield from _step(step, ink, width=width, every_column=every_column)
        if sql:
            for statement in step.statements:
                yield from (ink("dim", f"        {line}") for line in f"{statement};".splitlines())
    for kind, title in NOTED.items():
        noted = [one for one in plan.noted if one.kind == kind]
        if noted:
            yield ink("dim", f"  {title}:")
            yield from (ink("dim", f"    {_noted(one)}") for one in noted[:_LISTED])
            if len(noted) > _LISTED:
                yield ink("dim", f"    and {len(noted) - _LISTED} more")


def _step(step: Step, ink: _Ink, *, width: int, every_column: bool) -> Iterator[str]:
    symbol, style, what = said(step.change)
    subject = f"{step.address.kind}.{step.address.name}"
    where = f"{step.place.file}:{step.place.line}" if step.place is not None else ""
    tail = " · ".join(part for part in (step.owner, where) if part)
    plain = f"  {symbol} {subject}  {what}"
    head = f"  {ink(style, symbol)} {ink('bold', subject)}  {ink(style, what)}"
    gap = min(width, 120) - len(plain) - len(tail)
    if tail and gap >= 2:
        yield head + " " * gap + ink("dim", tail)
    else:  # no name is ever cut: who asked for it goes below
        yield head
        yield from (ink("dim", f"      {tail}"),) if tail else ()
    if step.hazards:
        rows = f", {step.rows:,} rows" if step.rows is not None else ", rows unknown"
        yield ink("yellow", f"      ! {', '.join(step.hazards)}{rows}")
    if isinstance(step.change, CreateTable):
        yield from _columns(step.change.table.columns, ink, every_column=every_column)


def _columns(columns: Sequence[Column], ink: _Ink, *, every_column: bool) -> Iterator[str]:
    shown = [column for column in columns if every_column or column.fed_by]
    longest = max((len(column.name) for column in shown), default=0)
    for column in shown:
        yield f"      {ink('green', '+')} {escape(column.name.ljust(longest))}  {ink('dim', type_text(column.type))}"
    folded = len(columns) - len(shown)
    if folded:
        words = f"{folded} standard and context column{'' if folded == 1 else 's'}"
        yield f"      {ink('green', '+')} {ink('dim', words)}"


def _noted(one: Noted) -> str:
    rows = f" ({one.rows:,} rows)" if one.rows is not None else ""
    return f"{one.address.kind}.{one.address.name}{rows}" + (
        f": {one.detail}" if one.kind in ("found", "landing", "layout", "schema", "unmanaged") and one.detail else ""
    )


def _by_weight(findings: Iterable[Finding]) -> list[Finding]:
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(findings, key=lambda one: (order[one.severity], one.code, str(one.address)))


def _finding(one: Finding, ink: _Ink) -> Iterator[str]:
    style = {"error": "red", "warning": "yellow", "info": "cyan"}[one.severity]
    place = f"  {one.place}" if one.place is not None else ""
    yield ink(style, f"{one.severity} {one.code}") + f" {escape(one.message)}" + ink("dim", place)
    yield from (ink("dim", f"    {line}") for line in one.help)


def _summary(plan: Plan, ink: _Ink) -> Iterator[str]:
    steps = plan.steps
    if not steps and not plan.refused:
        yield ink("green", "No changes.") + f" {_nothing(plan)}"
        return
    parts = [f"{n} to {word}" if word != "settings" else f"{n} settings" for word, n in counts(steps).items()]
    yield ink("bold", f"Plan: {', '.join(parts) or 'no changes'}.") + ink("dim", f" {plan.fingerprint[:12]}")
    if plan.refused:
        refusals = sum(finding.refuses for finding in plan.all_findings)
        yield ink("red", f"Refused: {refusals} finding{'' if refusals == 1 else 's'} above must be settled first.")
    elif plan.mode == "warehouse":
        yield f"Next: engagectl {'plan --out plan.json, then apply plan.json' if plan.protected else 'apply'}"


def _nothing(plan: Plan) -> str:
    match plan.mode:
        case "warehouse":
            return "The warehouse is as the YAML says."
        case "catalog":
            return "The warehouse was as the YAML says."
        case "base":
            return "The YAML asks for what it asked for at that revision."
        case "offline":
            return "The YAML asks for nothing."
