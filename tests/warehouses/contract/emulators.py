"""Emulators of warehouses that run elsewhere: started as programs of their own, from environments of their own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

READY_S = 60
FAKESNOW = "ENGAGECTL_FAKESNOW"
"""Names the program of fakesnow; `make test-warehouses` sets it."""


def engines() -> tuple[str, ...]:
    """Return the engines that can run here. DuckDB and PostgreSQL always do."""
    has_driver = find_spec("snowflake") is not None and find_spec("snowflake.connector") is not None
    return ("duckdb", "postgres", *(("snowflake",) if FAKESNOW in os.environ and has_driver else ()))


def absent() -> tuple[str, ...]:
    return tuple(name for name in ("snowflake",) if name not in engines())


@contextmanager
def fakesnow() -> Iterator[int]:
    """Run the server; yield its port."""
    port = _free_port()
    command = [os.environ[FAKESNOW], "-s", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(server, port)
            yield port
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the emulator ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the emulator does not answer")
