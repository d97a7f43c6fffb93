"""The holder of a lock is named; once it is killed its lock is free."""

import os
import subprocess
import sys

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


def test_a_killed_holder_is_named_before_and_its_lock_is_free_afterwards(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(house.root)], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        with pytest.raises(LockHeld) as caught:
            api.apply_plan(house.project, confirm=lambda _: True, lock_timeout_s=0.2)
        assert f"pid {holder.pid}" in caught.value.message
        holder.kill()
        holder.wait()
        with api.connected(house.project, command="test", read_only=False, lock_timeout_s=5) as connections:
            (connection,) = connections.values()
            connection.lock("engagectl", timeout_s=5, holder=Holder(command="test"))
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
