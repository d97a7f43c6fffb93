"""Start a command and write what it used to a file. Usage: RESULT COMMAND ARGUMENT...

A process of its own and small, because a child's peak memory counts that of the process it was started from.
"""

import os
import sys
import time

result, command = sys.argv[1], sys.argv[2:]
began = time.perf_counter()
_, status, used = os.wait4(os.posix_spawn(command[0], command, os.environ), 0)
wall = time.perf_counter() - began
with open(result, "w") as out:  # noqa: PTH123  pathlib would make this process larger
    out.write(f"{used.ru_utime + used.ru_stime} {wall} {used.ru_maxrss} {os.waitstatus_to_exitcode(status)}")
