"""Inputs that are not laid out or written as Segment's messages are."""

import gzip
import json

from tests.scenarios.house import SPACE, House, identify, track

EVENTS = 'inputs:\n  events: {files: ["data/*.jsonl"]}\n'


def space(events: str) -> str:
    assert EVENTS in SPACE
    return SPACE.replace(EVENTS, f"inputs:\n  events: {events}\n")


def test_rows_of_another_shape_become_identifies(house: House) -> None:
    fields = "{messageId: row.id, userId: customer, receivedAt: row.at, traits: attributes}"
    house.write(space(f'{{files: ["data/*.jsonl"], type: identify, fields: {fields}}}'))
    house.messages(
        '{"row": {"id": "r1", "at": "2024-01-02T00:00:00Z"}, "customer": "u123",'
        ' "attributes": {"first_time_shopper": true, "total_revenue_180_days": 99999999999999.99}}'
    )
    house.apply()
    report = house.sync()
    assert report.exit_code == 0
    cells = "id, user_id, first_time_shopper, total_revenue_180_days::varchar"
    assert house.rows("engage_default.identifies", cells) == [("r1", "u123", True, "99999999999999.99")]
    assert house.rows("engage_default.users", "id, first_time_shopper") == [("u123", True)]


def test_the_line_itself_can_be_the_body(house: House) -> None:
    fields = '{messageId: id, userId: id, receivedAt: updated_at, traits: "$"}'
    house.write(space(f'{{files: ["data/*.jsonl"], type: identify, fields: {fields}}}'))
    house.messages({"id": "u9", "updated_at": "2024-01-02T00:00:00Z", "total_revenue_180_days": 450.0})
    house.apply()
    house.sync()
    assert house.rows("engage_default.users", "id, total_revenue_180_days::varchar") == [("u9", "450.00")]


def test_an_identify_of_rudderstack_carries_its_traits_in_the_context(house: House) -> None:
    house.write(space('{files: ["data/*.jsonl"], format: rudderstack}'))
    message = identify(1, {})
    del message["traits"]
    house.messages(
        message | {"context": {"traits": {"first_time_shopper": True}}},
        track(
            2,
            "Audience Entered",
            {"audience_key": "first_time_shopper", "first_time_shopper": True},
            context={"traits": {"first_time_shopper": False}},
        ),
    )
    house.apply()
    house.sync()
    assert house.rows("engage_default.identifies", "id, first_time_shopper") == [("m1", True)]
    assert house.rows("engage_default.audience_entered", "id, first_time_shopper") == [("m2", True)]


def test_segments_s3_layout_is_read_from_a_day_on(house: House) -> None:
    house.write(space('{files: ["logs/segment-logs/**/*"], format: segment_s3, from: "2026-03-14"}'))
    for day, number in ((1773360000000, 1), (1773446400000, 2)):
        folder = house.root / f"logs/segment-logs/src1/{day}"
        folder.mkdir(parents=True)
        line = json.dumps(identify(number, {"first_time_shopper": True})) + "\n"
        (folder / "batch.gz").write_bytes(gzip.compress(line.encode()))
    (house.root / "logs/segment-logs/dummy-object.txt").write_text("not a message\n")
    house.apply()
    report = house.sync()
    assert [row[0] for row in house.rows("engage_default.identifies", "id, user_id")] == ["m2"]
    assert report.quarantined == 0
