"""Open a Snowflake session by the vendor's connector and run statements on it. The lock of a journal is a lease row."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from engagectl.errors import ConnectError, EngagectlError, StatementError
from engagectl.warehouses.contract import BATCH_ROWS, Holder, T
from engagectl.warehouses.lease import Keeper
from engagectl.warehouses.listed import is_listed, listed_columns
from engagectl.warehouses.snowflake.failure import as_ours, cannot_connect
from engagectl.warehouses.snowflake.lease import SQL
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

LOGIN_TIMEOUT_S = 60
TAG_CHARS = 2000  # "Parameters": QUERY_TAG
NETWORK_TIMEOUT_S = 300

_SESSION = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,  # an account may fold quoted names; ours are what they are
    "AUTOCOMMIT": True,
    "ABORT_DETACHED_QUERY": True,  # a statement whose client is gone ends
    "BINARY_OUTPUT_FORMAT": "HEX",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",  # what is loaded is written as ISO 8601, which an account may not expect
    "DATE_INPUT_FORMAT": "AUTO",
    "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0,  # many bound rows would make a stage: DDL, within a transaction
}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_READS = ("SELECT", "SHOW", "WITH", "DESCRIBE")


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
) -> "SnowflakeConnection":
    """Open a session. `root` and `lock_timeout_s` are other warehouses'.

    Raises ConnectError, which names the account but never a secret.
    """
    del root, lock_timeout_s
    try:
        import snowflake.connector as driver
    except ImportError:
        raise ConnectError(
            "the Snowflake connector is not installed", code="EC502", help="pip install 'engagectl[snowflake]'"
        ) from None
    tag = Tag(command=command, target=target, commit=commit)
    parameters = connection_parameters(spec, secrets)
    parameters["session_parameters"] = {**_SESSION, "QUERY_TAG": tag.text(TAG_CHARS)}

    def open_session() -> Any:
        try:
            return driver.connect(**parameters)
        except driver.errors.Error as error:
            raise cannot_connect(error, str(parameters["account"])) from None

    connection = SnowflakeConnection(open_session(), id, read_only=read_only, tag=tag, open_session=open_session)
    connection.memory_mb = memory_mb
    try:
        connection.look()
    except EngagectlError:
        connection.close()
        raise
    return connection


def connection_parameters(spec: object, secrets: "Mapping[str, Secret | str]") -> dict[str, Any]:
    """Return the connector's parameters: who, where, by which way of signing in."""
    said = {name: _reveal(value) for name, value in secrets.items()}
    for field in ("account", "database"):
        if not said.get(field):
            said[field] = str(getattr(spec, field, "") or "")
    found: dict[str, Any] = {
        "account": said["account"],
        "database": said["database"],
        "user": said.get("user"),
        "role": said.get("role"),
        "warehouse": said.get("compute_warehouse"),
        "application": "engagectl",
        "paramstyle": "qmark",  # values are bound by the server
        "login_timeout": LOGIN_TIMEOUT_S,
        "network_timeout": NETWORK_TIMEOUT_S,
        "client_session_keep_alive": True,
        **_endpoint(said.get("host")),
        **_sign_in(said),
    }
    return {name: value for name, value in found.items() if value is not None}


def _endpoint(host: str | None) -> dict[str, Any]:
    """Return where the account is reached when that does not follow from its name.

    Without encryption only this machine is reached: that is an emulator.
    """
    if not host:
        return {}
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConnectError("the host cannot be read", help="host: NAME, or NAME:PORT")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ConnectError(
            f"{parts.hostname} would be reached without encryption", help="http:// is for an emulator on this machine"
        )
    return {"host": parts.hostname, "port": parts.port or (443 if parts.scheme == "https" else 80)} | (
        {"protocol": "http"} if parts.scheme == "http" else {}
    )


def _sign_in(said: Mapping[str, str]) -> dict[str, Any]:
    if "private_key" in said:
        return {"authenticator": "SNOWFLAKE_JWT", "private_key": _der(said["private_key"], said.get("passphrase"))}
    if "token" in said:
        is_oauth = said["token"].count(".") == 2  # a JSON web token has three parts; a programmatic access token none
        return {"authenticator": "OAUTH" if is_oauth else "PROGRAMMATIC_ACCESS_TOKEN", "token": said["token"]}
    if "password" in said:
        return {"password": said["password"]}
    raise ConnectError(
        "no way to sign in to Snowflake is set",
        help="auth: {method: key_pair, user: {$env: ..}, private_key: {$env: ..}}; token and password work too",
    )


