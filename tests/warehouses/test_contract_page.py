"""The page of the contract is what ran, and names every case; each engine's page tells where its emulator differs."""

import re
from pathlib import Path

import pytest

from tests.warehouses.contract import matrix
from tests.warehouses.contract.engines import ENGINES


def test_the_page_is_what_ran() -> None:
    ran = matrix.recorded()
    assert matrix.PAGE.read_text() == matrix.page(ran, matrix.cases_of()), "python -m tests.warehouses.contract.matrix"
    assert {how for cases in ran.values() for how in cases.values()} <= {"run"}
    for engine, cases in ran.items():
        assert set(cases) <= matrix.cases_of(), f"{engine} ran what is no case any more: make test-warehouses"


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_every_case_runs_on_the_real_engines_unless_it_is_about_a_lease(engine: str) -> None:
    texts = [path.read_text() for path in matrix.HERE.glob("test_*.py")]
    leases = "".join(text for text in texts if re.search(r'^NEEDS = "(?!structure|rows)', text, re.MULTILINE))
    missing = matrix.cases_of() - set(matrix.recorded()[engine])
    assert [case for case in missing if f"def test_{case.replace(' ', '_')}(" not in leases] == []


def test_what_one_engine_ran_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    ran = {"a.py::test_x[duckdb]": True, "a.py::test_x[snowflake-1]": True, "a.py::test_x[snowflake-2]": False}
    matrix.record(ran, tmp_path)
    matrix.record({"a.py::test_y[duckdb]": True}, tmp_path)
    found = matrix.recorded(tmp_path)
    assert found["snowflake"] == {"x": "failed"}
    assert found["duckdb"] == {"y": "run"}
    page = matrix.page({name: found[name] for name in ("duckdb", "postgres", "snowflake")}, {"x", "y"})
    assert "| x | not run | not run | failed |" in page
    assert "| y | run | not run | not run |" in page


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_of_an_engine_tells_every_deviation_of_its_emulator(engine: str) -> None:
    page = " ".join((matrix.PAGE.parent / f"{engine}.md").read_text().split()) if ENGINES[engine].deviations else ""
    for sentence in ENGINES[engine].deviations.values():
        assert sentence in page, sentence
