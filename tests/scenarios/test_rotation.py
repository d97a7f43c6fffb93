"""Logs that are rotated: what was read counts under the new name, and the new file is read whole."""

import gzip
import shutil
from pathlib import Path

import pytest

from tests.properties.field import DUCKDB
from tests.scenarios.conftest import house as each_house
from tests.scenarios.house import SPACE, House, identify

__all__ = ["each_house"]

LOGS = SPACE.replace("data/*.jsonl", "data/*")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """What a file is known by is nothing to a warehouse: one engine is enough, `each_house` for one test of both."""
    return House(tmp_path, DUCKDB)


def _log(house: House, *numbers: int, name: str = "data/log") -> None:
    house.messages(
        *(identify(number, {"first_time_shopper": True}, padding="x" * number) for number in numbers), name=name
    )


def _read(house: House) -> dict[str, int]:
    """Sync; return how many messages the connection read, and how many of them it knew."""
    report = house.sync()
    assert report.exit_code == 0, report.as_text()
    (counts,) = [counts for address, counts in report.feeds.items() if address.kind == "connection"]
    return {"read": counts.read, "duplicate": counts.duplicate}


def _ids(house: House) -> list[int]:
    return sorted(int(row[0][1:]) for row in house.rows("engage_default.identifies", "id", order="1"))


def test_a_log_is_renamed_again_and_again_and_packed(each_house: House) -> None:
    house = each_house
    house.write(LOGS)
    house.apply()
    data = house.root / "data"
    _log(house, 1, 2)
    assert _read(house) == {"read": 2, "duplicate": 0}
    _log(house, 3)  # written after the sync, and rotated before the next
    (data / "log").rename(data / "log.1")
    _log(house, 4)
    assert _read(house) == {"read": 2, "duplicate": 0}
    (data / "log.1").rename(data / "log.2")
    (data / "log").rename(data / "log.1")
    _log(house, 5, 6)
    assert _read(house) == {"read": 2, "duplicate": 0}
    (data / "log.3.gz").write_bytes(gzip.compress((data / "log.2").read_bytes()))
    (data / "log.2").unlink()
    (data / "log.1").rename(data / "log.2")
    (data / "log").rename(data / "log.1")
    _log(house, 7)
    assert _read(house) == {"read": 1, "duplicate": 0}
    assert _ids(house) == [1, 2, 3, 4, 5, 6, 7]
    assert sorted(house.query("SELECT DISTINCT file FROM engagectl.checkpoints")) == [
        ("data/log",),
        ("data/log.1",),
        ("data/log.2",),
        ("data/log.3.gz",),
    ]


def test_a_log_is_copied_and_cut(house: House) -> None:
    house.write(LOGS)
    house.apply()
    _log(house, 1, 2, 3)
    _read(house)
    shutil.copy(house.root / "data/log", house.root / "data/log.1")
    (house.root / "data/log").write_text("")
    _log(house, 4)
    assert _read(house) == {"read": 1, "duplicate": 0}
    assert _ids(house) == [1, 2, 3, 4]


def test_files_that_swap_their_names_are_named(house: House) -> None:
    house.write(LOGS)
    house.apply()
    _log(house, 1, name="data/a")
    _log(house, 22, name="data/b")
    house.sync()
    (house.root / "data/a").rename(house.root / "data/c~")
    (house.root / "data/b").rename(house.root / "data/a")
    (house.root / "data/c~").rename(house.root / "data/b")
    _log(house, 3, name="data/new")
    report = house.sync()
    assert report.exit_code == 5
    assert {item.code for item in report.left_out} == {"EC720"}
    assert _ids(house) == [1, 3, 22]
    assert house.sync(as_new=("data/a", "data/b")).exit_code == 0
    assert _ids(house) == [1, 3, 22]


def test_a_copy_of_a_file_that_grows_is_a_file_of_its_own(house: House) -> None:
    house.write(LOGS)
    house.apply()
    _log(house, 1, 2)
    house.sync()
    shutil.copy(house.root / "data/log", house.root / "data/copy")
    _log(house, 3)
    assert _read(house) == {"read": 3, "duplicate": 2}
    assert _ids(house) == [1, 2, 3]


def test_a_checkout_elsewhere_is_the_same_file(house: House) -> None:
    """No device, inode or time is in what a file is known by."""
    house.write(LOGS)
    house.apply()
    _log(house, 1, 2)
    house.sync()
    other = House(house.root / "elsewhere", house.warehouse)
    ignored = shutil.ignore_patterns("elsewhere")
    shutil.copytree(house.root, other.root, ignore=ignored, copy_function=shutil.copyfile)
    _log(other, 3)
    report = other.sync()
    assert {counts.read for counts in report.feeds.values()} == {1}