def _der(pem: str, passphrase: str | None) -> bytes:
    """Return the private key as the connector wants it. Raises ConnectError, which tells nothing of the key."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError):
        raise ConnectError(
            "the private key of Snowflake cannot be read",
            help="it is the text of a PKCS#8 PEM file, whole; an encrypted one needs its `passphrase`",
        ) from None
    plain = serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain))


def _reveal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.reveal())


class SnowflakeConnection:
    """Snowflake knows no read-only session: what one of ours sends is looked at before."""

    def __init__(self, handle: Any, id: str, *, read_only: bool, tag: Tag, open_session: Callable[[], Any]) -> None:
        self._handle = handle
        self._open_session = open_session
        self.warehouse = id
        self.read_only = read_only
        self.version = "Snowflake"
        self.database = ""
        self.role = ""
        self.queries = self.rows_read = 0
        self.text_bytes: int | None = None
        self.memory_mb = 512
        self.sessions = 0  # opened again so often: what a session keeps for itself is gone each time
        self._tag = tag
        self.keeper = Keeper(self, SQL)
        self._in_transaction = False

    def look(self) -> None:
        """Ask who and where we are. Raises ConnectError when the session has no database."""
        ((version, database, role),) = self.query("SELECT CURRENT_VERSION(), CURRENT_DATABASE(), CURRENT_ROLE()")
        if database is None:
            raise ConnectError(
                "the database of the warehouse is not there, or this role may not use it",
                help="GRANT USAGE ON DATABASE .. TO ROLE ..: engagectl doctor --grants sql",
            )
        self.version, self.database, self.role = f"Snowflake {version}", str(database), str(role or "")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql), contextlib.closing(self._handle.cursor()) as cursor:
            cursor.execute(sql, list(parameters) or None)
            found = [tuple(row) for row in cursor.fetchall()]
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        self._prepare(sql)
        found: list[T] = []
        with self._told_safely(sql), contextlib.closing(self._handle.cursor()) as cursor:
            cursor.execute(sql, list(parameters) or None)
            while batch := cursor.fetchmany(BATCH_ROWS):
                found.extend(itertools.starmap(make, batch))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql), contextlib.closing(self._handle.cursor()) as cursor:
            cursor.execute(sql, list(parameters) or None)
            rows = _rows_written(cursor)
        executed(self.warehouse, sql, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            began = time.perf_counter()
            self._prepare(sql)
            with self._told_safely(sql), contextlib.closing(self._handle.cursor()) as cursor:
                cursor.executemany(sql, [list(row) for row in rows])
            executed(self.warehouse, sql, rows=len(rows), began=began)

    def _prepare(self, sql: str) -> None:
        if not self._in_transaction:
            self.keeper.before_statement()
        if self.read_only and not sql.lstrip().upper().startswith(_READS):
            raise StatementError("Snowflake: this session only reads", sql=sql, sqlstate="25006")

    @contextlib.contextmanager
    def _told_safely(self, sql: str) -> Iterator[None]:
        """Turn the connector's errors into ours. Chained errors would carry values along, so the chain is cut."""
        import snowflake.connector as driver

        try:
            yield
        except driver.errors.Error as error:
            raise as_ours(error, sql) from None

    def begin(self) -> None:
        self.execute("BEGIN TRANSACTION")
        self._in_transaction = True

    def commit(self) -> None:
        """Commit, if the lease that the session holds is still its own. Raises LockHeld when it is not."""
        self.keeper.before_commit()
        self.execute("COMMIT")
        self._in_transaction = False

    def rollback(self) -> None:
        """End the transaction, if one is open. A lost session has ended it already."""
        self._in_transaction = True  # whatever happens now, no lease is renewed on the way
        with contextlib.suppress(EngagectlError):
            self.execute("ROLLBACK")
        self._in_transaction = False

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's lease. It is renewed while statements run, and ends with the session."""
        self.keeper.take(name, timeout_s=timeout_s, holder=holder)

    def recover(self) -> bool:
        with contextlib.suppress(EngagectlError):
            if not self._handle.is_closed():
                self.query("SELECT 1")
                return False
        held, self.keeper.lease = self.keeper.lease, None  # it is told of when there is a session again
        self._in_transaction = False
        self._close_session()
        self._handle = self._open_session()
        self.sessions += 1
        self.look()
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
        self.keeper.release()
        self._close_session()

    def _close_session(self) -> None:
        import snowflake.connector as driver

        with contextlib.suppress(driver.errors.Error):
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _rows_written(cursor: Any) -> int:
    """Return what a DML statement counted: its result has columns such as `number of rows inserted`."""
    heads = [column[0].lower() for column in cursor.description or ()]
    if not any(head.startswith("number of rows") for head in heads):
        return 0
    (counts,) = cursor.fetchall()
    return sum(int(n) for head, n in zip(heads, counts, strict=True) if head.startswith("number of rows"))
