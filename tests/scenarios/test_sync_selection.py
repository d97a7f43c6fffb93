"""sync --select: feeds by address, by a part of them, by owner, by what differs from a git revision."""

import subprocess
from pathlib import Path

import pytest

from engagectl.errors import UsageError
from tests.scenarios.house import SPACE, House, track

GROWTH = """
owner: growth
activations:
  log: {audience: first_time_shopper, warehouses: [cdp], table: log}
"""
SALES = GROWTH.replace("growth", "sales").replace("log", "diary")
ENTERED = track(1, "Audience Entered", {"audience_key": "first_time_shopper", "first_time_shopper": True})
CLASSIC = {"connection.classic", "users.default.main"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write(SPACE)
    house.write(GROWTH, name="engage/growth.yaml")
    house.write(SALES, name="engage/sales.yaml")
    house.messages(ENTERED)
    return house


def ran(house: House, *select: str) -> set[str]:
    return {str(address).partition("/")[2] for address in house.sync(select=select).feeds}


@pytest.mark.parametrize(
    ("pattern", "feeds"),
    [
        ("owner:growth", {"activation.log"}),
        ("table.default.diary", {"activation.diary"}),
        ("local/table.default.*", {"activation.log", "activation.diary"}),
        ("column.engage_default.users.*", {"users.default.main"}),
        ("audience.first_time_shopper", {"activation.log", "activation.diary", *CLASSIC}),
        ("trait.total_revenue_180_days", CLASSIC),
    ],
)
def test_a_pattern_takes_whole_feeds(house: House, pattern: str, feeds: set[str]) -> None:
    house.apply()
    assert ran(house, pattern) == feeds
    assert ran(house) == {"activation.log", "activation.diary", *CLASSIC}
    assert house.rows("default.log", "id", order="1") == house.rows("default.diary", "id", order="1") == [("m1",)]


def test_changed_takes_the_feeds_that_differ_and_nothing_where_they_are_not_applied_yet(house: House) -> None:
    (house.root / "engage/sales.yaml").unlink()
    for words in (["init", "-q", "-b", "main"], ["add", "engage", "engagectl.yaml"], ["commit", "-qm", "x"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", house.root, *who, *words], check=True)
    house.apply()
    assert ran(house, "changed:main") == set()
    house.write(SALES, name="engage/sales.yaml")
    assert ran(house, "changed:main") == set()
    house.apply()
    assert ran(house, "changed:main") == {"activation.diary"}
    with pytest.raises(UsageError, match="--select changed:nowhere: git cannot read"):
        house.sync(select=("changed:nowhere",))


@pytest.mark.parametrize(
    ("pattern", "said"), [("owner:nobody", "no applied feed is of owner nobody"), ("trait.x", "is named trait.x")]
)
def test_what_names_nothing_is_refused(house: House, pattern: str, said: str) -> None:
    house.apply()
    with pytest.raises(UsageError, match=said):
        house.sync(select=(pattern,))
