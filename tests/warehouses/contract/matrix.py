"""The page that says which case ran on which engine, written from what ran: `make test-warehouses`."""

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/warehouses/contract.md"
ENGINES = ("duckdb", "postgres", "snowflake")
_HEAD = """# What ran on which engine

Written by `make test-warehouses`. DuckDB and PostgreSQL are the real engines. Snowflake is its own connector against
fakesnow, an emulator of somebody else: [snowflake.md](snowflake.md) says where that is not Snowflake. Nothing here was
run against a cloud service.

DuckDB and PostgreSQL have no lease: their lock ends with its session, and an apply of theirs that is cut is rolled
back, which the crash tests try ([../reliability.md](../reliability.md)).

| case | DuckDB | PostgreSQL | Snowflake |
|---|---|---|---|
"""
_CASE = re.compile(r"::test_(\w+)\[([a-z]+)[^\]]*\]$")


def cells(passed: Mapping[str, bool]) -> dict[str, dict[str, bool]]:
    """Return case -> engine -> whether every variant of it passed, from the ids of tests."""
    found: dict[str, dict[str, bool]] = {}
    for test, is_well in passed.items():
        if case := _CASE.search(test):
            engines = found.setdefault(case[1].replace("_", " "), {})
            engines[case[2]] = engines.get(case[2], True) and is_well
    return found


def page(passed: Mapping[str, bool]) -> str:
    rows = []
    for case, engines in sorted(cells(passed).items()):
        words = ("run" if engines.get(one) else "failed" if one in engines else "not run" for one in ENGINES)
        rows.append(f"| {case} | {' | '.join(words)} |")
    return _HEAD + "\n".join(rows) + "\n"


def cases_of(folder: Path) -> set[str]:
    """Return the cases that the folder's files hold."""
    texts = (path.read_text() for path in folder.glob("test_*.py"))
    return {name.replace("_", " ") for text in texts for name in re.findall(r"^def test_(\w+)\(", text, re.MULTILINE)}
