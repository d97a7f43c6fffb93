"""gs:// and az:// load as files do: once, from where they were read; what is done is not asked for again."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from engagectl.sync.inputs.objects import BLOCK_BYTES
from tests.scenarios.house import SPACE, House, identify
from tests.stores.conftest import Bucket

pytestmark = pytest.mark.object_stores


def space(bucket: Bucket, pattern: str = "data/*") -> str:
    return SPACE.replace("data/*.jsonl", bucket.url(pattern))


def lines(*messages: Mapping[str, Any]) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def member(number: int, **more: Any) -> dict[str, Any]:
    return identify(number, {"first_time_shopper": True}, **more)


def loaded(house: House) -> list[str]:
    return [row[0] for row in house.rows("engage_default.identifies", "id", order="1")]


def start(house: House, bucket: Bucket, pattern: str = "data/*") -> None:
    house.write(space(bucket, pattern))
    house.apply()


def test_objects_load_once_and_grow(house: House, bucket: Bucket) -> None:
    start(house, bucket)
    bucket.put("data/a.jsonl", lines(member(1), member(2)))
    bucket.put("data/b", gzip.compress(lines(member(3)).encode()))
    bucket.put("other/c.jsonl", lines(member(4)))
    assert house.sync().exit_code == 0
    assert loaded(house) == ["m1", "m2", "m3"]
    bucket.forget()
    assert house.sync().chunks == 0
    assert bucket.asked() == {"list": 1}
    bucket.put("data/a.jsonl", lines(member(1), member(2), member(5)))
    report = house.sync()
    assert (report.exit_code, loaded(house)) == (0, ["m1", "m2", "m3", "m5"])
    assert {counts.duplicate for counts in report.feeds.values()} == {0}, "what was read is not read again"


def test_each_object_is_asked_for_once(house: House, bucket: Bucket) -> None:
    start(house, bucket, "data/**/*.jsonl")
    for number in range(12):
        bucket.put(f"data/{number % 3}/{number}.jsonl", lines(member(number)))
    bucket.forget()
    house.sync()
    assert len(loaded(house)) == 12
    asked = bucket.asked()
    assert set(asked.values()) == {1}, "one listing, one read of each"
    assert len(asked) == 13


def test_a_replaced_object_is_left_out_until_it_is_named_as_new(house: House, bucket: Bucket) -> None:
    start(house, bucket)
    bucket.put("data/a.jsonl", lines(member(1)))
    bucket.put("data/b.jsonl", lines(member(2)))
    house.sync()
    bucket.put("data/a.jsonl", lines(member(7)))
    bucket.put("data/c.jsonl", lines(member(3)))
    report = house.sync()
    assert (report.exit_code, {item.code for item in report.left_out}) == (5, {"EC720"})
    assert loaded(house) == ["m1", "m2", "m3"], "the others load"
    assert house.sync(as_new=[bucket.url("data/a.jsonl")]).exit_code == 0
    assert loaded(house) == ["m1", "m2", "m3", "m7"]


def test_a_sync_that_ends_in_an_object_reads_on_there(house: House, bucket: Bucket) -> None:
    start(house, bucket)
    bucket.put("data/a.jsonl", lines(*(member(number, padding="x" * 300) for number in range(60))))
    stop = iter([False, False, True])
    house.sync(chunk_bytes=8000, stop=lambda: next(stop, True))
    assert 0 < len(loaded(house)) < 60
    report = house.sync(chunk_bytes=8000)
    assert len(loaded(house)) == 60
    assert {counts.duplicate for counts in report.feeds.values()} == {0}


def test_a_large_object_streams_in_ranges(house: House, bucket: Bucket) -> None:
    start(house, bucket)
    count = BLOCK_BYTES // 100_000 + 20
    bucket.put("data/a.jsonl", lines(*(member(number, padding="x" * 100_000) for number in range(count))))
    bucket.forget()
    assert house.sync(chunk_bytes=1 << 20).exit_code == 0
    assert len(loaded(house)) == count
    assert bucket.asked()["read data/a.jsonl"] <= 3, "a request a block, not one a chunk"


def test_rows_of_a_parquet_object_are_messages(house: House, bucket: Bucket) -> None:
    start(house, bucket)
    packed = io.BytesIO()
    rows = [{**member(number), "traits": '{"first_time_shopper": true}'} for number in range(3)]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), packed)
    bucket.put("data/a.parquet", packed.getvalue())
    house.sync()
    assert loaded(house) == ["m0", "m1", "m2"]
    bucket.forget()
    house.sync()
    assert bucket.asked() == {"list": 1}


def test_a_bucket_that_is_not_there_is_one_line(house: House, bucket: Bucket) -> None:
    url = f"{bucket.scheme}://no-such-bucket-of-ours/data/*"
    house.write(SPACE.replace("data/*.jsonl", url))
    house.apply()
    report = house.sync()
    assert report.exit_code != 0
    assert {item.code for item in report.left_out} == {"EC733"}
    assert {item.reason for item in report.left_out} == {f"{url} cannot be listed: there is no such bucket or object"}


def told_by_sync(house: House) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "engagectl", "-C", str(house.root), "sync"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=200,
    )
    assert done.returncode not in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_a_driver_says_of_a_failure_is_not_told(
    house: House, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one is gone, the other refuses the key: a driver of the latter tries a server that is gone for minutes."""
    start(house, bucket)
    for name, value in bucket.settings.items():
        gone = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", value)
        monkeypatch.setenv(name, value.replace("Eby8vdM0", "AAAAAAAA") if bucket.scheme == "az" else gone)
    told = told_by_sync(house)
    why = "the store refused the credentials" if bucket.scheme == "az" else ""
    assert f"cannot be listed: {why}" in told
    for secret in ("AAAAAAAA", "Traceback", "AccountKey", "127.0.0.1"):
        assert secret not in told
