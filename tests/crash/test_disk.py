"""A disk that is full or fails under the DuckDB file: an error in our words, nothing lost, nothing twice."""

import shutil
import subprocess
import sys

import pytest

from tests.crash.fork import Ended
from tests.crash.look import problems
from tests.crash.trials import after
from tests.crash.world import Worlds

FAULTS = [
    *(("pwrite64", "ENOSPC", nth) for nth in (1, 4)),
    *(("fdatasync", "EIO", nth) for nth in (1, 2)),
    ("pwrite64", "EIO", 3),
    *(("write", "ENOSPC", nth) for nth in (1, 2, 3)),
]


@pytest.mark.parametrize(("call", "error", "nth"), FAULTS)
def test_a_failing_disk_costs_no_row(duckdb_worlds: Worlds, call: str, error: str, nth: int) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("a failing disk is not tested here: there is no strace")
    with duckdb_worlds.applied(6) as world:
        inject = f"inject={call}:error={error}:when={nth}+"
        where = ["-P", str(world.root / "acme.duckdb"), "-P", str(world.root / "acme.duckdb.wal")]
        traced = [strace, "-f", "-qq", "-o", str(world.root / "calls"), "-e", f"trace={call}", "-e", inject, *where]
        done = subprocess.run(
            [*traced, sys.executable, "-m", "engagectl", "sync"],
            cwd=world.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if "ptrace" in done.stderr.lower():
            pytest.skip("a failing disk is not tested here: this system does not let strace attach")
        assert "Traceback" not in done.stderr
        assert "INJECTED" in (world.root / "calls").read_text()
        assert done.returncode in (0, 1, 5), done.stderr
        # Said to be done, it must be there: the log of a commit was written, and only the file behind it could not be.
        assert problems(world, [], complete=done.returncode == 0) == []
        assert after(world, Ended()) == []
