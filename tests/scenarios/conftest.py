"""The house of a scenario, once on each real engine."""

from pathlib import Path

import pytest

from tests.scenarios.house import House


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    if request.param == "duckdb":
        return House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", request.getfixturevalue("postgres_dsn"))
    return House(tmp_path, "    type: postgres\n    dsn: {$env: ENGAGECTL_SCENARIO_DSN}\n")
