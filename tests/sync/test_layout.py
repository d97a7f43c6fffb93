from datetime import date

import pytest

from engagectl.sync.inputs.layout import day_of, is_from

DAY = date(2026, 3, 14)


@pytest.mark.parametrize(
    "key",
    [
        "segment-logs/abc123/1773446400000/1773451234.0.abc.gz",
        "prefix/segment-logs/abc123/1773446400/x.gz",
        "data/2026/03/14/a.jsonl",
        "data/dt=2026-03-14/a.jsonl",
        "data/year=2026/month=3/day=14/a.parquet",
        "data/events-20260314.jsonl.gz",
        "data/2026-03-14T01.jsonl",
    ],
)
def test_a_day_is_read_from_the_usual_layouts(key: str) -> None:
    assert day_of(key) == DAY


@pytest.mark.parametrize("key", ["data/a.jsonl", "data/99999999.jsonl", "data/v1.2.3/a.jsonl", "data/20261399/a"])
def test_other_numbers_are_no_day(key: str) -> None:
    assert day_of(key) is None


def test_only_files_that_name_an_earlier_day_are_left_out() -> None:
    assert not is_from("data/2026-03-13/a.jsonl", DAY)
    assert is_from("data/2026-03-14/a.jsonl", DAY)
    assert is_from("data/a.jsonl", DAY)
    assert is_from("data/2026-03-13/a.jsonl", None)
