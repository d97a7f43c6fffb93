"""Plan <-> JSON file: sealed with a sha256, refused when edited or expired."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engagectl.errors import EditedPlan, StalePlan, UsageError
from engagectl.model.address import Address
from engagectl.model.change import Change, Hazard, kind_of
from engagectl.model.codec import decode, encode
from engagectl.model.plan import Plan, WarehousePlan

FORMAT = "engagectl/planfile/1"
_NOT_COMPARED = frozenset({"origin", "fed_by", "owner", "renamed_from", "rows", "database_owner", "dependents"})


def step_id(change: Change, address: Address, *, hazards: Iterable[Hazard], statements: Iterable[str]) -> str:
    """Return the sha256 over what approval compares: the change, its address, hazards and SQL."""
    return digest([kind_of(change), str(address), _compared(encode(change)), list(hazards), list(statements)])


def fingerprint(warehouses: Iterable[WarehousePlan]) -> str:
    """Return the name of a plan: sha256 over its steps, free of times, rows and paths."""
    return digest([[one.warehouse, [step.id for step in one.steps]] for one in warehouses])


def digest(data: object) -> str:
    """Return the sha256 over canonical JSON."""
    return hashlib.sha256(_canonical(data)).hexdigest()


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan for a later apply, readable by its owner only; a half-written file never takes the name."""
    content = encode(plan)
    document = {"format": FORMAT, "sha256": digest(content), "plan": content}
    try:
        write_whole(path, _text(document))
    except OSError as error:
        raise UsageError(f"cannot write the plan to {path}: {error.strerror}") from None


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only. What is there and is no regular file (a pipe,
    /dev/null) is written into, never replaced.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def read_plan(path: Path, *, now: datetime | None = None) -> Plan:
    """Return the plan of a file. Raises EditedPlan when it is not what we wrote, StalePlan when it has expired."""
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise EditedPlan(f"{path} is not a plan file", help="write one: engagectl plan --out FILE") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise EditedPlan(f"{path} is not a plan file of this version", help="write one: engagectl plan --out FILE")
    if document.get("sha256") != digest(document.get("plan")) or raw != _text(document).encode():
        raise EditedPlan(f"{path} was changed after it was written", help="plan again: engagectl plan --out FILE")
    try:
        plan = decode(Plan, document["plan"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EditedPlan(f"{path} is not a plan that this version can read") from None
    if not _is_of_one_piece(plan):
        raise EditedPlan(f"{path} names steps by what they are not", help="plan again: engagectl plan --out FILE")
    if (now or datetime.now(UTC)) >= datetime.fromisoformat(plan.expires_at):
        raise StalePlan(f"the plan {path} expired at {plan.expires_at}", help="plan again: engagectl plan --out FILE")
    return plan


def _is_of_one_piece(plan: Plan) -> bool:
    """Tell whether the ids, which approval compares, are those of the changes and SQL that people have read."""
    return plan.fingerprint == fingerprint(plan.warehouses) and all(
        step.id == step_id(step.change, step.address, hazards=step.hazards, statements=step.statements)
        for step in plan.steps
    )


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _compared(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _compared(value) for key, value in data.items() if key not in _NOT_COMPARED}
    return [_compared(item) for item in data] if isinstance(data, list) else data


def _canonical(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
