"""Which tables of a catalog are Engage's, and what each of their columns is for. Pure: names and shapes only."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engagectl.model.schema import Column, State, Table

PREFIXES = ("engage_", "personas_")
CLASSIC_TABLES = ("identifies", "users", "tracks")
STANDARD = frozenset(
    [
        "id",
        "received_at",
        "sent_at",
        "timestamp",
        "original_timestamp",
        "uuid_ts",
        "anonymous_id",
        "user_id",
        "event",
        "event_text",
        "audience_key",
        "trait_key",
        "uuid",
        "loaded_at",
    ]
)
"""Columns of classic tables that hold no computation; `uuid` is Redshift's, `loaded_at` BigQuery's (schema.md)."""
_PRESET = frozenset(
    [
        "audience_key",
        "event_name",
        "entity_context",
        "journey_context",
        "journey_metadata",
        "personas_computation_key",
        "personas_computation_id",
        "personas_computation_run_id",
        "personas_activation_id",
        "personas_computation_class",
    ]
)
"""Columns by which a storage action's table is known: those of Segment's presets."""

Role = Literal["identifies", "users", "tracks", "event", "activation", "other"]
Kind = Literal["classic", "activations", "other"]


@dataclass(frozen=True, kw_only=True)
class FoundTable:
    """A table and what it is to Engage. `values` are the columns that hold a trait or an audience."""

    table: Table
    role: Role
    values: tuple[Column, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoundSchema:
    """A schema with its tables. `slug` is that of its space, as its name says it."""

    name: str
    kind: Kind
    slug: str
    tables: tuple[FoundTable, ...]


def recognise(state: State) -> tuple[FoundSchema, ...]:
    """Return every schema of the state with the roles of its tables."""
    by_schema: dict[str, list[Table]] = {schema: [] for schema in state.schemas}
    for table in state.tables:
        by_schema.setdefault(table.name.schema, []).append(table)
    return tuple(_schema(name, tables) for name, tables in sorted(by_schema.items()))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a schema's name matches one of the patterns; `%` and `*` stand for anything, `_` for itself."""
    return any(
        re.fullmatch("".join(".*" if part in "%*" else re.escape(part) for part in pattern), name)
        for pattern in patterns
    )


def squashed(name: str) -> str:
    """Return what two spellings of one name have in common: its letters and digits."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _schema(name: str, tables: list[Table]) -> FoundSchema:
    named = {table.name.table for table in tables}
    slug = next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), "")
    if slug and named & set(CLASSIC_TABLES):
        return FoundSchema(
            name=name, kind="classic", slug=slug, tables=tuple(_classic(table) for table in _sorted(tables))
        )
    found = tuple(
        FoundTable(table=table, role="activation" if _is_activation(table) else "other") for table in _sorted(tables)
    )
    kind: Kind = "activations" if any(one.role == "activation" for one in found) else "other"
    return FoundSchema(name=name, kind=kind, slug=name if kind == "activations" else "", tables=found)


def _sorted(tables: Iterable[Table]) -> list[Table]:
    order: Mapping[str, int] = {name: place for place, name in enumerate(CLASSIC_TABLES)}
    return sorted(tables, key=lambda table: (order.get(table.name.table, len(order)), table.name.table))


def _classic(table: Table) -> FoundTable:
    name = table.name.table
    if table.kind == "view":
        return FoundTable(table=table, role="other")
    if name == "tracks":
        return FoundTable(table=table, role="tracks")
    if name in ("identifies", "users"):
        return FoundTable(
            table=table, role="identifies" if name == "identifies" else "users", values=tuple(_values(table))
        )
    columns = table.by_name
    if "id" in columns and ("audience_key" in columns or "trait_key" in columns):
        return FoundTable(table=table, role="event", values=tuple(_values(table)))
    return FoundTable(table=table, role="other")


def _values(table: Table) -> Iterator[Column]:
    for column in table.columns:
        if column.name not in STANDARD and not column.name.startswith("context_"):
            yield column


def _is_activation(table: Table) -> bool:
    columns = table.by_name.keys()
    if table.kind == "view" or table.name.table in CLASSIC_TABLES or "event_text" in columns:
        return False
    return {"id", "received_at"} <= columns and bool(columns & _PRESET)
