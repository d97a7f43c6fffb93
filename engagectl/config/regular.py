"""Open a regular file and nothing else: a pipe would hang, a device never end, and /proc holds the environment."""

import os
import stat
from functools import cache
from pathlib import Path
from typing import IO

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class NotRegular(OSError):  # noqa: N818  the names say the problem
    """A folder, a pipe, a socket, a device, or a file that the kernel makes up."""


class Outside(OSError):  # noqa: N818
    """A link that leads out of the folder."""


def real_path(path: Path) -> Path:
    """Return where a path leads when every link is followed. A link to itself leads to itself: Path.resolve raises."""
    return Path(os.path.realpath(path))


def open_regular(path: Path, *, buffering: int = -1) -> IO[bytes]:
    """Open a file for reading; links are followed. Raises NotRegular, or another OSError."""
    return _checked(os.open(path, _FLAGS), path, buffering)


def open_inside(folder: Path, name: str) -> IO[bytes]:
    """Open a file of a folder for reading. A link may lead to another file of the folder; Raises Outside elsewhere.

    The way is walked step by step without following links, so that a swap between look and open gains nothing.
    """
    real_folder, real = real_path(folder), real_path(folder / name)
    if not real.is_relative_to(real_folder):
        raise Outside(None, "it is a link to a file outside the project", name)
    parts = real.relative_to(real_folder).parts
    if os.open not in os.supports_dir_fd or not parts:
        return open_regular(real)
    here = os.open(real_folder, os.O_RDONLY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW, dir_fd=here)
            os.close(here)
            here = below
        handle = os.open(parts[-1], _FLAGS | _NO_FOLLOW, dir_fd=here)
    finally:
        os.close(here)
    return _checked(handle, real)


def is_regular(found: os.stat_result) -> bool:
    """Tell whether what was looked at is a file of some disk."""
    return stat.S_ISREG(found.st_mode) and found.st_dev not in _kernels()


def _checked(handle: int, path: Path, buffering: int = -1) -> IO[bytes]:
    if not is_regular(os.fstat(handle)):
        os.close(handle)
        raise NotRegular(None, "it is no regular file", str(path))
    return os.fdopen(handle, "rb", buffering=buffering)


@cache
def _kernels() -> frozenset[int]:
    """Return the devices of the file systems that hold no files: /proc/self/environ says it is a regular one."""
    found = set()
    for mount in ("/proc", "/sys"):
        if os.path.ismount(mount):
            found.add(os.stat(mount).st_dev)  # noqa: PTH116  beside os.path.ismount
    return frozenset(found)
