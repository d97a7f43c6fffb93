"""Open a Redshift session by AWS's driver and run statements on it. The lock of a journal is a lease row."""

import contextlib
import itertools
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engagectl.errors import ConnectError, EngagectlError, StatementError
from engagectl.warehouses.contract import BATCH_ROWS, Holder, T
from engagectl.warehouses.lease import Keeper
from engagectl.warehouses.listed import is_listed, listed_columns
from engagectl.warehouses.redshift.address import parameters, said_fields, where
from engagectl.warehouses.redshift.column_types import MAX_TEXT_BYTES
from engagectl.warehouses.redshift.failure import as_ours, cannot_connect, lost
from engagectl.warehouses.redshift.lease import SQL
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

NAME_BYTES = 63  # "Connection parameters" name no limit; what a server of PostgreSQL's family keeps
GROUP_BYTES = 320  # "STL_QUERY": the label of a query group
BIND_MAX = 32_767  # the driver's, of one statement
_SETTINGS = (
    "SET timezone TO 'UTC'",
    "SET datestyle TO 'ISO, YMD'",
    "SET enable_case_sensitive_identifier TO off",  # quoted names fold to lower case, as everywhere by default
    "SET extra_float_digits TO 2",
)
_READS = ("SELECT", "SHOW", "WITH", "SET")


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
) -> "RedshiftConnection":
    """Open a session. `root` and `lock_timeout_s` are other warehouses'.

    Raises ConnectError, which names the server but never a password.
    """
    del root, lock_timeout_s
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries that the driver brings along
            import redshift_connector as driver
            from redshift_connector.cursor import Cursor
    except ImportError:
        raise ConnectError(
            "the Redshift driver is not installed", code="EC502", help="pip install 'engagectl[redshift]'"
        ) from None
    said = said_fields(spec, secrets)
    known = parameters(said)
    tag = Tag(command=command, target=target, commit=commit)
    known |= {"application_name": tag.text(NAME_BYTES), "max_prepared_statements": 0}  # no plan outlives its table

    def open_session() -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                handle: Any = driver.connect(**known)
        except Exception as error:  # boto3's and the socket's come through as they are
            raise cannot_connect(error, where(said, secrets)) from None
        handle.autocommit = True  # transactions are begun by name
        handle.cursor = lambda: Cursor(handle, paramstyle="qmark")
        handle._usock.settimeout(None)  # noqa: SLF001  the timeout is for connecting; a load takes what it takes
        return handle

    connection = RedshiftConnection(open_session(), id, read_only=read_only, tag=tag, open_session=open_session)
    connection.memory_mb = memory_mb
    connection.staging, connection.iam_role = said.get("staging", ""), said.get("iam_role", "")
    try:
        connection.prepare_session()
    except EngagectlError:
        connection.close()
        raise
    return connection


