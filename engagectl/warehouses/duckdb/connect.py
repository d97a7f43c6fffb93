"""Open a DuckDB file, locked down, and run statements on it. DuckDB's own file lock is the lock of a journal."""

import contextlib
import itertools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from engagectl.config.regular import is_regular, real_path
from engagectl.engine import duckdb
from engagectl.errors import (
    ConnectError,
    InternalError,
    LockHeld,
)
from engagectl.warehouses.contract import BATCH_ROWS, Holder, T
from engagectl.warehouses.duckdb import private
from engagectl.warehouses.duckdb.many import over_lists
from engagectl.warehouses.duckdb.refused import told_safely
from engagectl.warehouses.duckdb.waiting import command_of, leave_sign, waiting_process
from engagectl.warehouses.listed import Listed, listed_columns
from engagectl.warehouses.statements import executed

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

Settings = dict[str, str | bool | int | float | list[str]]
POLL_S = 0.2
_TIDIED_EACH = 32
_WRITERS: dict[Path, str] = {}
"""Files that this very process has open for writing, with the command: DuckDB's file lock does not see those."""


class FileSpec(Protocol):
    """What is read of the warehouse's part of the YAML."""

    @property
    def path(self) -> object: ...
    @property
    def storage_version(self) -> object: ...


def connect(
    spec: "FileSpec",
    id: str,
    *,
    secrets: "Mapping[str, Secret | str]",
    root: Path,
    read_only: bool,
    lock_timeout_s: float,
    command: str,
    target: str = "",
    commit: str = "",
    memory_mb: int = 512,
    threads: int = 1,
) -> "DuckdbConnection":
    """Open the file. Read-only, a file that is not there counts as empty and is not created.

    Waits up to `lock_timeout_s` for another process, then raises LockHeld; a waiting writer leaves a sign beside the
    file (`<file>.waiting`). Raises ConnectError when the file cannot be opened or created.
    """
    del target, commit  # a file has no list of sessions; the journal keeps them of each apply
    path = database_path(spec, secrets, root)
    by_reference = not isinstance(secrets.get("path", ""), str)
    shown = f"the file of warehouse {id!r}" if by_reference else str(path)
    try:
        there = path.exists()
        if there and not (path.is_dir() or is_regular(path.stat())):
            raise ConnectError(f"{shown} is no regular file", help="check the path")
    except OSError as error:
        raise ConnectError(f"{shown} cannot be looked at: {error.strerror}", help="check the path") from None
    settings: Settings = {
        "memory_limit": f"{memory_mb}MB",
        "threads": str(threads),
        "preserve_insertion_order": "false",
        # a chunk of 64 MB writes more than the 16 MB of the default: each commit would write the file anew
        "checkpoint_threshold": "256MB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if read_only and not there:
        handle = duckdb.connect(":memory:", config=settings)
        return DuckdbConnection(handle, id, path=None, read_only=True)
    if read_only:
        handle = _open(path, shown, settings, read_only=True, timeout_s=lock_timeout_s, command=command)
        return DuckdbConnection(handle, id, path=path, read_only=True)
    if command == "sync":
        settings |= {"max_vacuum_tasks": 0, "allowed_configs": ["max_vacuum_tasks"]}
    private.hold()
    try:
        if not there:
            _create(path, shown, storage_version=spec.storage_version)
        handle = _open(path, shown, settings, read_only=False, timeout_s=lock_timeout_s, command=command)
    except BaseException:
        private.release()
        raise
    _WRITERS[path] = command
    return DuckdbConnection(handle, id, path=path, read_only=False)


def database_path(spec: "FileSpec", secrets: "Mapping[str, Secret | str]", root: Path) -> Path:
    """Return the absolute path of the file: relative ones start at the project's root."""
    value = secrets.get("path", str(spec.path))
    return real_path(root / (value if isinstance(value, str) else value.reveal()))


class DuckdbConnection:
    """`handle` is for the loader of this folder only."""

    def __init__(self, handle: duckdb.DuckDBPyConnection, id: str, *, path: Path | None, read_only: bool) -> None:
        self.handle = handle
        self.warehouse = id
        self.read_only = read_only
        self.version = f"DuckDB {duckdb.__version__}"
        self.queries = self.rows_read = 0
        self.text_bytes: int | None = None
        self._path = path
        self._open = True
        self._journal = ""
        self._listed = Listed(self)
        self._scratch = _lock_down(handle)

    @property
    def path(self) -> Path | None:
        """Return the file, None where a read-only session stands for one that is not there."""
        return self._path

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        with told_safely(sql):
            found = self.handle.execute(sql, list(parameters)).fetchall()
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        found: list[T] = []
        with told_safely(sql):
            result = self.handle.execute(sql, list(parameters))
            while batch := result.fetchmany(BATCH_ROWS):
                found.extend(itertools.starmap(make, batch))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        began = time.perf_counter()
        with told_safely(sql):
            done = self.handle.execute(sql, list(parameters))
            described = done.description
            counted = done.fetchall() if described and described[0][0] == "Count" else []
        rows = int(counted[0][0]) if counted else 0
        executed(self.warehouse, sql, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            began = time.perf_counter()
            together = over_lists(sql, len(rows[0]))
            with told_safely(sql):
                if together is None:
                    self.handle.executemany(sql, [list(row) for row in rows])
                else:
                    self.handle.execute(together, [list(column) for column in zip(*rows, strict=True)])
            executed(self.warehouse, sql, rows=len(rows), began=began)

    def begin(self) -> None:
        self.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction, if one is open."""
        with contextlib.suppress(duckdb.TransactionException):
            self.handle.execute("ROLLBACK")

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:  # noqa: ARG002  waited for when the file was opened
        """Nothing is left to do: a file that is open for writing is locked as a whole, all its journals with it."""
        if self.read_only:
            raise InternalError(f"the journal {name!r} cannot be locked in a read-only session")
        if self._path is not None:
            _WRITERS[self._path] = holder.command
        self._journal = name

    def recover(self) -> bool:
        """A file in this very process is never lost."""
        return False

    def somebody_waits(self) -> bool:
        if self._path is None or self.read_only:
            return False
        return waiting_process(self._path) not in (None, os.getpid())

    def has_table(self, schema: str, table: str) -> bool:
        return self._listed.has(schema, table)

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        return listed_columns(self, schema, table)

    def lock_holder(self, name: str) -> Holder | None:  # noqa: ARG002  one lock for the whole file
        """While this session reads, nobody writes; a session that writes holds the lock itself."""
        if self._path is None or self.read_only:
            return None
        return Holder(command=f"engagectl {_WRITERS.get(self._path, '')}".strip(), pid=os.getpid())

    def close(self) -> None:
        was_open, self._open = self._open, False
        if self._path is not None and not self.read_only:
            _WRITERS.pop(self._path, None)
        if was_open and not self.read_only:
            self._tidy_sometimes()
        self.handle.close()  # it writes a last time
        shutil.rmtree(self._scratch, ignore_errors=True)
        if was_open and not self.read_only:
            private.release()

    def _tidy_sometimes(self) -> None:
        """Let the last write of each 32nd sync join row groups that are not full. DuckDB would do it whenever three
        of a table fit into two: about every third small sync then wrote hundreds of thousands of rows anew.
        """
        with contextlib.suppress(duckdb.Error):  # no journal, or no transaction in which to ask
            syncs = f'SELECT count(*) FROM "{self._journal.replace(chr(34), chr(34) * 2)}".syncs'
            if self._journal and self.handle.execute(syncs).fetchall()[0][0] % _TIDIED_EACH == 0:
                self.handle.execute("SET GLOBAL max_vacuum_tasks = 100")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lock_down(handle: duckdb.DuckDBPyConnection) -> Path:
    """Set what every session has and shut the rest: UTC, a private folder to spill to, no files, no extensions."""
    scratch = Path(tempfile.mkdtemp(prefix="engagectl-duckdb-"))
    locked = handle.execute("SELECT current_setting('lock_configuration')").fetchone()
    if locked == (False,):  # two readers of one process share an instance: the first has locked it for both
        handle.execute("SET GLOBAL TimeZone = 'UTC'")
        handle.execute(f"SET GLOBAL temp_directory = '{str(scratch).replace(chr(39), chr(39) * 2)}'")
        handle.execute("SET GLOBAL enable_external_access = false")
        handle.execute("SET GLOBAL lock_configuration = true")
    return scratch


def _create(path: Path, shown: str, *, storage_version: object) -> None:
    """Create an empty database, whole and private (0600), before anybody can see it under its name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".engagectl-new-", dir=path.parent))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConnectError(
            f"{shown} cannot be created: {reason}", help="check the path and who may write to its folder"
        ) from None
    try:
        fresh = room / "new.duckdb"
        config: Settings = {"storage_compatibility_version": str(storage_version)} if storage_version else {}
        with duckdb.connect(str(fresh), config=config) as handle:
            handle.execute("CHECKPOINT")
        fresh.chmod(0o600)
        _sync_to_disk(fresh)
        with contextlib.suppress(FileExistsError):  # somebody was faster: theirs is as good and as empty
            os.link(fresh, path)
        _sync_to_disk(path.parent)
    except (OSError, duckdb.Error):
        raise ConnectError(
            f"{shown} cannot be created", help="check the path, storage_version and who may write to its folder"
        ) from None
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _sync_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(
    path: Path, shown: str, settings: Settings, *, read_only: bool, timeout_s: float, command: str
) -> duckdb.DuckDBPyConnection:
    """Open the file, polling while somebody else has it."""
    until = time.monotonic() + timeout_s
    sign = path.with_name(path.name + ".waiting")
    signed = False
    try:
        while True:
            handle, holder = _try_open(path, shown, settings, read_only=read_only)
            if handle is not None:
                return handle
            if time.monotonic() >= until:
                raise LockHeld(
                    f"{shown} is in use by {holder}",
                    help="wait for it to end, or give it more time with --lock-timeout",
                )
            if not read_only:
                signed = leave_sign(sign, command) or signed
            time.sleep(POLL_S)
    finally:
        if signed and waiting_process(path) == os.getpid():
            sign.unlink(missing_ok=True)


