"""A seeded file of realistic Engage messages: identifies and tracks of audiences and computed traits, linked audiences.

Run: python benchmarks/messages.py COUNT FILE [--seed 7] [--users 10000] [--dirty]
One seed, count and number of users give one file, byte for byte. A twentieth of the messages come twice.
"""

import argparse
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

AUDIENCES = (
    "first_time_shopper",
    "vip",
    "churn_risk",
    "high_value",
    "newsletter",
    "cart_abandoner",
    "mobile_user",
    "win_back",
)
MONEY = ("total_revenue_180_days", "avg_order_value", "ltv", "discount_rate")
COUNTS = ("orders_count", "days_since_last_order", "sessions_30d")
TEXTS = ("favorite_category", "city", "last_campaign")
LINKED = ("vip_accounts", "at_risk_accounts")
WORDS = (
    "shoes",
    "Möbel",
    "東京",
    "naïve",
    "café ☕",
    "São Paulo",
    "kids",
    'O\'Brien "x"',
    "tab\there",
    "plain",
    "Zürich",
)
BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001  written with a Z
REMEMBERED = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--users", type=int, default=0)
    parser.add_argument(
        "--dirty", action="store_true", help="half of the bodies hold an undeclared trait or a bad cell"
    )
    args = parser.parse_args()
    write(args.file, args.count, seed=args.seed, users=args.users or max(args.count // 10, 1), dirty=args.dirty)


def write(file: Path, count: int, *, seed: int, users: int, dirty: bool = False) -> None:
    """Write the messages beside the file, then move them to its name: a file that is there is whole."""
    unfinished = file.with_name(file.name + ".unfinished")
    with unfinished.open("w", encoding="utf-8", buffering=1 << 20) as out:
        out.writelines(messages(count, seed=seed, users=users, dirty=dirty))
    unfinished.rename(file)


def messages(count: int, *, seed: int, users: int, dirty: bool) -> Iterator[str]:
    pick = random.Random(seed)  # noqa: S311  a benchmark's data, no secret
    recent: list[str] = []
    for number in range(count):
        if recent and pick.random() < 0.05:
            yield pick.choice(recent)
            continue
        line = _message(pick, number, users=users, dirty=dirty)
        if len(recent) < REMEMBERED:
            recent.append(line)
        else:
            recent[pick.randrange(REMEMBERED)] = line
        yield line


def _message(pick: random.Random, number: int, *, users: int, dirty: bool) -> str:
    kind = pick.random()
    event = None
    if kind < 0.30:
        key = pick.choice(AUDIENCES)
        call, thing, body = "identify", "audience", {key: pick.random() < 0.7}
    elif kind < 0.56:
        key, value = _trait(pick, number)
        call, thing, body = "identify", "trait", {key: value}
    elif kind < 0.78:
        key = pick.choice(AUDIENCES)
        entered = pick.random() < 0.65
        call, thing, body = "track", "audience", {"audience_key": key, key: entered}
        event = "Audience Entered" if entered else "Audience Exited"
    elif kind < 0.88:
        key, value = _trait(pick, number)
        call, thing, body, event = "track", "trait", {"trait_key": key, key: value}, "Trait Computed"
    elif kind < 0.98:
        key = pick.choice(LINKED)
        entered = pick.random() < 0.65
        call, thing, event = "track", "audience", "Audience Entered" if entered else "Audience Exited"
        body = {"audience_key": key, key: entered, "data_graph_entity_context": _entity(pick)}
    else:
        key, call, thing, body = "page", "page", "trait", {"path": "/cart"}
    if dirty and pick.random() < 0.5:
        body["shoe_size" if pick.random() < 0.5 else pick.choice(COUNTS)] = "forty"
    return _line(pick, number, call, thing, key, event, body, users=users)


def _trait(pick: random.Random, number: int) -> tuple[str, object]:
    kind = pick.random()
    if kind < 0.02:
        return pick.choice(TEXTS), None
    if kind < 0.35:
        return pick.choice(MONEY), round(pick.random() * 1000, 2)
    if kind < 0.60:
        return pick.choice(COUNTS), pick.randrange(500)
    if kind < 0.85:
        return pick.choice(TEXTS), pick.choice(WORDS)
    if kind < 0.93:
        return "last_seen_at", _time(number + pick.randrange(1000))
    return "top_products", [pick.randrange(9999) for _ in range(3)]


def _entity(pick: random.Random) -> dict[str, object]:
    return {
        "account": {
            "id": f"acc_{pick.randrange(5000)}",
            "name": pick.choice(WORDS),
            "plan": pick.choice(("free", "pro", "biz")),
            "mrr": round(pick.random() * 5000, 2),
        },
        "devices": [
            {"id": pick.randrange(10**9), "os": pick.choice(("ios", "android"))} for _ in range(pick.randrange(3))
        ],
    }


def _line(
    pick: random.Random, number: int, call: str, thing: str, key: str, event: str | None, body: object, *, users: int
) -> str:
    at, received = _time(number), _time(number + 3)
    who = (
        f'"anonymousId":"{pick.getrandbits(64):016x}"'
        if pick.random() < 0.06
        else f'"userId":"u{pick.randrange(users)}"'
    )
    named = f'"event":"{event}",' if event is not None else ""
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return (
        f'{{"messageId":"engage-{pick.getrandbits(96):024x}","type":"{call}",{who},{named}'
        f'"originalTimestamp":"{at}","timestamp":"{at}","sentAt":"{at}","receivedAt":"{received}",'
        f'"context":{{"personas":{{"computation_class":"{thing}","computation_id":"{thing[:3]}_{key}",'
        f'"computation_key":"{key}","computation_run_id":"run_{number // 50000:03d}","event_emitter_id":"act_classic",'
        f'"namespace":"spa_2hV9acme","space_id":"spa_2hV9acme"}}}},'
        f'"integrations":{{"All":false,"Warehouses":{{"all":false,"warehouseIds":["acme"]}}}},'
        f'"{"traits" if call == "identify" else "properties"}":{written}}}\n'
    )


def _time(number: int) -> str:
    return (BEGIN + timedelta(milliseconds=number * 700)).isoformat(timespec="milliseconds") + "Z"


if __name__ == "__main__":
    main()
