"""A team switches the other loader off: both loaded one history, and `compare` says that nothing is missing."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engagectl.desired.build import build
from engagectl.warehouses.contract import Warehouse
from tests.cli.inside import run
from tests.inspect.conftest import Loading
from tests.reference.play import play
from tests.scenarios.house import House, identify, track

ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}
HISTORY = [
    identify(1, {"first_time_shopper": True}),
    track(2, "Audience Entered", ENTERED),
    identify(3, {"total_revenue_180_days": 12.5}),
    identify(4, {"first_time_shopper": False}, user="u9"),
    track(5, "Audience Exited", {**ENTERED, "first_time_shopper": False}, user="u9"),
    identify(1, {"first_time_shopper": True}),  # sent twice
    track(6, "Trait Computed", {"trait_key": "total_revenue_180_days", "total_revenue_180_days": 7}),
]
TIMES = frozenset(("received_at", "sent_at", "timestamp", "original_timestamp"))


def _type(column: str, values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    if column in TIMES:
        return "time"
    return "boolean" if kinds == {bool} else "number" if kinds & {Decimal, int, float} else "text"


def _text(column: str, value: Any) -> object:
    if column in TIMES:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)).isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())  # 12.5, where our column of two digits writes 12.50
    return str(value).lower() if isinstance(value, bool) else str(value)


def _other_loader(house: House, engine: Warehouse, loading: Loading) -> None:
    """Load the same history into `other` by the reference model, which shares no line with ours."""
    desired = build(house.project, "local", engine)
    made = play(desired.feeds, [json.dumps(message).encode() for message in HISTORY])
    with loading() as segment:
        for name, rows in made.rows.items():
            filled: dict[str, list[Any]] = {}
            for row in rows:
                for column, value in row.items():
                    if value is not None:
                        filled.setdefault(column, []).append(value)
            segment.table(f"other.{name.table}", {column: _type(column, found) for column, found in filled.items()})
            for row in rows:
                segment.row(f"other.{name.table}", **_row(row, filled))


def _row(row: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, object]:
    return {c: None if row.get(c) is None else _text(c, row[c]) for c in filled}


def test_the_other_loader_can_be_switched_off_when_nothing_differs(
    house: House, engine: Warehouse, loading: Loading
) -> None:
    house.write()
    house.apply()
    house.messages(*HISTORY)
    house.sync()
    _other_loader(house, engine, loading)
    words = (
        "-C",
        str(house.root),
        "compare",
        "engage_default",
        "other",
        "--key",
        "id",
        "--detailed-exitcode",
        "--json",
    )
    done = run(*words)
    compared = json.loads(done.out)
    assert (done.code, compared["differs"], compared["missing"], compared["extra"]) == (0, False, [], []), done.out
    rows = {one["table"]: one["rows"] for one in compared["tables"]}
    assert rows == {
        "identifies": [3, 3],
        "tracks": [3, 3],
        "users": [2, 2],
        "audience_entered": [1, 1],
        "audience_exited": [1, 1],
        "trait_computed": [1, 1],
    }
    with loading() as segment:  # it lags behind, and has one value wrong
        segment.session.execute("DELETE FROM other.tracks WHERE id = 'm5'")
        segment.session.execute("UPDATE other.users SET first_time_shopper = NULL WHERE id = 'u9'")
    done = run(*words)
    compared = json.loads(done.out)
    found = {one["table"]: (one["missing"], one["extra"], one["unequal"]) for one in compared["tables"]}
    assert done.code == 2
    assert {table: counts for table, counts in found.items() if any(counts)} == {
        "tracks": (1, 0, 0),
        "users": (0, 0, 1),
    }
