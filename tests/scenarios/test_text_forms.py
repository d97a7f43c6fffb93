"""A column widened to text holds one text form per type: what was cast and what was loaded after read the same."""

import pytest

from tests.scenarios.house import House, identify

TYPES = {
    "a_boolean": ("boolean", True, "true"),
    "a_decimal": ("decimal(18,2)", 450, "450.00"),
    "a_float": ("float", 450, "450.0"),
    "an_integer": ("integer", 7, "7"),
    "a_timestamp": ("timestamp", "2024-07-01T02:30:00.5+02:00", "2024-07-01T00:30:00.5Z"),
    "a_date": ("date", "2024-07-01", "2024-07-01"),
}


def _yaml(types: dict[str, str]) -> str:
    traits = "".join(f'  {key}: {{space: default, kind: sql, type: "{type_}"}}\n' for key, type_ in types.items())
    return (
        'inputs: {events: {files: ["data/*.jsonl"]}}\n'
        "spaces: {default: {slug: default, sources: {main: {input: events}}}}\n"
        f"traits:\n{traits}"
        'connections: {classic: {space: default, warehouses: [cdp], send: [{traits: ["*"], as: [identify]}]}}\n'
    )


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_widened_and_loaded_text_is_the_same(house: House, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setenv("PGTZ", zone)
    house.write(_yaml({key: type_ for key, (type_, _, _) in TYPES.items()}))
    house.messages(identify(1, {key: value for key, (_, value, _) in TYPES.items()}))
    house.apply()
    house.sync()
    house.write(_yaml(dict.fromkeys(TYPES, "string")))
    house.apply()
    columns = ", ".join(TYPES)
    expected = tuple(text for _, _, text in TYPES.values())
    assert house.rows("engage_default.identifies", columns) == [expected]
    assert house.rows("engage_default.users", columns) == [expected]
