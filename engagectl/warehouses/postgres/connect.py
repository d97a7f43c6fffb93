"""Open a PostgreSQL session and run statements on it. The lock of a journal is an advisory lock of the session."""

import contextlib
import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engagectl.errors import (
    ConnectError,
    EngagectlError,
    InternalError,
    LockHeld,
    StatementError,
    TransientError,
    ValueRefused,
)
from engagectl.warehouses.contract import BATCH_ROWS, Holder, T
from engagectl.warehouses.listed import Listed, listed_columns
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    import psycopg

    from engagectl.config.resolve import Secret

POLL_S = 0.2
CONNECT_TIMEOUT_S = 10
_FIELDS = ("host", "port", "database", "user", "password", "sslmode", "dsn")
_LIBPQ_NAMES = {"database": "dbname"}
NAME_BYTES = 63  # NAMEDATALEN - 1: an application_name is cut there
_TAG = re.compile(r"engagectl (\S+(?: (?!\w+=)\S+)*)(?: pid=(\d+))?(?: target=\S+)?(?: commit=\S+)?(?: host=(\S+))?")

_SETTINGS = (
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("search_path", "pg_catalog"),  # every name of ours is qualified: no object of the database can slip in
    ("jit", "off"),
    ("standard_conforming_strings", "on"),
    ("extra_float_digits", "1"),  # the shortest text that reads back
    ("random_page_cost", "1.1"),  # what a few new messages touch is looked up, not searched for in all that is stored
    ("work_mem", "64MB"),  # the fold of 100,000 users is joined in memory
)


def connect(
    spec: object,
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
) -> "PostgresConnection":
    """Open a session. `root` and `lock_timeout_s` are other warehouses': nothing here is a file, the lock comes later.

    Raises ConnectError, which names the server but never a password.
    """
    del root, lock_timeout_s
    try:
        import psycopg
    except ImportError:
        raise ConnectError(
            "the PostgreSQL driver is not installed", code="EC502", help="pip install 'engagectl[postgres]'"
        ) from None
    parameters = connection_parameters(spec, secrets)
    tag = Tag(command=command, target=target, commit=commit)
    parameters["application_name"] = tag.text(NAME_BYTES)

    def open_session() -> "psycopg.Connection[tuple[Any, ...]]":
        try:
            with _without_libpq_variables():
                return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise _cannot_connect(error, parameters, secrets) from None

    handle = open_session()
    connection = PostgresConnection(handle, id, read_only=read_only, tag=tag, open_session=open_session)
    connection.memory_mb = memory_mb
    try:
        connection.prepare_session()
    except EngagectlError:
        handle.close()
        raise
    return connection


