"""The JSON document of a command, as `--report` wrote it, as Markdown for a comment or an issue. Everything is data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engagectl.show.as_markdown import LIMIT_CHARS, cell, code, cut

_LISTED = 200


def report_markdown(document: Mapping[str, Any], *, owner: str | None = None, limit: int = LIMIT_CHARS) -> str:
    """Return what a report says; of drift only what belongs to `owner`, where one is named."""
    command = str(document.get("schema", "engagectl/report/1")).split("/")[1]
    lines = [f"### engagectl {code(command)}: {_verdict(command, document)}", ""]
    lines += _diagnostics(document.get("diagnostics") or [])
    if command == "apply":
        lines += _steps(document.get("steps") or [])
    if command in ("apply", "sync"):
        lines += _feeds(document.get("sync", document).get("feeds") or [])
    if command == "drift":
        lines += _drift(document.get("warehouses") or [], owner)
    return cut("\n".join([*lines, f"engagectl {code(str(document.get('engagectl', '')))}", ""]), limit)


def drifted(document: Mapping[str, Any], *, owner: str | None = None) -> int:
    """Return how many things a drift report names, of one owner or of all."""
    return sum(
        owner is None or entry.get("owner", "") == owner
        for part in document.get("warehouses") or []
        for entry in (*part["missing"], *part["changed"], *part.get("segment", ()))
    )


def owners(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the owners that a drift report names, "" for what has none."""
    found = {
        entry.get("owner", "")
        for part in document.get("warehouses") or []
        for entry in (*part["missing"], *part["changed"], *part.get("segment", ()))
    }
    return tuple(sorted(found))


def _verdict(command: str, document: Mapping[str, Any]) -> str:
    summary = document.get("summary") or {}
    if not document.get("ok", False) and "error" in summary:
        return f"**failed** ({code(str(summary.get('exit_code', 1)))}): {code(str(summary['error']))}"
    if command == "drift":
        told = sum(len(part.get("segment", ())) for part in document.get("warehouses") or [])
        number = drifted(document) - told
        parts = [f"{number} thing{'' if number == 1 else 's'} moved away from the last apply"] if number else []
        parts += [f"{told} difference{'' if told == 1 else 's'} in what Segment manages"] if told else []
        return ", ".join(parts) or "none"
    counts = ", ".join(f"{value} {name}" for name, value in summary.items() if isinstance(value, int) and value)
    return code(counts) if counts else "nothing to do"


def _diagnostics(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in found[:_LISTED]:
        yield f"- {code(str(one['severity']))} {code(str(one['code']))}: {code(str(one['message']))}"
        yield from (f"  - {code(str(line))}" for line in one.get("help") or [])
    if found:
        yield ""


def _steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not steps:
        return
    yield from ("| Step | Outcome |", "|---|---|")
    for step in steps[:_LISTED]:
        yield f"| {cell(str(step['address']))} | {cell(str(step['outcome']))} |"
    yield from ([f"| and {len(steps) - _LISTED} more | |", ""] if len(steps) > _LISTED else [""])


def _feeds(feeds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not feeds:
        return
    yield from ("| Feed | read | inserted | duplicate | filtered | quarantined |", "|---|--:|--:|--:|--:|--:|")
    for one in feeds[:_LISTED]:
        filtered = sum(int(number) for number in one["filtered"].values())
        numbers = (one["read"], one["inserted"], one["duplicate"], filtered, one["quarantined"])
        yield f"| {cell(str(one['feed']))} | {' | '.join(f'{int(number):,}' for number in numbers)} |"
    yield ""


def _drift(warehouses: Sequence[Mapping[str, Any]], owner: str | None) -> Iterator[str]:
    moved, segment = [], []
    for part in warehouses:
        where = cell(str(part["warehouse"]))
        for entry in (*part["missing"], *part["changed"], *part.get("segment", ())):
            if owner is not None and entry.get("owner", "") != owner:
                continue
            if "message" in entry:
                advice = "; ".join(str(line) for line in entry.get("help") or [])
                segment.append(f"| {where} | {cell(str(entry['message']))} | {cell(advice) if advice else ''} |")
                continue
            applied = cell(str(entry["applied"])) if entry.get("applied") else ""
            found = cell(str(entry["found"])) if entry.get("found") else "**gone**"
            fed_by = cell(", ".join(entry["fed_by"])) if entry.get("fed_by") else ""
            moved.append(f"| {where} | {cell(str(entry['address']))} | {applied} | {found} | {fed_by} |")
    if moved:
        yield from ("| Warehouse | Address | Applied | Found | Fed by |", "|---|---|---|---|---|", *moved)
        yield from ("", "`engagectl plan` shows how apply brings it back.", "")
    if segment:
        yield from ("| Warehouse | Managed by Segment | What to do |", "|---|---|---|", *segment)
        yield from ("", "engagectl writes nothing there.", "")
