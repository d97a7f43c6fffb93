"""One run of one command: CPU seconds of it and of the PostgreSQL server, wall seconds, peak resident memory."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class FailedRunError(Exception):
    """The command did not end with 0; its output is the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    client_s: float
    server_s: float
    wall_s: float
    peak_mb: float

    @property
    def cpu_s(self) -> float:
        return self.client_s + self.server_s


def measure(
    command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str], postmaster: int | None = None
) -> Measured:
    """Run the command to its end. The server's part is what its processes used meanwhile, whoever asked."""
    log, result = folder / "output.txt", folder / "used.txt"
    before = server_cpu_s(postmaster)
    launcher = [sys.executable, "-S", "-E", Path(__file__).with_name("launch.py"), result]
    with log.open("wb") as out:
        subprocess.run([*launcher, *command], cwd=folder, env={**env}, stdout=out, stderr=out, check=True)
    server_s = server_cpu_s(postmaster) - before
    client_s, wall_s, peak_kb, code = map(float, result.read_text().split())
    if code != 0:
        raise FailedRunError(f"{command[0]} ended with {code:.0f}: {log.read_text()[-1000:]}")
    return Measured(client_s=client_s, server_s=server_s, wall_s=wall_s, peak_mb=peak_kb / 1024)


def server_cpu_s(postmaster: int | None) -> float:
    """Return the CPU of the postmaster, of its children that live, and of those that it has buried."""
    if postmaster is None:
        return 0.0
    ticks = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # proc(5): after the name in brackets field 4 is ppid, 14 to 17 are utime, stime, cutime, cstime
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(folder.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
