"""What `inspect` found in a warehouse, as text and as JSON data."""

from collections.abc import Iterator
from typing import Any

from engagectl.inspect.recognise import FoundSchema
from engagectl.inspect.survey import Computation, Oddity, Survey, TableFacts
from engagectl.model.column_type import type_text
from engagectl.show.terminal import columns, escape

_KINDS = {"classic": "classic schema of space", "activations": "storage actions of space", "other": "not of Engage"}
_ODD = {
    "two_spellings": "Two spellings",
    "two_types": "Two types",
    "never_filled": "Never filled",
    "no_rows": "No row",
    "unreadable": "Not read",
}
_LISTED = 30


def inspection_text(survey: Survey, *, following: tuple[str, ...]) -> str:
    """Return what is there, what is odd, what was read to know it, and the next commands."""
    who = f", as {survey.role}" if survey.role else ""
    lines = [f"engagectl inspect: {survey.warehouse} ({survey.version}{who}), read-only"]
    for schema in survey.schemas:
        lines += ["", *_schema(schema, survey)]
    if not survey.schemas:
        lines += ["", "No schema of Engage. --schema 'NAME%' looks at others."]
    for kind, title in _ODD.items():
        lines += _listed(title, [one for one in survey.oddities if one.kind == kind])
    lines += ["", *_read(survey)]
    if following:
        lines.append("Next: " + following[0])
        lines += [f"      {command}" for command in following[1:]]
    return "\n".join(lines)


def _schema(schema: FoundSchema, survey: Survey) -> Iterator[str]:
    what = _KINDS[schema.kind] + (f" {schema.slug}" if schema.kind != "other" else "")
    owners = sorted({survey.owners.get(str(one.table.name), "") for one in schema.tables} - {""})
    last = max((_facts(survey, name).last_at or "" for name in _names(schema)), default="")
    parts = [what, *(f"owner {owner}" for owner in owners), *([f"last row {last}"] if last else [])]
    yield f"{escape(schema.name)}  {escape(' · '.join(parts))}"
    rows = []
    for one in schema.tables:
        if one.role == "other":
            continue
        facts = _facts(survey, str(one.table.name))
        count = f"{facts.rows:,}" if facts.rows is not None else "?"
        rows.append(
            (
                one.table.name.table,
                one.role,
                count if facts.whole else f"~{count}",
                facts.last_at or "",
                f"{len(one.table.columns)}",
                f"{len(facts.empty)}",
            )
        )
    if rows:
        heads = ("table", "holds", "rows", "last row", "columns", "never filled")
        yield from (f"  {line}" for line in columns(heads, rows).splitlines())
    for title, kind in (("audiences", "audience"), ("traits", "trait"), ("journeys", "journey")):
        found = [one for one in survey.computations if one.kind == kind and _is_in(one, schema)]
        if found:
            yield f"  {title}: " + ", ".join(_computation(one) for one in found[:_LISTED]) + _more(found)
    others = [one.table.name.table for one in schema.tables if one.role == "other"]
    if others:
        yield f"  other tables: {escape(', '.join(others[:_LISTED]))}{_more(others)}"


def _is_in(computation: Computation, schema: FoundSchema) -> bool:
    return any(name.startswith(f"{schema.name}.") for name in computation.tables)


def _computation(one: Computation) -> str:
    types = f" {' | '.join(one.types)}" if one.types and one.types != ("boolean",) else ""
    return escape(f"{one.key}{types}{' (guessed)' if one.guessed else ''}")


def _more(found: list[Any]) -> str:
    return f", and {len(found) - _LISTED} more" if len(found) > _LISTED else ""


def _listed(title: str, found: list[Oddity]) -> Iterator[str]:
    if not found:
        return
    yield ""
    yield f"{title}:"
    for one in found[:_LISTED]:
        yield f"  {escape(one.address.name)}: {escape(one.detail)}"
    if len(found) > _LISTED:
        yield f"  and {len(found) - _LISTED} more"


def _read(survey: Survey) -> Iterator[str]:
    partly = sum(not one.whole and not one.refused for one in survey.facts.values())
    told = f", of {partly} the newest rows only" if partly else ""
    yield (
        f"Read: the catalog ({survey.queries} queries in all), and {survey.rows_read:,} rows of"
        f" {len(survey.facts)} tables{told}. Nothing was written."
    )
    if survey.others:
        yield f"{survey.others} other schema{'' if survey.others == 1 else 's'} not looked at."


def _names(schema: FoundSchema) -> list[str]:
    return [str(one.table.name) for one in schema.tables]


def _facts(survey: Survey, name: str) -> TableFacts:
    return survey.facts.get(name) or TableFacts(rows=None)


def inspection_data(survey: Survey, *, following: tuple[str, ...]) -> dict[str, Any]:
    """Return the keys of the JSON document."""
    return {
        "warehouse": survey.warehouse,
        "type": survey.type,
        "version": survey.version,
        "role": survey.role,
        "schemas": [_schema_data(schema, survey) for schema in survey.schemas],
        "computations": [
            {
                "kind": one.kind,
                "key": one.key,
                "space": one.space,
                "tables": list(one.tables),
                "types": list(one.types),
                "guessed": one.guessed,
            }
            for one in survey.computations
        ],
        "oddities": [{"kind": one.kind, "address": str(one.address), "detail": one.detail} for one in survey.oddities],
        "queries": survey.queries,
        "rows_read": survey.rows_read,
        "next": list(following),
    }


def _schema_data(schema: FoundSchema, survey: Survey) -> dict[str, Any]:
    tables = []
    for one in schema.tables:
        facts = _facts(survey, str(one.table.name))
        tables.append(
            {
                "table": one.table.name.table,
                "holds": one.role,
                "kind": one.table.kind,
                "owner": survey.owners.get(str(one.table.name), ""),
                "rows": facts.rows if one.role != "other" else one.table.rows,
                "read": facts.read,
                "whole": facts.whole,
                "last_at": facts.last_at,
                "columns": [{"name": column.name, "type": type_text(column.type)} for column in one.table.columns],
                "never_filled": list(facts.empty),
                "keys": list(facts.keys),
                "events": list(facts.events),
                "refused": facts.refused,
            }
        )
    return {"schema": schema.name, "kind": schema.kind, "space": schema.slug, "tables": tables}
