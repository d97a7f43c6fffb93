"""Objects of S3 load as files do: once, from where they were read, and what is done is not asked for again."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from engagectl.config.explain import explain
from engagectl.show.as_status import status_text
from tests.objects.conftest import Bucket
from tests.scenarios.house import SPACE, House, identify, track
from tests.scenarios.test_due import ACTIVATION, at, sync
from tests.scenarios.test_status import feed, status

IDS = "id, first_time_shopper"


def space(bucket: Bucket, pattern: str = "data/*", more: str = "") -> str:
    return SPACE.replace('files: ["data/*.jsonl"]', f'files: ["{bucket.url(pattern)}"]{more}')


def lines(*messages: Mapping[str, Any]) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def member(number: int, **more: Any) -> dict[str, Any]:
    return identify(number, {"first_time_shopper": True}, **more)


def loaded(house: House) -> list[str]:
    return [row[0] for row in house.rows("engage_default.identifies", "id", order="1")]


def test_objects_load_once_and_grow(each_house: House, bucket: Bucket) -> None:
    house = each_house
    house.write(space(bucket))
    house.apply()
    bucket.put("data/a.jsonl", lines(member(1), member(2)))
    bucket.put("data/b", gzip.compress(lines(member(3)).encode()))
    bucket.put("other/c.jsonl", lines(member(4)))
    assert house.sync().inserted > 0
    assert loaded(house) == ["m1", "m2", "m3"]
    bucket.forget()
    assert house.sync().chunks == 0
    assert bucket.asked() == {"list": 1}
    bucket.put("data/a.jsonl", lines(member(1), member(2), member(5)))
    report = house.sync()
    assert (report.exit_code, loaded(house)) == (0, ["m1", "m2", "m3", "m5"])
    assert {counts.duplicate for counts in report.feeds.values()} == {0}, "what was read is not read again"


def test_each_object_is_asked_for_once(house: House, bucket: Bucket) -> None:
    house.write(space(bucket, "data/**/*.jsonl"))
    house.apply()
    for number in range(12):
        bucket.put(f"data/{number % 3}/{number}.jsonl", lines(member(number)))
    bucket.forget()
    house.sync()
    assert len(loaded(house)) == 12
    assert set(bucket.asked().values()) == {1}, "one listing, one read of each"
    assert len(bucket.asked()) == 13


def test_a_replaced_object_is_left_out_until_it_is_named_as_new(house: House, bucket: Bucket) -> None:
    house.write(space(bucket))
    house.apply()
    bucket.put("data/a.jsonl", lines(member(1)))
    bucket.put("data/b.jsonl", lines(member(2)))
    house.sync()
    bucket.put("data/a.jsonl", lines(member(7)))
    bucket.put("data/c.jsonl", lines(member(3)))
    report = house.sync()
    assert report.exit_code == 5
    assert {item.code for item in report.left_out} == {"EC720"}
    assert bucket.url("data/a.jsonl") in report.left_out[0].help
    assert loaded(house) == ["m1", "m2", "m3"], "the others load"
    assert house.sync(as_new=[bucket.url("data/a.jsonl")]).exit_code == 0
    assert loaded(house) == ["m1", "m2", "m3", "m7"]


def test_a_sync_that_ends_in_an_object_reads_on_there(house: House, bucket: Bucket) -> None:
    house.write(space(bucket))
    house.apply()
    bucket.put("data/a.jsonl", lines(*(member(number, padding="x" * 300) for number in range(60))))
    stop = iter([False, False, True])
    house.sync(chunk_bytes=8000, stop=lambda: next(stop, True))
    assert 0 < len(loaded(house)) < 60
    report = house.sync(chunk_bytes=8000)
    assert len(loaded(house)) == 60
    assert {counts.duplicate for counts in report.feeds.values()} == {0}


def test_an_object_may_end_without_a_line_break(house: House, bucket: Bucket) -> None:
    house.write(space(bucket))
    house.apply()
    bucket.put("data/a.jsonl", lines(member(1), member(2)).rstrip("\n"))
    house.sync()
    assert loaded(house) == ["m1", "m2"], "an object is whole when it is there"


def test_rows_of_a_parquet_object_are_messages(house: House, bucket: Bucket) -> None:
    house.write(space(bucket))
    house.apply()
    rows = [{**member(number), "traits": '{"first_time_shopper": true}'} for number in range(3)]
    packed = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), packed)
    bucket.put("data/a.parquet", packed.getvalue())
    house.sync()
    assert house.rows("engage_default.identifies", IDS) == [(f"m{number}", True) for number in range(3)]
    bucket.forget()
    house.sync()
    assert bucket.asked() == {"list": 1}


def test_the_layout_of_segments_s3_destination(house: House, bucket: Bucket) -> None:
    house.write(space(bucket, "logs/segment-logs/**", more=", format: segment_s3, from: 2024-01-02"))
    house.apply()
    day = 1704067200000  # 2024-01-01
    for number in range(3):
        packed = gzip.compress(
            lines(track(number, "Audience Entered", {"audience_key": "first_time_shopper"})).encode()
        )
        bucket.put(f"logs/segment-logs/abc/{day + number * 86_400_000}/1.gz", packed)
    bucket.put("logs/segment-logs/dummy-object.txt", "test")
    bucket.forget()
    report = house.sync()
    assert report.exit_code == 0
    assert [row[0] for row in house.rows("engage_default.audience_entered", "id", order="1")] == ["m1", "m2"]
    assert not [asked for asked in bucket.asked() if "dummy" in asked or str(day) + "/" in asked]


def test_a_bucket_that_is_not_there_is_one_line(house: House, bucket: Bucket) -> None:
    house.write(SPACE.replace("data/*.jsonl", "s3://no-such-bucket-of-ours/data/*"))
    house.apply()
    report = house.sync()
    assert report.exit_code != 0
    (reason,) = {item.reason for item in report.left_out}
    assert reason == "s3://no-such-bucket-of-ours/data/* cannot be listed: there is no such bucket or object"
    assert {item.code for item in report.left_out} == {"EC733"}
    assert explain("EC733") is not None


def test_status_and_due_name_a_store_that_cannot_be_listed(house: House, bucket: Bucket) -> None:
    """The run feed and the connection read it; another source is told and taken as ever."""
    mail = "  mail: {space: default, source: mail, warehouses: [cdp], send: [{audiences: ['*'], as: [identify]}]}\n"
    house.write(
        SPACE.replace("data/*.jsonl", "s3://no-such-bucket-of-ours/data/*")
        .replace("main: {input: events}", "main: {input: events}, mail: {input: disk, schema: engage_mail}")
        .replace("inputs:\n", 'inputs:\n  disk: {files: ["data/*.jsonl"]}\n')
        .replace("connections:\n", f"connections:\n{mail}")
        + ACTIVATION
    )
    house.apply()
    house.messages(member(1))
    report = status(house, at("2026-03-01T12:05"))
    told = "EC733 s3://no-such-bucket-of-ours/data/* cannot be listed: there is no such bucket or object"
    assert {one.feed: one.not_readable for one in report.feeds} == {
        "connection.classic": told,
        "users.default.main": told,
        "activation.shoppers": told,
        "connection.mail": "",
        "users.default.mail": "",
    }
    assert feed(report, "connection.mail").unread_files == 1
    assert f"    {told}" in status_text(report)
    taken = sync(house, at("2026-03-01T12:05"))
    assert taken.exit_code == 5
    assert {(item.address.name, item.code) for item in taken.left_out} == {
        ("classic", "EC733"),
        ("default.main", "EC733"),
        ("shoppers", "EC733"),
    }
    assert [row[0] for row in house.rows("engage_mail.identifies", "id", order="1")] == ["m1"]


def test_credentials_that_are_refused_are_one_line_without_them(
    house: House, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write(space(bucket))
    house.apply()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONGWRONG1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-nobody-may-see")
    bucket.server.refuse_unknown_keys(after="0")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "engagectl", "-C", str(house.root), "sync"],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            timeout=120,
        )
    finally:
        bucket.server.refuse_unknown_keys(after="inf")
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "cannot be listed: the store refused the credentials" in told
    for secret in ("AKIAWRONG", "nobody-may-see", "Traceback", "Signature"):
        assert secret not in told
