"""What arms the points of engagectl.failpoint. It lies here and in no wheel."""

import os
import signal
from collections.abc import Callable
from typing import NoReturn


def kill() -> NoReturn:
    """Die at once, as by a loss of power."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class _Trap:
    point = ""
    left = 0
    act: Callable[[], object] = staticmethod(kill)
    passed: list[str] = []  # noqa: RUF012  one trap a process


def arm(point: str, nth: int, act: Callable[[], object] = kill) -> None:
    """Act at the nth pass of a point in this process."""
    _Trap.point, _Trap.left, _Trap.act = point, nth, staticmethod(act)


def hit(point: str) -> None:
    _Trap.passed.append(point)
    if point == _Trap.point:
        _Trap.left -= 1
        if _Trap.left == 0:
            _Trap.act()


def passed() -> list[str]:
    """Return the points that this process went by."""
    return _Trap.passed
