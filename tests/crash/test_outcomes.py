"""A long run goes on where it ended, and hides no failure."""

from dataclasses import replace
from pathlib import Path

from tests.crash.outcomes import Key, Outcome, Outcomes, code_of
from tests.crash.page import page

KEY = Key(group="trials", kind="sync killed at a point", engine="duckdb", point="chunk.begun", seed=3)
RIGHT = Outcome(key=KEY, nth=2, commit="aaa", code=code_of(KEY))
WANTED = {"trials": 10}


def _page(outcomes: Outcomes) -> str:
    return page(outcomes, wanted=WANTED, command="the command")


def test_what_was_done_is_known_to_the_next_run(tmp_path: Path) -> None:
    Outcomes(tmp_path / "file").add(RIGHT)
    again = Outcomes(tmp_path / "file")
    assert again.is_done(KEY)
    assert not again.is_done(replace(KEY, seed=4))
    assert again.done() == {"trials": 1}


def test_a_trial_of_code_that_changed_is_done_anew_and_told_apart(tmp_path: Path) -> None:
    outcomes = Outcomes(tmp_path / "file")
    outcomes.add(replace(RIGHT, code="another"))
    assert not outcomes.is_done(KEY)
    assert "0 of the 10 trials" in _page(outcomes)
    assert "| aaa | 1 | 1 | 1 |" in _page(outcomes)


def test_a_trial_that_had_nothing_to_hurt_counts_for_nothing_and_is_not_done_again(tmp_path: Path) -> None:
    outcomes = Outcomes(tmp_path / "file")
    outcomes.add(replace(RIGHT, is_unreached=True))
    assert outcomes.is_done(KEY)
    assert outcomes.done() == {}
    assert "0 of the 10 trials" in _page(outcomes)


def test_a_failure_stays_on_the_page_when_the_trial_is_right_later(tmp_path: Path) -> None:
    outcomes = Outcomes(tmp_path / "file")
    outcomes.add(replace(RIGHT, problem="a row is missing"))
    assert "1 failed" in _page(outcomes)
    Outcomes(tmp_path / "file").add(replace(RIGHT, commit="bbb"))
    said = _page(Outcomes(tmp_path / "file"))
    assert "none failed" in said
    assert "- aaa: DuckDB, sync killed at a point, chunk.begun:2, seed 3: a row is missing (at bbb: right)" in said
