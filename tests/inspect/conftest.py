"""A warehouse that another loader filled, and a project that looks at it, on each engine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from engagectl import api
from engagectl.warehouses.contract import Connection, Warehouse
from tests.inspect.segment import Segment
from tests.scenarios.house import House

Loading = Callable[[], AbstractContextManager[Segment]]


@pytest.fixture
def segment(session: Connection, engine: Warehouse) -> Segment:
    return Segment(session, engine)


@pytest.fixture
def house(engine: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A project without resources on a fresh database."""
    if engine.name == "postgres":
        request.getfixturevalue("monkeypatch").setenv("HOUSE_DSN", request.getfixturevalue("postgres_dsn"))
        made = House(tmp_path, "    type: postgres\n    dsn: {$env: HOUSE_DSN}\n")
    else:
        made = House(tmp_path, "    type: duckdb\n    path: ./build/house.duckdb\n")
    made.write("x-note: no resources yet\n")
    return made


@pytest.fixture
def loading(house: House, engine: Warehouse) -> Loading:
    """Opens the house's database as another loader would; the columns of its tables are remembered."""
    columns: dict[str, dict[str, str]] = {}

    @contextmanager
    def opened() -> Iterator[Segment]:
        with api.connected(house.project, command="another loader", read_only=False) as connections:
            (connection,) = connections.values()
            yield Segment(connection, engine, columns=columns)

    return opened
