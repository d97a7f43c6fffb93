"""One project on each engine that can run here: DuckDB and PostgreSQL always, the others by `make test-warehouses`."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from engagectl.config.resolve import resolve_secrets
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse
from tests.scenarios.house import House
from tests.warehouses.contract import emulators, matrix

collect_ignore = [] if "snowflake" in emulators.engines() else ["test_lease.py"]  # no other engine has a lease
Writing = Callable[[], AbstractContextManager[Connection]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "on" in metafunc.fixturenames:
        with_lease = [name for name in emulators.engines() if name == "snowflake"]
        has_lease = metafunc.module.__name__.endswith("test_lease")
        metafunc.parametrize("on", with_lease if has_lease else emulators.engines(), scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "ENGAGECTL_WRITE_MATRIX" in os.environ:
        reports = [one for name in ("passed", "failed") for one in terminalreporter.getreports(name)]
        matrix.PAGE.write_text(matrix.page({one.nodeid: one.passed for one in reports}))
    for name in emulators.absent():
        terminalreporter.write_line(f"not run: {name} (make test-warehouses)")


def pytest_sessionstart(session: pytest.Session) -> None:
    required = os.environ.get("ENGAGECTL_REQUIRE", "").replace(",", " ").split()
    missing = [name for name in required if name in emulators.absent()]
    if missing:
        pytest.exit(f"required and not here: {', '.join(missing)}", returncode=1)


@pytest.fixture(scope="session")
def fakesnow_port() -> Iterator[int]:
    with emulators.fakesnow() as port:
        yield port


@pytest.fixture
def record(on: str) -> Warehouse:
    return warehouse(on)


@pytest.fixture
def house(on: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A project without resources on a fresh database."""
    match on:
        case "duckdb":
            (tmp_path / "build").mkdir()
            text = "    type: duckdb\n    path: ./build/house.duckdb\n"
        case "postgres":
            monkeypatch.setenv("HOUSE_DSN", request.getfixturevalue("postgres_dsn"))
            text = "    type: postgres\n    dsn: {$env: HOUSE_DSN}\n"
        case _:
            monkeypatch.setenv("HOUSE_PASSWORD", "any")
            text = (
                "    type: snowflake\n    account: fakesnow\n"
                f"    host: http://127.0.0.1:{request.getfixturevalue('fakesnow_port')}\n"
                f"    database: HOUSE_{secrets.token_hex(6).upper()}\n"
                "    auth: {method: password, user: u, password: {$env: HOUSE_PASSWORD}}\n"
            )
    made = House(tmp_path, text)
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
