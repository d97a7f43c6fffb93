"""One text form per type, whichever engine and session: also where a column was widened after rows were there."""

import pytest

from tests.scenarios.house import SPACE, House, identify

KINDS = {
    "flag": ("boolean", "true", "true", "true"),
    "whole": ("integer", "9007199254740993", "9007199254740993", "9007199254740993"),
    "near": ("float", "450.0", "450.0", "450.0"),
    "money": ("decimal(18,2)", "450.50", "450.50", "450.5"),
    "at": (
        "timestamp",
        '"2024-07-01T12:00:00.5+02:00"',
        "2024-07-01T10:00:00.5Z",
        "2024-07-01T12:00:00.5+02:00",
    ),
    "day": ("date", '"2024-07-01"', "2024-07-01", "2024-07-01"),
}
"""The type first, what is sent, its text once the column is widened, and what a string column takes of the same."""


def _yaml(kind: str | None) -> str:
    traits = "".join(
        f'\n  {key}: {{space: default, kind: event, type: "{kind or typed}"}}' for key, (typed, *_) in KINDS.items()
    )
    return SPACE.replace("\naudiences:", traits + "\naudiences:")


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns"])
def test_values_read_the_same_before_and_after_a_widening(
    house: House, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setenv("PGTZ", zone)
    house.write(_yaml(None))
    house.apply()
    body = ", ".join(f'"{key}": {sent}' for key, (_, sent, *_) in KINDS.items())
    first = house.root / "data/a.jsonl"
    first.parent.mkdir()
    head = '{"type": "identify", "messageId": "%s", "userId": "%s", "receivedAt": "2024-01-02T00:00:00Z"'
    line = head + ', "traits": {%s}}\n'
    first.write_text(line % ("m1", "u1", body))
    house.sync()
    house.write(_yaml("string"))
    house.apply()
    (house.root / "data/b.jsonl").write_text(line % ("m2", "u2", body))
    house.sync()
    columns = ", ".join(f'"{key}"' for key in KINDS)
    widened = tuple(form for *_, form, _ in KINDS.values())
    as_sent = tuple(form for *_, form in KINDS.values())
    for table in ("users", "identifies"):
        rows = house.rows(f"engage_default.{table}", f"user_id, {columns}")
        assert rows == [("u1", *widened), ("u2", *as_sent)]


def test_of_two_keys_of_a_rename_the_new_one_counts(house: House) -> None:
    renamed = SPACE.replace(
        "  total_revenue_180_days: {space: default, kind: event,",
        "  revenue: {space: default, renamed_from: [total_revenue_180_days], kind: event,",
    )
    house.write(renamed)
    house.apply()
    house.messages(
        identify(1, {"total_revenue_180_days": 1}, user="u1"),
        identify(2, {"total_revenue_180_days": 1, "revenue": 2}, user="u2"),
        identify(3, {"revenue": 3, "total_revenue_180_days": 9}, user="u3"),
    )
    house.sync()
    expected = [("u1", 1), ("u2", 2), ("u3", 3)]
    assert house.rows("engage_default.identifies", "user_id, revenue") == expected
    assert house.rows("engage_default.users", "id, revenue") == expected