def connection_parameters(spec: object, secrets: "Mapping[str, Secret | str]") -> dict[str, Any]:
    """Return libpq's parameters. Unless the server is local, its certificate must be valid and name it."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    said: dict[str, Any] = {}
    for field in _FIELDS:
        value = secrets.get(field, getattr(spec, field, None))
        if field in secrets or isinstance(value, str | int):  # else it is optional, and its variable is not set
            said[_LIBPQ_NAMES.get(field, field)] = _reveal(value)
    dsn = said.pop("dsn", None)
    if dsn is not None:
        try:
            said = {**conninfo_to_dict(dsn), **said}
        except psycopg.Error:
            raise ConnectError(
                "the dsn cannot be read",
                help="it is postgresql://user:password@host:port/database or host=... dbname=... user=...",
            ) from None
    if not _is_local(said):
        said.setdefault("sslmode", "verify-full")
        if said["sslmode"] == "verify-full" and not _has_root_certificate():
            said.setdefault("sslrootcert", "system")
    said.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    return said


def _reveal(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else str(value.reveal())


def _is_local(said: Mapping[str, Any]) -> bool:
    """Tell whether the server is on this machine. What a service file names is not known; an address beats the name."""
    from engagectl.config.warehouse import is_local_host

    return "service" not in said and is_local_host(str(said.get("hostaddr") or said.get("host") or ""))


_NOT_TAKEN = (
    *("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"),
    *("PGSERVICE", "PGSERVICEFILE"),
)


@contextlib.contextmanager
def _without_libpq_variables() -> Iterator[None]:
    """Hide from libpq what says where to go and as whom: it would send PGPASSWORD to whatever host the YAML names."""
    hidden = {name: os.environ.pop(name) for name in _NOT_TAKEN if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _has_root_certificate() -> bool:
    return "PGSSLROOTCERT" in os.environ or (Path.home() / ".postgresql" / "root.crt").exists()


class PostgresConnection:
    """`handle` is for the loader of this folder only."""

    def __init__(
        self,
        handle: "psycopg.Connection[tuple[Any, ...]]",
        id: str,
        *,
        read_only: bool,
        tag: Tag,
        open_session: "Callable[[], psycopg.Connection[tuple[Any, ...]]]",
    ) -> None:
        self.handle = handle
        self._open_session = open_session
        self.memory_mb = 512
        self.warehouse = id
        self.read_only = read_only
        self.version = f"PostgreSQL {handle.info.parameter_status('server_version')}"
        self.queries = self.rows_read = 0
        self.text_bytes: int | None = None
        self._tag = tag
        self._waiting_key: int | None = None
        self._listed = Listed(self)

    def prepare_session(self) -> None:
        """Set what every session of ours has, in one trip."""
        wanted = (*_SETTINGS, ("default_transaction_read_only", "on" if self.read_only else "off"))
        calls = ", ".join("set_config(?, ?, false)" for _ in wanted)
        self.query(f"SELECT {calls}", [text for pair in wanted for text in pair])
        with contextlib.suppress(StatementError):  # before 14, and on systems without that kind of poll
            self.query("SELECT set_config('client_connection_check_interval', '500ms', false)")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        with _told_safely(sql):
            found = self._run(sql, parameters).fetchall()
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        found: list[T] = []
        with _told_safely(sql):
            result = self._run(sql, parameters)
            while batch := result.fetchmany(BATCH_ROWS):
                found.extend(itertools.starmap(make, batch))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        began = time.perf_counter()
        with _told_safely(sql):
            rows = max(self._run(sql, parameters).rowcount, 0)
        executed(self.warehouse, sql, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            began = time.perf_counter()
            with _told_safely(sql), self.handle.cursor() as cursor:
                cursor.executemany(with_percents(sql).encode(), [list(row) for row in rows])
            executed(self.warehouse, sql, rows=len(rows), began=began)

    def _run(self, sql: str, parameters: Sequence[object]) -> "psycopg.Cursor[tuple[Any, ...]]":
        if not parameters:
            return self.handle.execute(sql.encode())
        return self.handle.execute(with_percents(sql).encode(), list(parameters))

    def begin(self) -> None:
        self.execute("BEGIN")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction, if one is open. A lost session has ended it already."""
        from psycopg import pq

        if not self.handle.closed and self.handle.info.transaction_status != pq.TransactionStatus.IDLE:
            with contextlib.suppress(TransientError):
                self.execute("ROLLBACK")

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the advisory lock, polling. A waiter shares a second one, which the holder can see."""
        if self.read_only:
            raise InternalError(f"the journal {name!r} cannot be locked in a read-only session")
        key, waiting = lock_keys(name)
        command = holder.command.removeprefix("engagectl ") or self._tag.command
        tag = replace(self._tag, command=command, pid=os.getpid(), host=holder.host)
        self.query("SELECT set_config('application_name', ?, false)", (tag.text(NAME_BYTES),))
        until = time.monotonic() + timeout_s
        signed = False
        try:
            while not self.query("SELECT pg_try_advisory_lock(?)", (key,))[0][0]:
                if time.monotonic() >= until:
                    who = self._holder_of(key) or "a session that has just ended"
                    raise LockHeld(
                        f"the journal {name!r} in warehouse {self.warehouse!r} is in use by {who}",
                        help="wait for it to end, or give it more time with --lock-timeout",
                    )
                if not signed:
                    self.query("SELECT 1 FROM pg_advisory_lock_shared(?)", (waiting,))
                    signed = True
                time.sleep(POLL_S)
            self._waiting_key = waiting
        finally:
            if signed:
                self.query("SELECT pg_advisory_unlock_shared(?)", (waiting,))

    def recover(self) -> bool:
        from psycopg import pq

        if self.handle.info.transaction_status == pq.TransactionStatus.IDLE and not self.handle.closed:
            with contextlib.suppress(TransientError):
                self.query("SELECT 1")
                return False
        self.handle.close()
        self.handle = self._open_session()
        self.prepare_session()
        return True

    def somebody_waits(self) -> bool:
        if self._waiting_key is None:
            return False
        high, low = _halves(self._waiting_key)
        return bool(self.query(_WAITERS, (high, low))[0][0])

    def has_table(self, schema: str, table: str) -> bool:
        return self._listed.has(schema, table)

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        return listed_columns(self, schema, table)

    def lock_holder(self, name: str) -> Holder | None:
        return self._holder_of(lock_keys(name)[0])

    def _holder_of(self, key: int) -> Holder | None:
        high, low = _halves(key)
        found = self.query(_HOLDERS, (high, low))
        if not found:
            return None
        application, pid, address, user, since = found[0]
        tag = _TAG.match(application or "")
        if tag is None:
            return Holder(command=application or "", pid=pid, host=address or "", user=user or "", since=since or "")
        return Holder(
            command=f"engagectl {tag[1]}",
            pid=int(tag[2] or pid),
            host=tag[3] or address or "",
            user=user or "",
            since=since or "",
        )

    def close(self) -> None:
        self.handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_OF_KEY = """
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
JOIN pg_database AS d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND d.datname = current_database() AND l.classid = CAST(? AS bigint) AND l.objid = CAST(? AS bigint)
"""
_WAITERS = f"SELECT count(*) > 0 {_OF_KEY} AND l.pid <> pg_backend_pid()"
_HOLDERS = f"""
SELECT
  a.application_name, a.pid, host(a.client_addr), a.usename,
  to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
{_OF_KEY} AND l.mode = 'ExclusiveLock'
"""


def lock_keys(name: str) -> tuple[int, int]:
    """Return the key of a journal's lock and the key that those who wait for it share."""
    digest = hashlib.sha256(f"engagectl journal {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True), int.from_bytes(digest[8:16], signed=True)


def _halves(key: int) -> tuple[int, int]:
    """pg_locks shows a key of 64 bits as two unsigned numbers of 32."""
    unsigned = key & 0xFFFF_FFFF_FFFF_FFFF
    return unsigned >> 32, unsigned & 0xFFFF_FFFF


_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*'            # text
    | "(?:[^"]|"")*"            # a name
    | \$(\w*)\$.*?\$\1\$        # dollar-quoted text
    | --[^\n]*
    | /\*.*?\*/
    | [?%]
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=512)
def with_percents(sql: str) -> str:
    """Return the statement with psycopg's `%s` for each `?` outside of texts, names and comments."""
    return _TOKEN.sub(lambda found: "%s" if found[0] == "?" else found[0].replace("%", "%%"), sql)


