"""Open a BigQuery project by the vendor's client and run statements in it: each is a job with an id of ours, so that a
repeated request finds the job that is there. Statements of a transaction share a session.
"""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from engagectl.errors import ConnectError, EngagectlError, StatementError, TransientError
from engagectl.model.schema import TableName
from engagectl.warehouses.bigquery.failure import as_ours, cannot_connect
from engagectl.warehouses.bigquery.lease import SQL
from engagectl.warehouses.bigquery.spelling import for_many, spelled
from engagectl.warehouses.contract import Holder, T
from engagectl.warehouses.lease import Keeper
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

if TYPE_CHECKING:
    from engagectl.config.resolve import Secret

CONNECT_TIMEOUT_S = 60
RETRY_S = 600
"""How long a request is tried again while BigQuery answers that it is busy or over a rate: several changes of one table
in ten seconds are ("Quotas and limits": metadata update operations of a table)."""
PARAMETERS = 5_000  # "Quotas and limits": a query has at most 10,000
AT_ONCE = 8
"""Tables looked up at a time; the client's pool has ten connections."""

_LOCAL = ("localhost", "127.0.0.1", "::1")
_READS = ("SELECT", "WITH")


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
) -> "BigQueryConnection":
    """Open a client, and see that it may run jobs. `root`, `lock_timeout_s` and `memory_mb` are other warehouses'.

    Raises ConnectError, which names the project but never a secret.
    """
    del root, lock_timeout_s, memory_mb
    try:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery
    except ImportError:
        raise ConnectError(
            "the BigQuery client is not installed", code="EC502", help="pip install 'engagectl[bigquery]'"
        ) from None
    said = {name: _reveal(value) for name, value in secrets.items()}
    project = said.get("project") or str(getattr(spec, "project", "") or "")
    location = said.get("location") or None
    endpoint = endpoint_of(said.get("host"))
    try:
        client = bigquery.Client(
            project=project,
            location=location,
            credentials=_credentials(said, endpoint),
            client_options={"api_endpoint": endpoint} if endpoint else None,
        )
    except GoogleAuthError as error:
        raise cannot_connect(error, project) from None
    connection = BigQueryConnection(
        client,
        id,
        project=project,
        read_only=read_only,
        tag=Tag(command=command, target=target, commit=commit),
        max_bytes=int(said["maximum_bytes_billed"]) if said.get("maximum_bytes_billed") else None,
    )
    try:
        connection.look()
    except EngagectlError:
        connection.close()
        raise
    return connection


