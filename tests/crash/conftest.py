"""One set of worlds per engine. The crash tests fork, so nothing here opens a DuckDB file."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).parent)
if FOLDER not in sys.path:  # before engagectl.failpoint looks for what arms it
    sys.path.insert(0, FOLDER)

from tests.crash.world import Worlds  # noqa: E402


@pytest.fixture(scope="session")
def duckdb_worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    worlds = Worlds(tmp_path_factory.mktemp("duckdb"))
    worlds.prepare()
    return worlds


@pytest.fixture(scope="session")
def postgres_worlds(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Worlds]:
    worlds = Worlds(tmp_path_factory.mktemp("postgres"), server=postgres_server)
    worlds.prepare()
    yield worlds
    worlds.close()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def worlds(engine_name: str, request: pytest.FixtureRequest) -> Worlds:
    found: Worlds = request.getfixturevalue(f"{engine_name}_worlds")
    return found
