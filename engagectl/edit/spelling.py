"""How YAML says what a catalog holds: types, ids and event names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engagectl.desired.part import DEFAULT_EVENT_NAMES
from engagectl.model.column_type import (
    NATIVE_SHAPE,
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    Native,
    Text,
    Timestamp,
    type_text,
)
from engagectl.model.names import short_hash, stored_name
from engagectl.model.schema import Table
from engagectl.warehouses.contract import Warehouse

_CANDIDATES: tuple[ColumnType, ...] = (
    Boolean(),
    Decimal(38, 9),
    Integer(),
    Float(),
    Date(),
    Timestamp(),
    Json(),
    Text(),
)
_LEAVING = ("exit", "left", "leave", "leaving", "remove", "removed", "drop", "dropped")
_MAX_DIGITS = 38  # the most that every warehouse but PostgreSQL stores


@dataclass(frozen=True, slots=True)
class Spelled:
    """`fields` are the type and limits of a trait or mapping; `native` where the catalog's type is not theirs."""

    fields: dict[str, Any]
    native: str | None = None


def spelled(record: Warehouse, found: ColumnType) -> Spelled:
    """Return the declared type that the found one comes nearest to."""
    match found:
        case Text(max_chars, max_bytes):
            limits = {"max_chars": max_chars, "max_bytes": max_bytes}
            return Spelled({"type": "string", **{name: limit for name, limit in limits.items() if limit is not None}})
        case Decimal(precision, _) if precision > _MAX_DIGITS:
            return Spelled({"type": "decimal(38,9)"}, record.type_sql(found))
        case Native():
            nearest = _nearest(record, found)
            return Spelled({"type": type_text(nearest)}, record.type_sql(found))
        case _:
            return Spelled({"type": type_text(found)})


def _nearest(record: Warehouse, found: Native) -> ColumnType:
    for wanted in (("same", "holds"), ("widen",)):
        for candidate in _CANDIDATES:
            if record.relate(found, record.settle(candidate)) in wanted:
                return Integer() if candidate == Decimal(38, 9) and wanted == ("widen",) else candidate
    return Text()


def is_writable(record: Warehouse, found: ColumnType) -> bool:
    """Tell whether `native:` may name this type: plain words and sizes only."""
    return NATIVE_SHAPE.fullmatch(record.type_sql(found)) is not None


def id_of(name: str) -> str:
    """Return an id that reads like the name."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    plain = plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"
    return plain if len(plain) <= 100 else f"{plain[:91]}_{short_hash(name)}"


def event_table_kind(table: Table, kind: str) -> str:
    """Return what an event table tells of a trait or audience, by its name."""
    if kind == "traits":
        return "trait_computed"
    words = table.name.table.split("_")
    return "audience_exited" if any(word.startswith(_LEAVING) for word in words) else "audience_entered"


def event_name(table: str, seen: Sequence[str]) -> list[str]:
    """Return the event names of a table: those that its rows say, else the usual writing of its own name."""
    said = [name for name in seen if stored_name(name) == table]
    usual = table.replace("_", " ").title()
    return said or [usual if stored_name(usual) == table else table]


def unusual_names(events: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the names of events, by their kind, that are not those that Engage gives by default."""
    usual: dict[str, tuple[str, ...]] = {of: tuple(names) for of, names in DEFAULT_EVENT_NAMES.items()}
    return {of: names for of, names in events.items() if tuple(names) != usual[of]}
