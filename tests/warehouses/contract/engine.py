"""What the contract needs of an engine: one file of `engines/` says it, and nothing else names the engine."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec

import pytest

READY_S = 60


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`serve` runs what stands for the engine through a session, and yields where it is reached; `place` makes a
    fresh database there and returns the settings of a warehouse in YAML, as lines under its id.
    """

    name: str
    title: str
    stands: str  # for the page: what it is that ran
    place: Callable[[str, pytest.FixtureRequest], str]
    can_run: Callable[[], bool] = lambda: True
    serve: Callable[[], AbstractContextManager[str]] = lambda: nullcontext("")
    deviations: Mapping[str, str] = field(default_factory=dict)
    """Where an emulator is not the engine it stands for. Each sentence is in docs/warehouses/<name>.md, too."""


def is_installed(*modules: str) -> bool:
    """Tell whether the driver is here: each module by its dotted name, parents first."""
    return all(find_spec(module) is not None for module in modules)


def program(variable: str) -> str | None:
    """Return the program of an emulator, as the environment names it; `make test-warehouses` does."""
    return os.environ.get(variable) or None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: Sequence[str], *, port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a program until the end of the block; begin when it listens on its port."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    ) as running:
        try:
            _wait(running, port)
            yield
        finally:
            running.terminate()


def _wait(running: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if running.poll() is not None:
            raise RuntimeError(f"the emulator ended with {running.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the emulator does not answer")
