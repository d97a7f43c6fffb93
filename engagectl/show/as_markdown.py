"""A plan as Markdown for a pull request: the verdict first, what destroys loudly, then the rest, ever shorter to fit.

Everything that came from YAML or from a warehouse stands in a code span or block whose fence is longer than any run of
backticks in it: no link, image, HTML or mention can come out of a name. Limits are GitHub's: 65,536 characters a
comment, 1 MiB a step summary, which it drops whole when it is longer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from engagectl.model.change import CreateSchema, CreateTable
from engagectl.model.plan import Finding, Plan, Step, WarehousePlan
from engagectl.show.terminal import escape
from engagectl.show.words import NOTED, compared_with, cost, counts, said

LIMIT_CHARS = 60_000
LIMIT_BYTES = 900 * 1024
_WORDS = ("create", "add", "rename", "widen", "rebuild", "comment", "settings", "drop")
_CUT = (
    "",
    "SQL is shown for destructive steps only",
    "SQL is left out",
    "only counts and destructive steps are shown",
)
_NOTES_LISTED = 50


def plan_markdown(plan: Plan, *, limit: int = LIMIT_CHARS) -> str:
    """Return the plan in at most `limit` characters and 900 KiB of UTF-8; what was left out is said at the top."""
    for level in range(len(_CUT)):
        text = _document(plan, level=level)
        if len(text) <= limit and len(text.encode()) <= LIMIT_BYTES:
            return text
    return cut(text, limit)


def marker(plan: Plan, title: str) -> str:
    """Return the hidden line by which a later run finds its own comment again."""
    name = re.sub(r"[^A-Za-z0-9_.:-]", "_", f"engagectl:{title}:{plan.project}:{plan.target or '-'}")
    return f"<!-- {name} -->"


def code(text: str) -> str:
    """Return text as a code span that nothing in it can end."""
    safe = escape(text).replace("\n", "\\n").replace("\t", "\\t")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    pad = " " if safe.startswith("`") or safe.endswith("`") or not safe.strip() else ""
    return f"{fence}{pad}{safe}{pad}{fence}"


def cell(text: str) -> str:
    """Return a code span for a cell of a table, where a bar ends the cell even inside code."""
    return code(text).replace("|", "\\|")


def block(language: str, lines: Iterable[str]) -> list[str]:
    """Return a code block; its fence is longer than any run of backticks in it."""
    safe = [escape(line) for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in safe for run in re.findall("`+", line)), default=0))
    return [f"{fence}{language}", *safe, fence]


def _document(plan: Plan, *, level: int) -> str:
    lines = [marker(plan, "plan"), f"### engagectl plan: {_headline(plan)}", ""]
    if level:
        lines += ["> [!NOTE]", f"> Shortened to fit: {_CUT[level]}. The whole plan is in the job's files.", ""]
    for warehouse in plan.warehouses:
        lines += _loud(warehouse)
    refusals = [one for one in plan.all_findings if one.refuses]
    if refusals:
        lines += ["> [!WARNING]", "> **Refused**: these must be settled first.", *_findings(refusals, "> - "), ""]
    if plan.steps:
        lines += [*_table(plan), ""]
    if level < 3:
        lines += _by_owner(plan)
        lines += _notes(plan)
    if level < 2:
        for warehouse in plan.warehouses:
            lines += _sql(warehouse, only_destructive=level == 1)
    return "\n".join([*lines, _foot(plan), ""])


def _headline(plan: Plan) -> str:
    steps = len(plan.steps)
    parts = [code(plan.target or plan.project)]
    parts.append(f"{steps} change{'' if steps == 1 else 's'}" if steps else "no changes")
    destructive = sum("DATA_LOSS" in step.hazards for step in plan.steps)
    if destructive:
        parts.append(f"**{destructive} destructive**")
    if plan.refused:
        parts.append("**refused**")
    notes = sum(len(one.noted) for one in plan.warehouses) + sum(not one.refuses for one in plan.all_findings)
    if notes:
        parts.append(f"{notes} note{'' if notes == 1 else 's'}")
    if plan.mode != "warehouse":
        parts.append(compared_with(plan))
    return " · ".join(parts)


def _loud(warehouse: WarehousePlan) -> Iterator[str]:
    for step in warehouse.steps:
        if "DATA_LOSS" in step.hazards:
            yield from ("> [!CAUTION]", f"> **{code(_subject(warehouse, step))} will be dropped** ({_rows(step)}).")
            _, _, what = said(step.change)
            yield from (f"> Asked for by `removed:`{_where(step)}: {code(what)}.", "> It cannot be brought back.", "")
        elif "TABLE_REWRITE" in step.hazards:
            yield "> [!IMPORTANT]"
            yield f"> {code(_subject(warehouse, step))} is rewritten ({_rows(step)}): {code(said(step.change)[2])}"
            yield ""


def _table(plan: Plan) -> Iterator[str]:
    used = [word for word in _WORDS if any(counts(one.steps)[word] for one in plan.warehouses)]
    yield "| Warehouse | " + " | ".join(used) + " | rows rewritten |"
    yield "|---|" + "--:|" * (len(used) + 1)
    for one in plan.warehouses:
        number = counts(one.steps)
        rewritten = [step for step in one.steps if "TABLE_REWRITE" in step.hazards]
        rows = "unknown" if any(step.rows is None for step in rewritten) else f"{sum(s.rows or 0 for s in rewritten):,}"
        shown = [f"**{number[word]}**" if word == "drop" and number[word] else str(number[word]) for word in used]
        yield f"| {cell(one.warehouse)} ({one.type}) | {' | '.join(shown)} | {rows} |"


def _by_owner(plan: Plan) -> Iterator[str]:
    owners: dict[str, list[str]] = {}
    for warehouse in plan.warehouses:
        for step in warehouse.steps:
            others = [one for one in step.fed_by if one != f"{step.address.kind}.{step.address.name}"]
            fed_by = f" · {code(', '.join(others))}" if others else ""
            line = f"- {code(_subject(warehouse, step))} {_what(step)}{_hazards(step)}{fed_by}{_where(step)}"
            owners.setdefault(step.owner, []).append(line)
    for owner, lines in sorted(owners.items()):
        yield f"**{code(owner)}**" if owner else "**no owner**"
        yield ""
        yield from lines
        yield ""


def _what(step: Step) -> str:
    """Return the words of a change; those that hold nothing but ours stand outside of code."""
    _, _, what = said(step.change)
    return what if isinstance(step.change, CreateSchema | CreateTable) else code(what)


def _hazards(step: Step) -> str:
    loud = [one for one in step.hazards if one not in ("DATA_LOSS", "TABLE_REWRITE")]
    return f" ({', '.join(loud)})" if loud else ""


def _notes(plan: Plan) -> Iterator[str]:
    findings = [one for one in plan.all_findings if not one.refuses]
    if findings:
        yield from ("**Findings**", "", *_findings(findings, "- "), "")
    for kind, title in NOTED.items():
        noted = [one for warehouse in plan.warehouses for one in warehouse.noted if one.kind == kind]
        if not noted:
            continue
        yield f"<details><summary>{title}: {len(noted)}</summary>"
        yield ""
        for one in noted[:_NOTES_LISTED]:
            rows = f" ({one.rows:,} rows)" if one.rows is not None else ""
            yield f"- {code(str(one.address))}{rows}{' ' + code(one.detail) if one.detail else ''}"
        if len(noted) > _NOTES_LISTED:
            yield f"- and {len(noted) - _NOTES_LISTED} more"
        yield from ("", "</details>", "")


def _findings(findings: Sequence[Finding], bullet: str) -> Iterator[str]:
    for one in findings:
        place = f" · {code(f'{one.place.file}:{one.place.line}')}" if one.place is not None else ""
        advice = "".join(f"; {code(line)}" for line in one.help)
        yield f"{bullet}{one.severity} {one.code}: {code(one.message)}{place}{advice}"


def _sql(warehouse: WarehousePlan, *, only_destructive: bool) -> Iterator[str]:
    steps = [one for one in warehouse.steps if not only_destructive or "DATA_LOSS" in one.hazards]
    statements = [statement for step in steps for statement in step.statements]
    if not statements:
        return
    count = f"{len(statements)} statement{'' if len(statements) == 1 else 's'}"
    yield f"<details><summary>SQL for {re.sub(r'[^A-Za-z0-9_.-]', '_', warehouse.warehouse)} ({count})</summary>"
    yield ""
    yield from block("sql", (line for statement in statements for line in f"{statement};".splitlines()))
    yield from ("", "</details>", "")


def _foot(plan: Plan) -> str:
    parts = [f"plan {code(plan.fingerprint[:12])}"]
    if plan.commit:
        parts.append(f"commit {code(plan.commit)}")
    parts += [f"expires {code(plan.expires_at)}", f"engagectl {code(plan.engagectl)}"]
    parts += [f"{code(part.warehouse)} {cost(part)}" for part in plan.warehouses if part.queries]
    if plan.steps and not plan.refused and plan.mode == "warehouse":
        parts.append("apply runs these steps and no others")
    return " · ".join(parts)


def _subject(warehouse: WarehousePlan, step: Step) -> str:
    return f"{warehouse.warehouse}/{step.address.kind}.{step.address.name}"


def _where(step: Step) -> str:
    return f" · {code(f'{step.place.file}:{step.place.line}')}" if step.place is not None else ""


def _rows(step: Step) -> str:
    return f"{step.rows:,} rows" if step.rows is not None else "rows unknown"


def cut(text: str, limit: int) -> str:
    """Return whole lines from the top, and say that the rest is missing: the last resort."""
    if len(text) <= limit and len(text.encode()) <= LIMIT_BYTES:
        return text
    notice = "\n\nThe rest is left out: it is in the job's files.\n"
    kept: list[str] = []
    size = len(notice)
    for line in text.splitlines():
        size += len(line.encode()) + 1
        if size > min(limit, LIMIT_BYTES):
            break
        kept.append(line)
    return "\n".join(kept) + notice