class RedshiftConnection:
    """Redshift knows no read-only session: what one of ours sends is looked at before."""

    def __init__(self, handle: Any, id: str, *, read_only: bool, tag: Tag, open_session: Callable[[], Any]) -> None:
        self._handle = handle
        self._open_session = open_session
        self.memory_mb = 512
        self.staging = self.iam_role = ""
        self.warehouse = id
        self.read_only = read_only
        self.version = "Redshift"
        self.queries = self.rows_read = 0
        self.text_bytes: int | None = MAX_TEXT_BYTES
        self._tag = tag
        self.keeper = Keeper(self, SQL)
        self._in_transaction = False

    def prepare_session(self) -> None:
        """Set what every session of ours has: UTC, and a label that the cluster's query history shows."""
        for setting in (*_SETTINGS, f"SET query_group TO {text_sql(self._tag.text(GROUP_BYTES))}"):
            self._run(setting, ())
        ((version,),) = self.query("SELECT version()")
        found = re.search(r"Redshift ([0-9.]+)", str(version))
        self.version = f"Redshift {found[1]}" if found else "Redshift"

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        self._check(sql)
        with contextlib.closing(self._run(sql, parameters)) as cursor:
            found = [tuple(row) for row in cursor.fetchall()]
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        self._check(sql)
        found: list[T] = []
        with self._told_safely(sql), contextlib.closing(self._run(sql, parameters)) as cursor:
            while batch := cursor.fetchmany(BATCH_ROWS):
                found.extend(itertools.starmap(make, batch))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        began = time.perf_counter()
        self._check(sql)
        with contextlib.closing(self._run(sql, parameters)) as cursor:
            rows = max(int(cursor.rowcount), 0)
        executed(self.warehouse, sql, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run it for each row. What inserts goes in statements of many rows: a trip each would take for ever."""
        if not rows:
            return
        began = time.perf_counter()
        self._check(sql)
        head, marks = _insert_of(sql)
        step = max(min(BATCH_ROWS, BIND_MAX // max(len(rows[0]), 1)), 1) if marks else 1
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            text = f"{head} VALUES {', '.join([marks] * len(some))}" if marks else sql
            self._run(text, [value for row in some for value in row]).close()
        executed(self.warehouse, sql, rows=len(rows), began=began)

    def _run(self, sql: str, parameters: Sequence[object]) -> Any:
        with self._told_safely(sql):
            cursor = self._handle.cursor()
            cursor.execute(sql, list(parameters) or None)
            return cursor

    def _check(self, sql: str) -> None:
        if not self._in_transaction:
            self.keeper.before_statement()
        if self.read_only and not sql.lstrip().upper().startswith(_READS):
            raise StatementError("Redshift: this session only reads", sql=sql, sqlstate="25006")

    @contextlib.contextmanager
    def _told_safely(self, sql: str) -> Iterator[None]:
        """Turn the driver's errors into ours. Chained errors would carry values along, so the chain is cut."""
        try:
            yield
        except (_errors(), *lost()) as error:
            raise as_ours(error, sql) from None

    def begin(self) -> None:
        self.execute("BEGIN")
        self._in_transaction = True

    def commit(self) -> None:
        """Commit, if the lease that the session holds is still its own. Raises LockHeld when it is not."""
        if self._in_transaction:
            self.keeper.before_commit()
            self.execute("COMMIT")
        self._in_transaction = False

    def rollback(self) -> None:
        """End the transaction, if one is open. A lost session has ended it already."""
        if self._in_transaction:
            with contextlib.suppress(EngagectlError):
                self.execute("ROLLBACK")
        self._in_transaction = False

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's lease. It is renewed while statements run, and ends with the session."""
        self.keeper.take(name, timeout_s=timeout_s, holder=holder)

    def recover(self) -> bool:
        with contextlib.suppress(EngagectlError):
            self._run("SELECT 1", ()).close()
            return False
        held, self.keeper.lease = self.keeper.lease, None  # it is told of when there is a session again
        self._close_session()
        self._in_transaction = False
        self._handle = self._open_session()
        self.prepare_session()
        self.keeper.lease = held
        self.keeper.release()
        return True

    def somebody_waits(self) -> bool:
        return self.keeper.somebody_waits()

    def has_table(self, schema: str, table: str) -> bool:
        return is_listed(self, schema, table)

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        return listed_columns(self, schema, table)

    def lock_holder(self, name: str) -> Holder | None:
        return self.keeper.holder(name)

    def close(self) -> None:
        self.rollback()
        self.keeper.release()
        self._close_session()

    def _close_session(self) -> None:
        with contextlib.suppress(_errors(), *lost()):
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _errors() -> type[Exception]:
    from redshift_connector.error import Error

    return Error


_INSERT = re.compile(r"(INSERT INTO .+) VALUES (\(\?(?:, \?)*\))", re.DOTALL)


def _insert_of(sql: str) -> tuple[str, str]:
    """Return what comes before VALUES, and the marks of one row; nothing where it is no such statement."""
    found = _INSERT.fullmatch(sql)
    return (found[1], found[2]) if found else ("", "")


def text_sql(value: str) -> str:
    """Write a text as a literal: Redshift reads a backslash as an escape."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
