"""DuckDB, in a file of the house."""

from pathlib import Path

import pytest

from tests.warehouses.contract.engine import Engine


def _place(address: str, request: pytest.FixtureRequest) -> str:
    root: Path = request.getfixturevalue("tmp_path")
    (root / "build").mkdir()
    return "    type: duckdb\n    path: ./build/house.duckdb\n"


ENGINE = Engine(name="duckdb", title="DuckDB", stands="the real engine", place=_place)
