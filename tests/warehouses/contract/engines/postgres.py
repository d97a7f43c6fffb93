"""PostgreSQL, embedded from a wheel or as ENGAGECTL_TEST_PG_DSN names it."""

import pytest

from tests.warehouses.contract.engine import Engine


def _place(address: str, request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("monkeypatch").setenv("HOUSE_DSN", request.getfixturevalue("postgres_dsn"))
    return "    type: postgres\n    dsn: {$env: HOUSE_DSN}\n"


ENGINE = Engine(name="postgres", title="PostgreSQL", stands="the real engine", place=_place)
