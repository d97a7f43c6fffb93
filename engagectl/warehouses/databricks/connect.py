"""Open a Databricks session by the vendor's connector and run statements on it."""

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from engagectl.errors import ConnectError, EngagectlError, InternalError, StatementError, TransientError
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import BATCH_ROWS, Holder, T
from engagectl.warehouses.databricks.batches import batches
from engagectl.warehouses.databricks.dialect import literal, quoted, statement
from engagectl.warehouses.databricks.failure import as_ours, cannot_connect
from engagectl.warehouses.databricks.lease import SQL
from engagectl.warehouses.databricks.oauth import MachineToMachine
from engagectl.warehouses.databricks.pending import Transaction, finish
from engagectl.warehouses.lease import Keeper
from engagectl.warehouses.listed import is_listed, listed_columns
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

SOCKET_TIMEOUT_S = 900
ATTEMPTS_S = 300  # how long a request is tried again: a SQL warehouse that was stopped needs some minutes to start
_LOCAL = ("localhost", "127.0.0.1", "::1")
_READS = ("SELECT", "SHOW", "WITH", "DESCRIBE", "LIST")


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
) -> "DatabricksConnection":
    """Open a session. `root` and `lock_timeout_s` are other warehouses'.

    Raises ConnectError, which names the host but never a secret.
    """
    del root, lock_timeout_s
    try:
        from databricks import sql as driver
    except ImportError:
        raise ConnectError(
            "the Databricks connector is not installed", code="EC502", help="pip install 'engagectl[databricks]'"
        ) from None
    keep_quiet()
    tag = Tag(command=command, target=target, commit=commit)
    parameters = connection_parameters(spec, secrets, tag)
    host = str(parameters["server_hostname"])

    def open_session() -> Any:
        try:
            return driver.connect(**parameters)
        except EngagectlError:
            raise
        except Exception as error:  # its transport lets errors of other libraries through
            raise cannot_connect(error, host) from None

    connection = DatabricksConnection(
        open_session(), id, read_only=read_only, tag=tag, open_session=open_session, memory_mb=memory_mb
    )
    try:
        connection.look(str(parameters["catalog"]))
    except EngagectlError:
        connection.close()
        raise
    return connection


def keep_quiet() -> None:
    """Let what the connector logs, statements and their values among it, reach nobody who has not asked for it: without
    a handler Python writes its warnings and errors to standard error.
    """
    logger = logging.getLogger("databricks")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def connection_parameters(spec: object, secrets: "Mapping[str, Secret | str]", tag: Tag) -> dict[str, Any]:
    """Return the connector's parameters: where, by which way of signing in, and what the session is called."""
    said = {name: _reveal(value) for name, value in secrets.items()}
    for field in ("host", "http_path", "catalog"):
        if not said.get(field):
            said[field] = str(getattr(spec, field, "") or "")
    host, origin = _endpoint(said["host"])
    found: dict[str, Any] = {
        "server_hostname": host,
        "http_path": said["http_path"],
        "catalog": said["catalog"],
        "user_agent_entry": "engagectl",
        "session_configuration": {
            "TIMEZONE": "UTC",
            "ANSI_MODE": "true",
            "QUERY_TAGS": ",".join(f"{name}:{value}" for name, value in tag.labels()),
        },
        "enable_telemetry": False,
        "_socket_timeout": SOCKET_TIMEOUT_S,
        "_retry_stop_after_attempts_duration": ATTEMPTS_S,
        **_sign_in(said, secrets, origin),
    }
    if origin.startswith("http://"):
        found["_connection_uri"] = f"{origin}/{said['http_path'].lstrip('/')}"
    return found


def _endpoint(host: str) -> tuple[str, str]:
    """Return the name of the host, and where it is reached.

    Without encryption only this machine is reached: that is an emulator.
    """
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConnectError("the host cannot be read", help="host: my-workspace.cloud.databricks.com")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ConnectError(
            f"{parts.hostname} would be reached without encryption", help="http:// is for an emulator on this machine"
        )
    port = f":{parts.port}" if parts.port else ""
    return parts.hostname, f"{parts.scheme}://{parts.hostname}{port}"


