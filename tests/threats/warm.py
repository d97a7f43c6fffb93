"""One process that has loaded engagectl, and forks for each command line: what is measured is the command alone."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
MOST_CPU_S = 60


@dataclass(frozen=True, kw_only=True)
class Measured:
    code: int
    out: str
    cpu_s: float
    rss_mb: float


class Warm:
    """Runs command lines; the memory of one counts all that the process holds, start-up included."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "out"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.threats.warm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, words: Sequence[str]) -> Measured:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(self._out), *words]) + "\n")
        self._process.stdin.flush()
        code, cpu_s, rss_mb = json.loads(self._process.stdout.readline())
        return Measured(code=code, out=self._out.read_text("utf-8", "replace"), cpu_s=cpu_s, rss_mb=rss_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


def serve() -> None:
    from engagectl.cli.entry import main

    for line in sys.stdin:
        out, *words = json.loads(line)
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
            handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            code = 255
            try:
                code = main(words)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status, used = os.wait4(child, 0)
        measured = (os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        sys.stdout.write(json.dumps(measured) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    from engagectl import api

    api.validate(ROOT / "examples" / "full")  # what validate imports is there before the first fork
    serve()
