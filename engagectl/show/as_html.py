"""A plan as one HTML file without scripts: what destroys first, then a difference per table, its SQL folded away."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from engagectl.model.change import AddColumn, CreateTable, RebuildColumn, SetComment, WidenColumn
from engagectl.model.column_type import type_text
from engagectl.model.plan import Finding, Plan, Step, WarehousePlan
from engagectl.show.terminal import escape
from engagectl.show.words import NOTED, compared_with, cost, counts, said

if TYPE_CHECKING:
    import jinja2

_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of a table's difference."""

    symbol: str
    kind: str  # add, change, drop
    name: str
    before: str
    after: str
    note: str
    hazards: str
    fed_by: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """What happens to one table, or to one feed."""

    title: str
    what: str
    owner: str
    rows: tuple[_Row, ...]
    standard: tuple[str, ...]  # the id, standard and context columns of a new table, folded away
    sql: str
    is_destructive: bool


def plan_html(plan: Plan) -> str:
    """Return a self-contained page. Everything that came from YAML or a warehouse is escaped by the template engine."""
    template, style = _template()
    steps = plan.steps
    warehouses = [
        {
            "name": escape(one.warehouse),
            "type": one.type,
            "delivery": one.delivery,
            "cost": cost(one),
            "counts": [(word, number) for word, number in counts(one.steps).items()],
            "groups": _groups(one),
            "noted": _noted(one),
            "creates_journal": one.creates_journal,
        }
        for one in plan.warehouses
    ]
    return template.render(
        title=escape(plan.target or plan.project),
        project=escape(plan.project),
        plan=plan,
        style=style,
        verdict=_verdict(plan),
        compared=escape(compared_with(plan)).capitalize(),
        mood="bad"
        if plan.refused
        else "warn"
        if any({"DATA_LOSS", "TABLE_REWRITE"} & {*one.hazards} for one in steps)
        else "good",
        loud=[
            (f"{escape(part.warehouse)}: {_subject(step)}", _rows(step), escape(said(step.change)[2]), _place(step))
            for part in plan.warehouses
            for step in part.steps
            if "DATA_LOSS" in step.hazards
        ],
        costly=[
            (f"{escape(part.warehouse)}: {_subject(step)}", _rows(step), escape(said(step.change)[2]), _place(step))
            for part in plan.warehouses
            for step in part.steps
            if "TABLE_REWRITE" in step.hazards and "DATA_LOSS" not in step.hazards
        ],
        findings=[
            (one.severity, one.code, escape(one.message), _finding_place(one), [escape(line) for line in one.help])
            for one in sorted(plan.all_findings, key=lambda one: (_ORDER[one.severity], one.code))
        ],
        warehouses=warehouses,
    )


@cache
def _template() -> "tuple[jinja2.Template, str]":
    """Return the page's template, compiled once, and its style."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    folder = files("engagectl.show").joinpath("templates")
    page, style = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("plan.html.j2", "plan.css"))
    return environment.from_string(page), style


def _verdict(plan: Plan) -> str:
    number = len(plan.steps)
    if plan.refused:
        return "Refused: findings below must be settled first"
    if not number:
        return "No changes"
    destructive = sum("DATA_LOSS" in step.hazards for step in plan.steps)
    changes = f"{number} change{'' if number == 1 else 's'}"
    return f"{changes}, {destructive} destructive" if destructive else changes


def _groups(part: WarehousePlan) -> list[_Group]:
    tables: dict[str, list[Step]] = {}
    for step in part.steps:
        tables.setdefault(_table(step), []).append(step)
    groups = [
        _Group(
            title=escape(title),
            what=_what(steps),
            owner=escape(", ".join(dict.fromkeys(step.owner for step in steps if step.owner))),
            rows=tuple(row for step in steps for row in _rows_of(step)),
            standard=tuple(line for step in steps for line in _standard(step)),
            sql=_highlighted([statement for step in steps for statement in step.statements]),
            is_destructive=any("DATA_LOSS" in step.hazards for step in steps),
        )
        for title, steps in tables.items()
    ]
    return sorted(groups, key=lambda group: not group.is_destructive)


def _table(step: Step) -> str:
    if step.address.kind == "column":
        return ".".join(step.address.name.split(".")[:2])
    return step.address.name if step.address.kind == "table" else f"{step.address.kind}.{step.address.name}"


def _what(steps: Iterable[Step]) -> str:
    created = [step.change for step in steps if isinstance(step.change, CreateTable)]
    return f"new table, {len(created[0].table.columns)} columns" if created else ""


def _rows_of(step: Step) -> list[_Row]:
    if isinstance(step.change, CreateTable):
        return [
            _row(step, "+", "add", column.name, "", type_text(column.type), fed_by=column.fed_by)
            for column in step.change.table.columns
            if column.fed_by
        ]
    symbol, _, words = said(step.change)
    kind = {"+": "add", "-": "drop"}.get(symbol, "change")
    name = step.address.name.split(".")[-1]
    match step.change:
        case AddColumn(column=column):
            return [_row(step, symbol, kind, name, "", type_text(column.type), fed_by=step.fed_by)]
        case WidenColumn(before=has, column=column) | RebuildColumn(before=has, column=column):
            return [_row(step, symbol, kind, name, type_text(has.type), type_text(column.type), fed_by=step.fed_by)]
        case SetComment(before=old, comment=new):
            return [_row(step, symbol, kind, name, old or "", new or "", note="comment")]
        case _:
            return [_row(step, symbol, kind, name, "", "", note=words)]


def _standard(step: Step) -> list[str]:
    if not isinstance(step.change, CreateTable):
        return []
    return [escape(f"{one.name} {type_text(one.type)}") for one in step.change.table.columns if not one.fed_by]


def _row(
    step: Step,
    symbol: str,
    kind: str,
    name: str,
    before: str,
    after: str,
    *,
    note: str = "",
    fed_by: tuple[str, ...] = (),
) -> _Row:
    hazards = [f"{', '.join(step.hazards)} · {_rows(step)}"] if step.hazards else []
    return _Row(
        symbol=symbol,
        kind=kind,
        name=escape(name),
        before=escape(before),
        after=escape(after),
        note=escape(note),
        hazards="".join(hazards),
        fed_by=escape(", ".join(fed_by)),
        place=_place(step),
    )


def _noted(part: WarehousePlan) -> list[tuple[str, list[str]]]:
    found = []
    for kind, title in NOTED.items():
        noted = [
            escape(str(one.address))
            + (f" ({one.rows:,} rows)" if one.rows is not None else "")
            + (f": {escape(one.detail)}" if one.detail else "")
            for one in part.noted
            if one.kind == kind
        ]
        if noted:
            found.append((title, noted))
    return found


def _highlighted(statements: list[str]) -> str:
    """Return the SQL as HTML spans with classes; pygments escapes what it is given."""
    if not statements:
        return ""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import SqlLexer

    text = "\n".join(f"{escape(statement)};" for statement in statements)
    html: str = highlight(text, SqlLexer(), HtmlFormatter(nowrap=True, classprefix="s-"))
    return re.sub(r"\n$", "", html)


def _subject(step: Step) -> str:
    return escape(f"{step.address.kind}.{step.address.name}")


def _rows(step: Step) -> str:
    return f"{step.rows:,} rows" if step.rows is not None else "rows unknown"


def _place(step: Step) -> str:
    return escape(f"{step.place.file}:{step.place.line}") if step.place is not None else ""


def _finding_place(one: Finding) -> str:
    return escape(f"{one.place.file}:{one.place.line}") if one.place is not None else ""
