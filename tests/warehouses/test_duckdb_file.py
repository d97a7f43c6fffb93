"""The file of DuckDB: private, whole, locked, and never made by somebody who only reads."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.errors import ConnectError, LockHeld, StatementError
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.registry import warehouse

DUCKDB = warehouse("duckdb")
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def connect(
    root: Path,
    *,
    read_only: bool = False,
    timeout_s: float = 0.3,
    path: str = "db.duckdb",
    command: str = "apply",
) -> Connection:
    spec = SimpleNamespace(path=path, storage_version=None)
    return DUCKDB.connect(
        spec, "local", secrets={}, root=root, read_only=read_only, lock_timeout_s=timeout_s, command=command
    )


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_private_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    connect(tmp_path, path="build/db.duckdb").close()
    assert listing(tmp_path / "build") == ["db.duckdb"]
    assert (tmp_path / "build" / "db.duckdb").stat().st_mode & 0o777 == 0o600


def test_reading_a_missing_file_creates_nothing(tmp_path: Path) -> None:
    with connect(tmp_path, read_only=True) as connection:
        assert DUCKDB.catalog(connection, ["engagectl"]).schemas == ()
    assert listing(tmp_path) == []


def test_two_readers_read_at_once(tmp_path: Path) -> None:
    connect(tmp_path).close()
    with connect(tmp_path, read_only=True) as one, connect(tmp_path, read_only=True) as two:
        assert one.query("SELECT current_setting('TimeZone')") == two.query("SELECT current_setting('TimeZone')")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'out.csv'",
        "SELECT 1 FROM read_text('/etc/hostname')",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
    ],
)
def test_the_session_reaches_no_files_and_no_network(tmp_path: Path, sql: str) -> None:
    with connect(tmp_path) as connection, pytest.raises(StatementError):
        connection.execute(sql)


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "db.duckdb").write_text("not a database, but long enough to be looked at as one " * 300)
    with pytest.raises(ConnectError, match="cannot be opened"):
        connect(tmp_path)
    (tmp_path / "folder.duckdb").mkdir()
    with pytest.raises(ConnectError, match="folder"):
        connect(tmp_path, path="folder.duckdb")


def test_another_process_is_named_by_its_pid(tmp_path: Path) -> None:
    connect(tmp_path).close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "db.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockHeld, match=f"pid {other.pid}"):
            connect(tmp_path)
        assert listing(tmp_path) == ["db.duckdb"]  # the sign of the waiter is gone
        other.stdin.write("\n")
    connect(tmp_path, timeout_s=5).close()


def test_the_holder_sees_who_waits(tmp_path: Path) -> None:
    waiter = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from tests.warehouses.test_duckdb_file import connect;"
        "connect(Path(sys.argv[1]), timeout_s=20).close()"
    )
    with connect(tmp_path) as holder:
        assert not holder.somebody_waits()
        with subprocess.Popen([sys.executable, "-c", waiter, str(tmp_path), str(Path.cwd())]) as other:
            until = time.monotonic() + 15
            while not holder.somebody_waits() and time.monotonic() < until:
                time.sleep(0.05)
            assert holder.somebody_waits()
            holder.close()
            assert other.wait(timeout=20) == 0
    assert listing(tmp_path) == ["db.duckdb"]


def test_a_sign_of_a_dead_process_counts_as_none(tmp_path: Path) -> None:
    with connect(tmp_path) as holder:
        (tmp_path / "db.duckdb.waiting").write_text("999999999 apply\n")
        assert not holder.somebody_waits()


@pytest.mark.parametrize(("syncs", "joins"), [(31, False), (32, True)])
def test_only_each_32nd_sync_writes_small_row_groups_anew(tmp_path: Path, syncs: int, joins: bool) -> None:
    with connect(tmp_path) as connection:
        connection.execute("CREATE SCHEMA engagectl")
        connection.execute(f"CREATE TABLE engagectl.syncs AS SELECT unnest(range({syncs})) AS id")
        connection.execute("CREATE TABLE rows_of (id BIGINT)")
    for _ in range(6):
        with connect(tmp_path, command="sync") as connection:
            connection.lock("engagectl", timeout_s=0, holder=Holder(command="sync"))
            connection.execute("INSERT INTO rows_of SELECT unnest(range(1000))")
    with connect(tmp_path, read_only=True) as connection:
        ((found,),) = connection.query("SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('rows_of')")
    assert (found < 6) == joins
