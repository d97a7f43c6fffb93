"""The page that says which case ran on which engine, from what ran: `make test-warehouses` writes results/ and it.

`python -m tests.warehouses.contract.matrix` writes the page again from results/, such as after a merge.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.warehouses.contract.engines import ENGINES

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parents[2] / "docs/warehouses/contract.md"
_HEAD = """# What ran on which engine

Written by `make test-warehouses`. Nothing here was run against a cloud service. Every run of CI lets GoogleSQL's and
Spark's own parsers read the statements (`make test-parsers`), and runs a sample of these cases on one of the emulators,
another each day (`make test-emulator`). What stands for each engine:

"""
_MIDDLE = """
Where an emulator is not its engine, the page of the engine says so, such as [snowflake.md](snowflake.md).

DuckDB and PostgreSQL have no lease: their lock ends with its session, and an apply of theirs that is cut is rolled
back, which the crash tests try ([../reliability.md](../reliability.md)).

"""
_CASE = re.compile(r"::test_(\w+)\[([a-z]+)[^\]]*\]$")


def cells(passed: Mapping[str, bool]) -> dict[str, dict[str, bool]]:
    """Return engine -> case -> whether every variant of it passed, from the ids of tests."""
    found: dict[str, dict[str, bool]] = {}
    for test, is_well in passed.items():
        if case := _CASE.search(test):
            cases = found.setdefault(case[2], {})
            name = case[1].replace("_", " ")
            cases[name] = cases.get(name, True) and is_well
    return found


def record(passed: Mapping[str, bool], folder: Path = RESULTS) -> None:
    """Write what ran, a file for each engine that did; what others have run stays."""
    for engine, cases in cells(passed).items():
        lines = [f"{'run' if is_well else 'failed'}: {case}\n" for case, is_well in sorted(cases.items())]
        (folder / f"{engine}.txt").write_text("".join(lines))


def recorded(folder: Path = RESULTS) -> dict[str, dict[str, str]]:
    """Return engine -> case -> `run` or `failed`."""
    found: dict[str, dict[str, str]] = {}
    for name in ENGINES:
        path = folder / f"{name}.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        found[name] = {case: how for how, _, case in (line.partition(": ") for line in lines)}
    return found


def page(ran: Mapping[str, Mapping[str, str]], cases: set[str]) -> str:
    engines = [ENGINES[name] for name in ran]
    told = "".join(f"- {engine.title}: {engine.stands}\n" for engine in engines)
    head = f"| case | {' | '.join(engine.title for engine in engines)} |\n|---|{'---|' * len(engines)}\n"
    rows = (
        f"| {case} | {' | '.join(ran[engine.name].get(case, 'not run') for engine in engines)} |\n"
        for case in sorted(cases)
    )
    return _HEAD + told + _MIDDLE + head + "".join(rows)


def cases_of(folder: Path = HERE) -> set[str]:
    """Return the cases that the folder's files hold."""
    texts = (path.read_text() for path in folder.glob("test_*.py"))
    return {name.replace("_", " ") for text in texts for name in re.findall(r"^def test_(\w+)\(", text, re.MULTILINE)}


def write() -> None:
    PAGE.write_text(page(recorded(), cases_of()))


if __name__ == "__main__":
    write()
