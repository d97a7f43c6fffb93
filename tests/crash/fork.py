"""Run a function in a fork of this warmed process; the parent never opens a database, so a fork is clean."""

import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ended:
    """How a child ended: what it returned or `failed` with, what it `acknowledged`, and whether it was killed."""

    value: Any = None
    failed: str = ""
    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    signal: int = 0


Say = Callable[[str, int], None]
STILL_S = 60.0  # with nothing to do and nothing said a child hangs; how long it may work, this machine decides
LOOK_S = 5.0


@dataclass
class Child:
    pid: int
    pipe: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def has_spoken(self) -> None:
        """Wait for the first word of the child, or for its end."""
        self._is_heard()

    def _is_heard(self) -> bool:
        """Wait until there is something to read, or the end; False: the child hangs."""
        last, since = b"", time.monotonic()
        while not select.select([self.pipe], [], [], LOOK_S)[0]:
            now = _sign_of_life(self.pid)
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_S:
                return False
        return True

    def wait(self) -> Ended:
        """Read what the child says until it ends. A child that hangs is a failure of its own."""
        ended, data = Ended(), b""
        while True:
            if not self._is_heard():
                self.kill()
                ended.failed = f"hung for {STILL_S:.0f} s"
                break
            piece = os.read(self.pipe, 1 << 16)
            if not piece:
                break
            data += piece
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        ended.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        while len(data) >= 8:
            size = int.from_bytes(data[:8], "big")
            if len(data) < 8 + size:
                break
            kind, content = pickle.loads(data[8 : 8 + size])  # noqa: S301  our own child wrote it
            data = data[8 + size :]
            if kind == "said":
                ended.acknowledged.append(content)
            elif kind == "value":
                ended.value = content
            else:
                ended.failed = content
        return ended


def _sign_of_life(pid: int) -> bytes:
    """Return what changes as long as a process works or polls: its CPU time, and whether it waits for the CPU."""
    try:
        said = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:  # no such system, or the process is gone: then its pipe says so
        return b""
    return str(time.monotonic()).encode() if said[0] in b"RD" else b" ".join(said[11:13])


def start(work: Callable[[Say], Any]) -> Child:
    """Fork; the child runs `work` and hands over what it says, returns or raises."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return Child(pid, read_end)
    os.close(read_end)

    def send(kind: str, content: Any) -> None:
        data = pickle.dumps((kind, content))
        os.write(write_end, len(data).to_bytes(8, "big") + data)

    try:
        send("value", work(lambda file, offset: send("said", (file, offset))))
    except BaseException:
        send("failed", traceback.format_exc(limit=-6))
    finally:
        os._exit(0)


def run(work: Callable[[Say], Any]) -> Ended:
    return start(work).wait()


def result(work: Callable[[Say], Any]) -> Any:
    """Run and return the value; a failure is this process' failure too."""
    ended = run(work)
    assert not ended.failed, ended.failed
    assert not ended.signal, f"the child died of signal {ended.signal}"
    return ended.value
