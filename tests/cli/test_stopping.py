"""SIGTERM to a real process that loads: it ends with 130, and the next sync has every message once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engagectl.sync.options import SyncOptions
from tests.scenarios.house import House, identify

ROWS = 20_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_sync_gently(tmp_path: Path, number: signal.Signals) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    house.write()
    house.apply()
    house.messages(*(identify(n, {"first_time_shopper": True}) for n in range(ROWS)))
    words = ["sync", "--log-format", "json", "--memory", "low"]
    with subprocess.Popen(
        [sys.executable, "-m", "engagectl", *words], cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sync into local" in line:
                break
        process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert "Traceback" not in told
    assert not (tmp_path / "acme.duckdb.waiting").exists()
    house.sync(chunk_bytes=SyncOptions().chunk_bytes)
    assert house.query("SELECT count(*), count(DISTINCT id) FROM engage_default.identifies") == [(ROWS, ROWS)]