def _sign_in(said: Mapping[str, str], secrets: "Mapping[str, Secret | str]", origin: str) -> dict[str, Any]:
    if "client_secret" in said:
        secret = secrets["client_secret"]
        if isinstance(secret, str):
            raise InternalError("a client secret is no Secret")
        return {"credentials_provider": MachineToMachine(origin, said["client_id"], secret)}
    if "token" in said:
        return {"access_token": said["token"]}
    raise ConnectError(
        "no way to sign in to Databricks is set",
        help="auth: {method: oauth_m2m, client_id: {$env: ..}, client_secret: {$env: ..}}; method: token works too",
    )


def _reveal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.reveal())


class DatabricksConnection:
    """Databricks knows no read-only session: what one of ours sends is looked at before."""

    def __init__(
        self,
        handle: Any,
        id: str,
        *,
        read_only: bool,
        tag: Tag,
        open_session: Callable[[], Any],
        memory_mb: int,
    ) -> None:
        self._handle = handle
        self._open_session = open_session
        self.warehouse = id
        self.read_only = read_only
        self.memory_mb = memory_mb
        self.version = "Databricks"
        self.catalog = ""
        self.user = ""
        self.queries = self.rows_read = 0
        self.text_bytes: int | None = None
        self._tag = tag
        self.keeper = Keeper(self, SQL)
        self.transaction: Transaction | None = None
        self._columns_of: dict[str, tuple[str, ...]] = {}
        self._is_cut = False
        self._placed: list[str] = []
        self.bytes_put = 0

    def look(self, catalog: str) -> None:
        """Ask who and where we are. Raises ConnectError when the session is in another catalog."""
        ((version, found, user),) = self.query(
            "SELECT current_version().dbsql_version, current_catalog(), current_user()"
        )
        if str(found).lower() != catalog.lower():
            raise ConnectError(
                f"the catalog {catalog} is not there, or may not be used",
                help=f"GRANT USE CATALOG ON CATALOG {quoted(catalog)} TO ..: engagectl doctor --grants sql",
            )
        self.version = f"Databricks SQL {version}" if version else "Databricks"
        self.catalog, self.user = str(found), str(user or "")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        with self._run(self._asked(sql, parameters), sql) as cursor:
            found = [tuple(row) for row in cursor.fetchall()]
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        found: list[T] = []
        with self._run(self._asked(sql, parameters), sql) as cursor:
            while batch := cursor.fetchmany(BATCH_ROWS):
                found.extend(itertools.starmap(make, batch))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def _asked(self, sql: str, parameters: Sequence[object]) -> str:
        text = statement(sql, parameters)
        return text if self.transaction is None else self.transaction.read(text)

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns of a table."""
        if table not in self._columns_of:
            text = f"SELECT * FROM {table} LIMIT 0"
            with self._run(text, text) as cursor:
                self._columns_of[table] = tuple(str(column[0]).lower() for column in cursor.description or ())
        return self._columns_of[table]

    def detail(self, name: TableName) -> dict[str, Any]:
        """Return what DESCRIBE DETAIL tells of a table, by the names of its columns in small letters."""
        self.queries += 1
        text = f"DESCRIBE DETAIL {quoted(name.schema)}.{quoted(name.table)}"
        with self._run(text, text) as cursor:
            names = [str(column[0]).lower() for column in cursor.description or ()]
            found = [tuple(row) for row in cursor.fetchall()]
        self.rows_read += len(found)
        return dict(zip(names, found[0], strict=True)) if found else {}

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement; within a transaction DML is kept for its commit, and its rows are counted by a query."""
        if self.transaction is not None:
            kept = self.transaction.keep(sql, parameters)
            if kept is not None or self.is_rehearsal:
                return kept or 0
        return self._write(statement(sql, parameters), sql)

    def _write(self, text: str, sql: str = "") -> int:
        if self._is_cut:
            raise TransientError("Databricks: a transaction is not finished", help="run it again: it is finished then")
        began = time.perf_counter()
        with self._run(text, sql or text) as cursor:
            rows = _rows_written(cursor)
        executed(self.warehouse, sql or text, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run it for every row, many rows in a statement where it can be: each is a commit of its table."""
        for grouped, values in batches(sql, rows):
            self.execute(grouped, values)

    @contextlib.contextmanager
    def _run(self, text: str, sql: str, **more: Any) -> Iterator[Any]:
        """Run a statement as Databricks reads it; yield the cursor. The connector's errors become ours, which name
        `sql`: chained ones would carry values along.
        """
        if self.transaction is None:
            self.keeper.before_statement()
        if self.read_only and not sql.lstrip().upper().startswith(_READS):
            raise StatementError("Databricks: this session only reads", sql=sql, sqlstate="25006")
        try:
            with contextlib.closing(self._handle.cursor()) as cursor:
                cursor.execute(text, **more)
                yield cursor
        except EngagectlError:
            raise
        except Exception as error:  # its transport lets errors of other libraries through
            raise as_ours(error, sql) from None

    def keep_data(self, sql: str, table: str, *, is_journal: bool = False) -> None:
        """Keep a statement of the loader for the commit; without a transaction, run it. It may be run twice."""
        if self.transaction is not None:
            self.transaction.keep_data(sql, table, is_journal=is_journal)
        else:
            self._write(sql)

    def put(self, path: Path, place: str) -> None:
        """Put a file into a volume; it is removed at the end of the transaction."""
        began = time.perf_counter()
        sql = f"PUT '__input_stream__' INTO {literal(place)} OVERWRITE"
        self._placed.append(place)
        with path.open("rb") as file, self._run(sql, sql, input_stream=file):
            pass
        self.bytes_put += path.stat().st_size
        executed(self.warehouse, sql, rows=0, began=began)

    def run_now(self, sql: str) -> None:
        """Run a statement at once, within a transaction too."""
        self._write(sql)

    def remove(self, place: str) -> None:
        """Remove a file from a volume."""
        self._write(f"REMOVE {literal(place)}")

    def _remove_placed(self) -> None:
        """Remove what was put. What stays, a loader of the next sync removes."""
        placed, self._placed = self._placed, []
        with contextlib.suppress(EngagectlError):
            for place in placed:
                self.remove(place)

    def begin(self) -> None:
        """Begin to keep what is written (pending.py). Without the lock, which its commit needs, it is a rehearsal: what
        is no DML is not done then either.
        """
        self._columns_of.clear()
        journal = self.keeper.lease.journal if self.keeper.lease is not None else ""
        self.transaction = Transaction(connection=self, journal=journal, run=self._write, columns=self.columns)

    @property
    def is_rehearsal(self) -> bool:
        """Tell whether a transaction is open that cannot be committed."""
        return self.transaction is not None and not self.transaction.journal

    def commit(self) -> None:
        """Do what was kept, if the lease is still this session's own. Raises LockHeld when it is not."""
        done, self.transaction = self.transaction, None
        if done is not None:
            if not done.journal:
                raise InternalError("a transaction of Databricks is committed under the lock of a journal alone")
            self.keeper.before_commit()
            try:
                done.commit()
            finally:
                self._is_cut = done.is_written_down
            self._remove_placed()

    def rollback(self) -> None:
        """Forget what was kept. What was written down already is not: it is finished by whoever takes the lock next."""
        self.transaction = None
        if not self._is_cut:
            self._remove_placed()

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's lease, and finish what a transaction left that was cut after its commit."""
        self.keeper.take(name, timeout_s=timeout_s, holder=holder)
        if self.transaction is None:
            finish(self, name, self._write)

    def recover(self) -> bool:
        with contextlib.suppress(EngagectlError):
            if not self._is_cut:
                self.query("SELECT 1")
                return False
        held, self.keeper.lease = self.keeper.lease, None  # it is told of when there is a session again
        self.transaction, self._is_cut, self._placed = None, False, []
        self._close_session()
        self._handle = self._open_session()
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
        self.transaction = None
        self._is_cut = False  # what is written down stands; the lease is given back all the same
        self.keeper.release()
        self._close_session()

    def _close_session(self) -> None:
        with contextlib.suppress(Exception):  # a session that is lost cannot be closed
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _rows_written(cursor: Any) -> int:
    """Return what a statement counted: the result of DML has one row, with `num_affected_rows`."""
    heads = [column[0].lower() for column in cursor.description or ()]
    if "num_affected_rows" not in heads:
        return 0
    rows = cursor.fetchall()
    return int(rows[0][heads.index("num_affected_rows")] or 0) if rows else 0