def endpoint_of(host: str | None) -> str:
    """Return where BigQuery is reached when that is not its usual place.

    Without encryption only this machine is reached: that is an emulator.
    """
    if not host:
        return ""
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConnectError("the host cannot be read", help="host: NAME, or NAME:PORT")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ConnectError(
            f"{parts.hostname} would be reached without encryption", help="http:// is for an emulator on this machine"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _credentials(said: Mapping[str, str], endpoint: str) -> Any:
    """Return who we are: a service account, a token, or None for what this machine is signed in with.

    An emulator gets no credentials: what is not encrypted carries none.
    """
    if endpoint.startswith("http://"):
        from google.auth.credentials import AnonymousCredentials

        return AnonymousCredentials()
    if "json" in said:
        return _service_account(said["json"])
    if "token" in said:
        from google.oauth2.credentials import Credentials

        return Credentials(said["token"])
    for field in ("password", "private_key", "client_secret"):
        if field in said:
            raise ConnectError(
                "BigQuery cannot be signed in to this way",
                help="auth: {method: service_account, json: {$file: ..}}, or {method: default}, or a token",
            )
    return None


def _service_account(text: str) -> Any:
    """Return the credentials of a key. Raises ConnectError, which tells nothing of the key."""
    from google.oauth2 import service_account

    try:
        info = json.loads(text)
        return service_account.Credentials.from_service_account_info(
            info, scopes=["https://www.googleapis.com/auth/bigquery"]
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        raise ConnectError(
            "the key of the service account cannot be read",
            help="it is the text of the JSON file that `gcloud iam service-accounts keys create` writes, whole",
        ) from None


def _reveal(value: Any) -> str:
    return value if isinstance(value, str) else str(value.reveal())


class BigQueryConnection:
    """BigQuery knows no read-only session: what one of ours sends is looked at before."""

    def __init__(
        self, client: Any, id: str, *, project: str, read_only: bool, tag: Tag, max_bytes: int | None = None
    ) -> None:
        self.client = client
        self.warehouse = id
        self.project = project
        self.read_only = read_only
        self.version = "BigQuery"
        self.user = ""
        self.queries = self.rows_read = 0
        self._labels = dict(tag.labels())
        self._max_bytes = max_bytes
        self._session: str | None = None
        self._in_transaction = False
        self.keeper = Keeper(self, SQL)

    def look(self) -> None:
        """Ask who we are: a job that reads nothing. Raises ConnectError when no job can be run."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        try:
            ((user,),) = self._rows("SELECT SESSION_USER()", (), timeout_s=CONNECT_TIMEOUT_S)
        except (GoogleAPICallError, GoogleAuthError, RetryError, RequestException) as error:
            raise cannot_connect(getattr(error, "cause", None) or error, self.project) from None
        self.user = str(user or "")

    # --- statements ---------------------------------------------------------------

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.queries += 1
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql):
            found = list(self._rows(sql, parameters))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        self.queries += 1
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql):
            found = list(itertools.starmap(make, self._rows(sql, parameters)))
        self.rows_read += len(found)
        executed(self.warehouse, sql, rows=len(found), began=began)
        return found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql):
            job = self._job(sql, parameters)
            rows = int(job.num_dml_affected_rows or 0)
        executed(self.warehouse, sql, rows=rows, began=began)
        return rows

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        size = max(PARAMETERS // max(len(rows[0]), 1), 1) if rows else 1
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            together = for_many(sql, len(some))
            if together is not None:
                self.execute(together, [value for row in some for value in row])
                continue
            for row in some:
                self.execute(sql, row)

    def _rows(self, sql: str, parameters: Sequence[object], timeout_s: float = RETRY_S) -> Iterator[tuple[Any, ...]]:
        for row in self._job(sql, parameters, timeout_s=timeout_s).result():
            yield tuple(row.values())

    def _job(self, sql: str, parameters: Sequence[object], timeout_s: float = RETRY_S, session: bool = True) -> Any:
        """Run a statement to its end. The client gives the job an id, and one sent again is answered by that job."""
        from google.cloud import bigquery
        from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

        text, bound = spelled(sql, parameters)
        values: list[Any] = list(bound)
        config = bigquery.QueryJobConfig(
            query_parameters=[bigquery.ScalarQueryParameter(None, _type_of(value), value) for value in values],
            labels=self._labels,
        )
        if self._max_bytes is not None:
            config.maximum_bytes_billed = self._max_bytes
        if session and self._session is not None:
            config.connection_properties = [bigquery.ConnectionProperty("session_id", self._session)]
        elif session and sql == _BEGIN:
            config.create_session = True
        job = self.client.query(
            text,
            job_config=config,
            retry=DEFAULT_RETRY.with_timeout(timeout_s),
            job_retry=DEFAULT_JOB_RETRY.with_timeout(timeout_s),
        )
        job.result()
        return job

    def _prepare(self, sql: str) -> None:
        if not self._in_transaction:
            self.keeper.before_statement()
        if self.read_only and not sql.lstrip().upper().startswith(_READS):
            raise StatementError("BigQuery: this session only reads", sql=sql, sqlstate="25006")

    @contextlib.contextmanager
    def _told_safely(self, sql: str = "") -> Iterator[None]:
        """Turn the client's errors into ours. Chained errors would carry values along, so the chain is cut."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        try:
            yield
        except RetryError as error:
            raise as_ours(error.cause, sql) from None
        except (GoogleAPICallError, RequestException) as error:
            raise as_ours(error, sql) from None
        except GoogleAuthError:
            raise TransientError(
                "BigQuery: the credentials are not let in any more", help="sign in again, and run it again"
            ) from None

    # --- transactions -------------------------------------------------------------

    def begin(self) -> None:
        """Open a transaction, in the session that the first one makes ("Multi-statement transactions", "Sessions")."""
        self._prepare(_BEGIN)
        with self._told_safely(_BEGIN):
            job = self._job(_BEGIN, ())
            if self._session is None:
                self._session = str(job.session_info.session_id)
        self._in_transaction = True

    def commit(self) -> None:
        """Commit, if the lease that the session holds is still its own. Raises LockHeld when it is not."""
        self.keeper.before_commit()
        self.execute("COMMIT TRANSACTION")
        self._in_transaction = False

    def rollback(self) -> None:
        """End the transaction, if one is open. A lost session has ended it already."""
        if self._in_transaction:
            with contextlib.suppress(EngagectlError):
                self.execute("ROLLBACK TRANSACTION")
        self._in_transaction = False

    # --- what is there ------------------------------------------------------------

    def datasets(self) -> tuple[str, ...]:
        self.queries += 1
        with self._told_safely():
            return tuple(one.dataset_id for one in self.client.list_datasets(self.project))

    def table_names(self, dataset: str) -> tuple[TableName, ...] | None:
        """Return the tables and views of a dataset; None where it is not there."""
        from google.api_core.exceptions import NotFound

        self.queries += 1
        with self._told_safely():
            try:
                listed = list(self.client.list_tables(f"{self.project}.{dataset}"))
            except NotFound:
                return None
        return tuple(TableName(dataset, one.table_id) for one in listed)

    def table(self, name: TableName) -> Any | None:
        """Return the client's Table, with what the metadata says of it; None where it is not there."""
        from google.api_core.exceptions import NotFound

        self.queries += 1
        with self._told_safely():
            try:
                return self.client.get_table(f"{self.project}.{name.schema}.{name.table}")
            except NotFound:
                return None

    def tables(self, names: Sequence[TableName]) -> tuple[tuple[TableName, Any | None], ...]:
        """Return what `table` does for each, several looked up at a time."""
        if not names:
            return ()
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(names))) as pool:
            return tuple(zip(names, pool.map(self.table, names), strict=True))

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        found = self.table(TableName(schema, table))
        return tuple(field.name.lower() for field in found.schema) if found is not None else ()

    def has_table(self, schema: str, table: str) -> bool:
        return self.table(TableName(schema, table)) is not None

    def allowed(self, names: Sequence[TableName], permissions: Sequence[str]) -> dict[TableName, frozenset[str]]:
        """Return which of the permissions we have on each table."""
        found = {}
        for name in names:
            self.queries += 1
            with self._told_safely():
                answer = self.client.test_iam_permissions(f"{self.project}.{name.schema}.{name.table}", permissions)
            found[name] = frozenset(answer.get("permissions", ()))
        return found

    # --- the lock -----------------------------------------------------------------

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's lease. It is renewed while statements run, and ends with the session."""
        self.keeper.take(name, timeout_s=timeout_s, holder=holder)

    def lock_holder(self, name: str) -> Holder | None:
        return self.keeper.holder(name)

    def somebody_waits(self) -> bool:
        """Nobody leaves a sign: those who wait look at the row now and then."""
        return False

    def recover(self) -> bool:
        """Requests stand alone; a session that is gone took its transaction along."""
        if self._session is None:
            return False
        try:
            self.query("SELECT 1")
        except EngagectlError:
            self._session, self._in_transaction = None, False
            self.keeper.release()
            return True
        return False

    def close(self) -> None:
        self.keeper.release()
        if self._session is not None:
            with contextlib.suppress(EngagectlError):
                self._end_session()
        self.client.close()

    def _end_session(self) -> None:
        with self._told_safely():
            self._job("CALL BQ.ABORT_SESSION()", ())  # "Sessions": ends its transaction, too
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_BEGIN = "BEGIN TRANSACTION"


def _type_of(value: object) -> str:
    """Return the type of a bound value. Text is taken for dates and times too ("Parameter type coercion")."""
    match value:
        case bool():
            return "BOOL"
        case int():
            return "INT64"
        case float():
            return "FLOAT64"
        case _:
            return "STRING"
