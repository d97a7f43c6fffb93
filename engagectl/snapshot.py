"""What a planner has to know of the warehouses, in a file: `drift --snapshot` writes it, `plan --catalog` reads it.

It holds names, types and what was applied: no row, no value, no secret.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engagectl.errors import UnusableSnapshot, UsageError
from engagectl.journal.applied import AppliedFeed
from engagectl.journal.ownership import Owned
from engagectl.model.codec import decode, encode
from engagectl.model.feed import Feed
from engagectl.model.schema import State, TableName
from engagectl.model.shape import misfit, schema_of
from engagectl.planfile import write_whole

FORMAT = "engagectl/snapshot/1"
MAX_BYTES = 256 << 20
_AGAIN = "take it anew: engagectl drift --snapshot FILE"


@dataclass(frozen=True, kw_only=True)
class WarehouseSnapshot:
    """One warehouse. `schemas` are the names of all its schemas; `actual` has those that were looked into, the journal
    not among them. `applied` are the project's feeds, `read_to` what each has read, by number; `owned` is everybody's.
    """

    warehouse: str
    type: str
    schemas: tuple[str, ...]
    actual: State
    applied: tuple[AppliedFeed, ...] = ()
    owned: tuple[Owned, ...] = ()
    read_to: tuple[tuple[int, str], ...] = ()
    has_journal: bool = False
    locked_out: bool = False
    database_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The warehouses of a target at one time. Times are RFC 3339 UTC."""

    project: str
    target: str
    journal_schema: str
    taken_at: str
    engagectl: str
    warehouses: tuple[WarehouseSnapshot, ...]
    commit: str = ""

    def find(self, warehouse: str) -> WarehouseSnapshot | None:
        return next((one for one in self.warehouses if one.warehouse == warehouse), None)

    @property
    def taken(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)


def write_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write the file, readable by its owner only; a half-written one never takes the name."""
    content = encode(snapshot)
    document = {"format": FORMAT, "sha256": _digest(content), "snapshot": content}
    try:
        write_whole(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write the snapshot to {path}: {error.strerror}") from None


def read_snapshot(path: Path) -> Snapshot:
    """Return the snapshot of a file. Raises UnusableSnapshot when it is not one that this version wrote."""
    document = _document(path)
    if document.get("format") != FORMAT:
        raise UnusableSnapshot(f"{path} is no catalog snapshot of this version ({FORMAT})", help=_AGAIN)
    content = document.get("snapshot")
    if document.get("sha256") != _sealed(content):
        raise UnusableSnapshot(f"{path} was changed after it was written", help=_AGAIN)
    place = misfit(Snapshot, content)
    if place is not None:
        raise UnusableSnapshot(f"{path} does not hold what a snapshot holds: {place or 'snapshot'}", help=_AGAIN)
    try:
        snapshot = decode(Snapshot, content)
        if snapshot.taken.utcoffset() is None:
            raise ValueError
    except ValueError:
        raise UnusableSnapshot(f"{path} does not say when it was taken", help=_AGAIN) from None
    names = (name for one in snapshot.warehouses for name in _names(one))
    if any(not name or "\0" in name for name in names):
        raise UnusableSnapshot(f"{path} holds a name that no warehouse has", help=_AGAIN)
    return snapshot


def snapshot_schema() -> dict[str, Any]:
    """Return the JSON Schema of the file."""
    content = schema_of(Snapshot, inner={Feed: "a feed as the journal keeps it; each version has its own form"})
    named = content.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": FORMAT,
        "title": "engagectl drift --snapshot FILE",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "snapshot": content,
        },
        "required": ["format", "sha256", "snapshot"],
        "$defs": named,
    }


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableSnapshot(f"{path} is larger than a snapshot may be ({MAX_BYTES >> 20} MiB)", help=_AGAIN)
        document = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except OSError as error:
        raise UsageError(f"cannot read the snapshot {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnusableSnapshot(f"{path} is no catalog snapshot", help=_AGAIN)
    return document


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _names(one: WarehouseSnapshot) -> tuple[str, ...]:
    tables: tuple[TableName, ...] = tuple(table.name for table in one.actual.tables)
    columns = (column.name for table in one.actual.tables for column in table.columns)
    return (*one.schemas, *(part for name in tables for part in (name.schema, name.table)), *columns)


def _sealed(content: object) -> str | None:
    """Return the digest of what was read; None for half a surrogate pair, which is no text."""
    try:
        return _digest(content)
    except ValueError:
        return None


def _digest(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
