"""What a flag names and is no regular file is written into: a pipe stays a pipe, and /dev/null a device."""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engagectl.planfile import write_plan
from engagectl.planner import make_plan
from engagectl.snapshot import Snapshot, write_snapshot
from tests.planner.test_planner import SPACE, _open

SNAPSHOT = Snapshot(
    project="acme", target="", journal_schema="engagectl", taken_at="", engagectl="0.1.0", warehouses=()
)


@pytest.mark.parametrize("what", ["plan", "snapshot"])
def test_a_pipe_gets_the_file_and_stays_a_pipe(tmp_path: Path, what: str) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    if what == "plan":
        write_plan(make_plan(_open(tmp_path, SPACE), connections=None, now=datetime.now(UTC), mode="offline"), pipe)
    else:
        write_snapshot(SNAPSHOT, pipe)
    assert pipe.is_fifo()
    reader.join(10)
    assert read[0].startswith(b"{")
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".pipe")] == []
