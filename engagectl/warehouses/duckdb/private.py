"""While a database is open for writing, what this process makes is its owner's alone.

DuckDB makes its write-ahead log, which holds rows, again and again by the umask of the process: 0644 on most machines.
"""

import os
import threading

_OWNER_ONLY = 0o077
_lock = threading.Lock()
_holders = 0
_before = 0


def hold() -> None:
    """Narrow the umask until as many `release` have followed."""
    global _holders, _before
    with _lock:
        if _holders == 0:
            _before = os.umask(_OWNER_ONLY)
        _holders += 1


def release() -> None:
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0:
            os.umask(_before)
