"""One run of one command: CPU seconds of it and of the PostgreSQL server, wall seconds, peak resident memory."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
    while True:  # a child that is buried while we look would count twice
        buried = sum(_times(postmaster)[2:])
        ticks = sum(_times(postmaster)[:2]) + sum(map(_own, _children(postmaster)))
        if sum(_times(postmaster)[2:]) == buried:
            return (ticks + buried) / os.sysconf("SC_CLK_TCK")


def _times(pid: int) -> list[int]:
    """Return utime, stime, cutime and cstime: fields 14 to 17 of proc(5), of which 12 stand after the name."""
    return [int(field) for field in _stat(pid)[11:15]]


def _own(pid: int) -> int:
    try:
        return sum(_times(pid)[:2])
    except OSError:
        return 0  # it ended meanwhile


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if int(_stat(int(folder.name))[1]) == pid:
                    found.append(int(folder.name))
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
