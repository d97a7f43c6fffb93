"""Which lines of a chunk a warehouse refuses, found by trying parts."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagectl.sync.refused import narrowed


@given(st.integers(1, 300), st.sets(st.integers(0, 299), max_size=5))
def test_exactly_the_lines_that_are_refused_are_found(count: int, bad: set[int]) -> None:
    lines = range(count)
    assert narrowed(lines, lambda some: "" if bad.isdisjoint(some) else "refused") == dict.fromkeys(
        bad & set(lines), "refused"
    )


def test_one_of_a_million_costs_forty_trials() -> None:
    tried: list[Sequence[int]] = []

    def refusal(some: Sequence[int]) -> str:
        tried.append(some)
        return "refused_22001" if 777_777 in some else ""

    assert narrowed(range(1_000_000), refusal) == {777_777: "refused_22001"}
    assert len(tried) <= 41


@pytest.mark.parametrize("is_refused", [lambda some: len(some) > 1, lambda _: True], ids=["together", "all"])
def test_what_no_few_lines_are_to_blame_for_blames_none(is_refused: object) -> None:
    assert callable(is_refused)
    assert narrowed(range(1_000), lambda some: "refused" if is_refused(some) else "") == {}
