"""What a file of messages must give, counted line by line in plain Python: it shares no code with engagectl.

Kept beside the file as JSON, so that a file is counted once.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from messages import AUDIENCES, COUNTS, LINKED, MONEY

EVENT_TABLES = {
    "Audience Entered": "audience_entered",
    "Audience Exited": "audience_exited",
    "Trait Computed": "trait_computed",
}


@dataclass(frozen=True)
class Expected:
    """Money is in cents. `rows` counts the rows of each table, each message once; `facts` are aggregates of tables."""

    lines: int
    messages: int
    cents: int
    rows: dict[str, int]
    facts: dict[str, int]


def expected_of(*files: Path) -> Expected:
    kept = files[-1].with_name(f"{files[-1].name}.{len(files)}.expected.json")
    if kept.exists() and kept.stat().st_mtime >= max(file.stat().st_mtime for file in files):
        return Expected(**json.loads(kept.read_text()))
    found = _count(files)
    kept.write_text(json.dumps(asdict(found)))
    return found


def _count(files: tuple[Path, ...]) -> Expected:
    seen: set[int] = set()
    lines = cents = 0
    rows: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    users: dict[str, dict[str, tuple[str, Any]]] = {}
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                lines += 1
                message = json.loads(line)
                known = int(message["messageId"].removeprefix("engage-"), 16)
                if known in seen:
                    continue
                seen.add(known)
                body = message.get("traits") or message.get("properties") or {}
                cents += _cents(body.get("ltv"))
                if message["type"] == "identify":
                    rows["identifies"] += 1
                    facts["identifies.vip"] += body.get("vip") is True
                    facts["identifies.ltv"] += _cents(body.get("ltv"))
                    _fold(users, message, body)
                elif message["type"] == "track":
                    rows["tracks"] += 1
                    rows[EVENT_TABLES[message["event"]]] += 1
                    if (key := message["context"]["personas"]["computation_key"]) in LINKED:
                        rows[f"{key}_members"] += 1
                        account = body["data_graph_entity_context"]["account"]
                        facts[f"{key}_members.account_mrr"] += _cents(account["mrr"])
                    elif key in AUDIENCES:
                        rows[f"{key}_members"] += 1
                if (
                    message["type"] == "identify"
                    and (key := message["context"]["personas"]["computation_key"]) in AUDIENCES
                ):
                    facts[f"{key}.identifies"] += 1
    rows["users"] = len(users)
    for traits in users.values():
        facts["users.vip"] += "vip" in traits and traits["vip"][1] is True
        facts["users.ltv"] += _cents(traits["ltv"][1]) if "ltv" in traits else 0
        facts["users.city"] += "city" in traits
        facts["users.orders_count"] += traits["orders_count"][1] if "orders_count" in traits else 0
    return Expected(lines=lines, messages=len(seen), cents=cents, rows=dict(rows), facts=dict(facts))


def _fold(users: dict[str, dict[str, tuple[str, Any]]], message: dict[str, Any], body: dict[str, Any]) -> None:
    """The greater event time wins, ties by the greater value; null and what does not fit never win."""
    if "userId" not in message:
        return
    declared = {key: value for key, value in body.items() if key != "shoe_size" and value is not None}
    if not declared:
        return
    traits = users.setdefault(message["userId"], {})
    for key, value in declared.items():
        if key in COUNTS and not isinstance(value, int):
            continue
        at = message["timestamp"]
        if key not in traits or at > traits[key][0] or (at == traits[key][0] and value > traits[key][1]):
            traits[key] = (at, value)


def _cents(value: object) -> int:
    return round(value * 100) if isinstance(value, float | int) and not isinstance(value, bool) else 0


assert set(MONEY) >= {"ltv"}  # noqa: S101  the facts above name it