@contextlib.contextmanager
def _told_safely(sql: str) -> Iterator[None]:
    """Turn psycopg's errors into ours. Chained errors would carry the values along, so the chain is cut."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise _as_ours(error, sql) from None


_TRANSIENT_CLASSES = ("08", "40", "53", "57")
_SAFE_CLASSES = ("0A", "25", "2B", "3D", "3F", "42", "54", "55")
"""Classes whose primary message speaks of names only: a value stands in the detail at most, which is not taken."""


def _as_ours(error: "psycopg.Error", sql: str) -> EngagectlError:
    import psycopg

    state = error.sqlstate or ""
    if state == "55P03" or state[:2] in _TRANSIENT_CLASSES:
        return TransientError(f"PostgreSQL: {_primary(error)} ({state})", help="run it again")
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return TransientError("PostgreSQL: the connection was lost", help="run it again")
    if state == "42501":
        return StatementError(
            f"PostgreSQL: {_primary(error)}", sql=sql, sqlstate=state, help="engagectl doctor lists the missing grants"
        )
    if state[:2] == "23":
        return ValueRefused(f"PostgreSQL: {_primary(error)}", sql=sql, sqlstate=state)
    if state[:2] in _SAFE_CLASSES:
        return StatementError(f"PostgreSQL: {_primary(error)}", sql=sql, sqlstate=state)
    if state[:2] == "22":
        return ValueRefused("PostgreSQL: a value does not fit the type of its column", sql=sql, sqlstate=state)
    return StatementError(
        f"PostgreSQL refused the statement ({state or type(error).__name__})", sql=sql, sqlstate=state
    )


def _primary(error: "psycopg.Error") -> str:
    return error.diag.message_primary or type(error).__name__


_REASONS = (
    ("password authentication failed", "the user or the password is wrong"),
    ("root certificate file", "no authority to check its certificate by: PGSSLROOTCERT, or ~/.postgresql/root.crt"),
    ("no password supplied", "the server asks for a password and none is set"),
    ("no pg_hba.conf entry", "the server does not let this user in from here"),
    ("does not exist", "the database or the user does not exist"),
    ("translate host name", "the host's name is not known"),
    ("refused", "nothing listens there"),
    ("timeout", f"no answer within {CONNECT_TIMEOUT_S} s"),
    ("certificate", "the server's certificate is not valid for it"),
    ("SSL", "the encrypted connection could not be made"),
    ("too many", "the server has no connection left"),
    ("starting up", "the server is starting up"),
    ("No such file", "no server listens in that socket folder"),
)


def _cannot_connect(
    error: "psycopg.Error", parameters: Mapping[str, Any], secrets: "Mapping[str, Secret | str]"
) -> EngagectlError:
    """Say why in our words: the driver's text may repeat what the dsn holds.

    What came by reference is not shown: a password with an `@` in a dsn would end up in the host.
    """
    text = str(error)
    reason = next((words for sign, words in _REASONS if sign in text), "the connection failed")
    shown = {
        name: "(by reference)" if not isinstance(secrets.get(name, ""), str) else parameters.get(libpq)
        for name, libpq in (("host", "host"), ("port", "port"), ("database", "dbname"))
    }
    if not isinstance(secrets.get("dsn", ""), str):
        server = "the server of the dsn"
    else:
        host, port = shown["host"] or "the local socket", shown["port"] or 5432
        server = f"{host}:{port}, database {shown['database'] or ''!r}"
    return ConnectError(
        f"PostgreSQL at {server}: {reason}",
        help="check host, port, database, user, password and sslmode of the warehouse",
    )