def _try_open(
    path: Path, shown: str, settings: Settings, *, read_only: bool
) -> tuple[duckdb.DuckDBPyConnection | None, Holder]:
    if path in _WRITERS:
        return None, Holder(command=f"engagectl {_WRITERS[path]}", pid=os.getpid())
    try:
        return duckdb.connect(str(path), read_only=read_only, config=settings), Holder(command="")
    except duckdb.IOException as error:
        held = re.search(r"Conflicting lock is held.*?\(PID (\d+)\)", str(error), re.DOTALL)
        if held:
            return None, Holder(command=command_of(int(held[1])), pid=int(held[1]))
        if "Could not set lock" in str(error):
            return None, Holder(command="another process")
        raise ConnectError(
            f"{shown} cannot be opened: {_why_not(path)}", help="check the path and its rights"
        ) from None
    except duckdb.ConnectionException:
        return None, Holder(command="this process", pid=os.getpid())
    except duckdb.Error:
        raise ConnectError(
            f"{shown} cannot be opened by DuckDB {duckdb.__version__}",
            help="a file of a newer DuckDB, or of another program? Move it away or name another path",
        ) from None


def _why_not(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if not os.access(path, os.R_OK):
        return "it may not be read"
    if not os.access(path, os.W_OK):
        return "it may not be written"
    return "it is not a DuckDB database, or is damaged"
