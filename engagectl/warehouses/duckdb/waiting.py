"""Who has a database file, and who waits for it: a sign beside the file names the one that waits."""

import os
from pathlib import Path


def command_of(pid: int) -> str:
    """Return the name of a process' program where the system tells it. Its arguments are its own affair."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip() or "a process"
    except OSError:
        return "a process"


def leave_sign(sign: Path, command: str) -> bool:
    try:
        sign.write_text(f"{os.getpid()} {command}\n", encoding="utf-8")
    except OSError:
        return False
    return True


def waiting_process(path: Path) -> int | None:
    """Return the pid that waits for a database, None when nobody does. A sign of a dead process counts as none."""
    try:
        pid = int(path.with_name(path.name + ".waiting").read_text(encoding="utf-8").split()[0])
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (OSError, ValueError, IndexError, OverflowError):
        return None
    return pid
