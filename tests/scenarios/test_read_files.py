"""A file that was read to its end is known by its listing: it is not opened again."""

import gzip
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.scenarios.house import SPACE, House, identify

FILES = SPACE.replace('"data/*.jsonl"', '"data/*"')
_OPENED: list[str] = []
_IS_WATCHED = [False]


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _IS_WATCHED[0] and event == "open":
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)


@contextmanager
def opened() -> Iterator[list[str]]:
    """Yield the names of the input files that are opened meanwhile."""
    _OPENED.clear()
    _IS_WATCHED[0] = True
    found: list[str] = []
    try:
        yield found
    finally:
        _IS_WATCHED[0] = False
        found += [Path(name).name for name in _OPENED if "/data/" in name]


def settle(house: House) -> None:
    """Let the files be written an hour ago."""
    for path in (house.root / "data").iterdir():
        at = path.stat().st_mtime - 3600
        os.utime(path, (at, at))


def written(house: House) -> None:
    house.write(FILES)
    house.messages(identify(1, {"first_time_shopper": True}))
    packed = gzip.compress((json.dumps(identify(2, {"first_time_shopper": True})) + "\n").encode())
    (house.root / "data" / "b.gz").write_bytes(packed)
    house.apply()


def test_what_is_read_is_not_opened_again(house: House) -> None:
    written(house)
    settle(house)
    house.sync()
    with opened() as names:
        assert house.sync().chunks == 0
    assert names == []
    house.messages(identify(3, {"first_time_shopper": True}))
    with opened() as names:
        house.sync()
    assert set(names) == {"a.jsonl"}
    assert [row[0] for row in house.rows("engage_default.identifies", "id", order="1")] == ["m1", "m2", "m3"]


def test_a_file_of_another_time_is_looked_at_once(house: House) -> None:
    written(house)
    house.sync()
    settle(house)
    with opened() as names:
        assert house.sync().chunks == 0
    assert "a.jsonl" in names
    with opened() as names:
        house.sync()
    assert names == []


def test_a_feed_that_was_left_out_reads_a_compressed_file_on(house: House) -> None:
    """Its first chunk is committed, its second is not: what others read to the end is not read for this feed."""
    house.write(FILES.replace("    warehouses: [cdp]\n", "    warehouses: [cdp]\n    on_undeclared: fail\n"))
    made = [identify(number, {"first_time_shopper": True}, padding="x" * 400) for number in range(40)]
    made[30]["traits"]["surprise"] = 1
    (house.root / "data").mkdir()
    packed = gzip.compress("".join(json.dumps(message) + "\n" for message in made).encode())
    (house.root / "data" / "a.gz").write_bytes(packed)
    house.apply()
    settle(house)
    report = house.sync(chunk_bytes=4000)
    assert {item.code for item in report.left_out} == {"EC706"}
    assert 0 < len(house.rows("engage_default.identifies", "id", order="1")) < 40
    house.write(FILES)
    house.apply()
    house.sync()
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 40


def test_what_is_named_and_is_no_file_is_told(house: House) -> None:
    """A pipe would hang and a device never end: they are passed over, and the others load."""
    house.write(FILES.replace('"data/*"', '"data/*", "more/**"'))
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}), name="data/a.jsonl")
    house.messages(identify(2, {"first_time_shopper": True}), name="more/sub/b.jsonl")
    (house.root / "data/folder").mkdir()
    os.mkfifo(house.root / "data/pipe")
    (house.root / "data/device").symlink_to("/dev/zero")
    os.mkfifo(house.root / "more/sub/pipe")
    report = house.sync()
    assert report.warnings == [
        f"{name} is no file: it is passed over" for name in ("data/device", "data/folder", "data/pipe", "more/sub/pipe")
    ]
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 2
