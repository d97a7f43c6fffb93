"""One project on each engine that can run here: DuckDB and PostgreSQL always, the others by `make test-warehouses`."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from engagectl.config.resolve import resolve_secrets
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse
from tests.scenarios.house import House
from tests.warehouses.contract import matrix
from tests.warehouses.contract.engines import ENGINES, absent, here

Writing = Callable[[], AbstractContextManager[Connection]]


def _with(needs: str) -> list[str]:
    """Return the engines here on which the cases of a file can run, by its `NEEDS`: a lease for a lock, that much of
    `writes`, both ("cuts"), or to be one that is named; nothing when it is empty.
    """
    found = []
    for name in here():
        can = warehouse(name).capabilities
        is_lease = can.lock == "lease row"
        writes = {"nothing": (), "structure": ("structure",), "rows": ("structure", "rows")}[can.writes]
        lease = ("lease",) if is_lease else ()
        cuts = ("cuts",) if is_lease and can.writes == "rows" else ()
        if not needs or not {name, *writes, *lease, *cuts}.isdisjoint(needs.split()):
            found.append(name)
    return found


_ALONE = {
    "test_lease.py": "lease",
    "test_cuts.py": "cuts",
    "test_layout.py": "bigquery databricks",
    "test_cut_commits.py": "databricks",
    "test_spark.py": "databricks",
    "test_views.py": "bigquery",
    "test_landing.py": "snowflake",
}
collect_ignore = [file for file, needs in _ALONE.items() if not _with(needs)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "on" in metafunc.fixturenames:
        metafunc.parametrize("on", _with(getattr(metafunc.module, "NEEDS", "")), scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "ENGAGECTL_WRITE_MATRIX" in os.environ:
        reports = [one for name in ("passed", "failed") for one in terminalreporter.getreports(name)]
        matrix.record({one.nodeid: one.passed for one in reports})
        matrix.write()
    for name in absent():
        terminalreporter.write_line(f"not run: {name} (make test-warehouses)")


def pytest_sessionstart(session: pytest.Session) -> None:
    required = os.environ.get("ENGAGECTL_REQUIRE", "").replace(",", " ").split()
    missing = [name for name in required if name not in here()]
    if missing:
        pytest.exit(f"required and not here: {', '.join(missing)}", returncode=1)


@pytest.fixture(scope="session")
def address(on: str) -> Iterator[str]:
    """Where the engine is reached, while its tests run."""
    with ENGINES[on].serve() as where:
        yield where


@pytest.fixture
def record(on: str) -> Warehouse:
    return warehouse(on)


@pytest.fixture
def house(on: str, address: str, request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A project without resources on a fresh database."""
    made = House(tmp_path, ENGINES[on].place(address, request))
    made.write("x-note: no resources yet\n")
    return made


@pytest.fixture
def writing(house: House, record: Warehouse) -> Writing:
    """Opens the house's database as somebody else would, to change what is there."""

    @contextmanager
    def opened() -> Iterator[Connection]:
        project = house.project
        with record.connect(
            project.spec.warehouses["local"],
            "local",
            secrets=resolve_secrets(project, ["local"], os.environ)["local"],
            root=house.root,
            read_only=False,
            lock_timeout_s=1.0,
            command="somebody else",
        ) as connection:
            yield connection

    return opened
