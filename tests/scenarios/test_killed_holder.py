"""The holder of a lock is named; once it is killed its lock is free."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from engagectl import api
from engagectl.errors import LockHeld
from engagectl.warehouses.contract import Holder
from tests.scenarios.house import House, identify

HOLDS = """
import sys, time
from pathlib import Path
from engagectl import api
from engagectl.sync.options import Silent, SyncOptions

class Waits(Silent):
    def advance(self, file, done, total):
        print("holds", flush=True)
        time.sleep(100)

api.sync(api.open_project(Path(sys.argv[1])), options=SyncOptions(), progress=Waits())
"""


ASKS = """
import sys, time
from pathlib import Path
from engagectl import api
from engagectl.warehouses.contract import Holder

with api.connected(api.open_project(Path(sys.argv[1])), command="sync", read_only=False) as connections:
    (connection,) = connections.values()
    connection.lock("engagectl", timeout_s=1, holder=Holder(command="sync"))
    print("holds", flush=True)
    connection.query("SELECT pg_sleep(100)")
"""


def _kill(house: House, program: str) -> None:
    """Start a holder, see that it is named, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(house.root)], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        with pytest.raises(LockHeld) as caught:
            api.apply_plan(house.project, confirm=lambda _: True, lock_timeout_s=0.2)
        assert f"pid {holder.pid}" in caught.value.message
        holder.kill()
        holder.wait()


def _take_lock(house: House, *, within_s: float) -> None:
    with api.connected(house.project, command="test", read_only=False, lock_timeout_s=within_s) as connections:
        (connection,) = connections.values()
        connection.lock("engagectl", timeout_s=within_s, holder=Holder(command="test"))


def _sessions() -> int:
    with psycopg.connect(os.environ["ENGAGECTL_SCENARIO_DSN"]) as admin:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return next(iter(admin.execute(sql)))[0]  # type: ignore[no-any-return]  # a count


def _take_lock_of_the_dead(house: House) -> None:
    """Wait a second, and again only while the server itself has not come to see that its client is gone."""
    for _ in range(60):
        try:
            return _take_lock(house, within_s=1)
        except LockHeld:
            assert _sessions(), "the lock outlived its session"
    raise AssertionError("the server sees no dead client")


def test_a_killed_holder_is_named_before_and_its_lock_is_free_afterwards(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    _kill(house, HOLDS)
    if "postgres" in house.warehouse:
        _take_lock_of_the_dead(house)
    else:
        _take_lock(house, within_s=0)  # the system frees a file's lock with its process
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]


@pytest.mark.postgres
def test_a_holder_killed_within_a_statement_that_runs_on_frees_its_lock(
    tmp_path: Path, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server looks for its client every half second while a statement runs."""
    monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", postgres_dsn)
    house = House(tmp_path, "    type: postgres\n    dsn: {$env: ENGAGECTL_SCENARIO_DSN}\n")
    house.write()
    house.apply()
    _kill(house, ASKS)
    _take_lock_of_the_dead(house)
