"""A connection to a BigQuery project: each statement is a job with an id of ours, so that a repeated request finds the
job that is there. Statements of a transaction share a session.
"""

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engagectl.errors import EngagectlError, StatementError, TransientError
from engagectl.model.schema import TableName
from engagectl.warehouses.bigquery import clustering, sessions
from engagectl.warehouses.bigquery.failure import as_ours, cannot_connect
from engagectl.warehouses.bigquery.lease import SQL
from engagectl.warehouses.bigquery.spelling import for_many, spelled
from engagectl.warehouses.bigquery.spelling import name as quoted
from engagectl.warehouses.contract import Holder, T
from engagectl.warehouses.lease import Keeper
from engagectl.warehouses.statements import executed
from engagectl.warehouses.tag import Tag

CONNECT_TIMEOUT_S = 60
RETRY_S = 600
"""How long a request is tried again while BigQuery answers that it is busy or over a rate: several changes of one table
in ten seconds are ("Quotas and limits": metadata update operations of a table)."""
PARAMETERS = 5_000  # "Quotas and limits": a query has at most 10,000
AT_ONCE = 8
"""Tables looked up at a time; the client's pool has ten connections."""
_READS = ("SELECT", "WITH")
_BEGIN, _ABORT = "BEGIN TRANSACTION", "CALL BQ.ABORT_SESSION()"


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
        self.text_bytes: int | None = None
        self._labels = dict(tag.labels())
        self._max_bytes = max_bytes
        self._session: str | None = None
        self._in_transaction = self._has_begun = False
        self._waiting: list[tuple[str, int | None]] = []
        self._loaded: list[Any] = []
        self.memory_mb = 512
        self._journal = ""
        self._location: str | None = client.location
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
        if (asked := clustering.asked(sql)) is not None:
            self._cluster(sql, *asked)
            return 0
        began = time.perf_counter()
        if self._in_transaction and not self._has_begun:
            self._begin_now()
        self._prepare(sql)
        with self._told_safely(sql):
            job, _ = self._job(sql, parameters)
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
        for row in self._job(sql, parameters, timeout_s=timeout_s)[1]:
            yield tuple(row.values())

    def _job(
        self, sql: str, parameters: Sequence[object], timeout_s: float = RETRY_S, in_session: bool = True
    ) -> tuple[Any, Any]:
        """Run a statement to its end; return its job and its rows. The client gives the job an id, and one that is sent
        again is answered by that job.
        """
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
        if in_session and self._session is not None and (self._has_begun or sql in (_BEGIN, _ABORT)):
            config.connection_properties = [bigquery.ConnectionProperty("session_id", self._session)]
        elif sql == _BEGIN:
            config.create_session = True
        job = self.client.query(
            text,
            job_config=config,
            location=self._location,
            retry=DEFAULT_RETRY.with_timeout(timeout_s),
            # a failed statement has rolled its transaction back: the same again would be in none
            job_retry=None if in_session and self._has_begun else DEFAULT_JOB_RETRY.with_timeout(timeout_s),
        )
        return job, job.result()

    def _outside(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement that is in no transaction, whatever has begun."""
        return [tuple(row.values()) for row in self._job(sql, parameters, in_session=False)[1]]

    def _prepare(self, sql: str) -> None:
        if not self._has_begun:
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
        """Promise a transaction. It begins with the first statement that cannot wait, or at its commit."""
        self._in_transaction = True

    @property
    def has_begun(self) -> bool:
        """Tell whether a statement of the transaction has run."""
        return self._has_begun

    def later(self, sql: str, *, expected: int | None = None) -> None:
        """Leave a statement for the transaction; `expected` is how many rows it has to write."""
        self._waiting.append((sql, expected))

    def carry_out(self) -> None:
        """Run what waits for the transaction."""
        if self._waiting:
            self._begin_now()

    def commit(self) -> None:
        """Commit, if the lease that the session holds is still its own. Raises LockHeld when it is not."""
        self.keeper.before_commit()
        self._begin_now()
        self.execute("COMMIT TRANSACTION")
        self._end()

    def rollback(self) -> None:
        """End the transaction, if one has begun. A session that cannot be told is left to end by itself."""
        self._waiting.clear()
        if self._has_begun:
            try:
                self.execute("ROLLBACK TRANSACTION")
            except EngagectlError:
                self._session = None
        self._end()

    def _begin_now(self) -> None:
        """Begin what was promised, in the session that the first one makes ("Multi-statement transactions",
        "Sessions"), and run what waits.
        """
        if not self._has_begun:
            with self._told_safely(_BEGIN):
                job, _ = self._job(_BEGIN, ())
                if self._session is None:
                    self._session = str(job.session_info.session_id)
                    if self._journal:
                        sessions.keep(self._outside, self._journal, self._session)
            self._has_begun = True
        waiting, self._waiting = self._waiting, []
        for sql, expected in waiting:
            rows = self.execute(sql)
            if expected is not None and rows != expected:
                raise StatementError(f"BigQuery: {expected} rows were sent, and {rows} were written", sql=sql)

    def _end(self) -> None:
        self._in_transaction = self._has_begun = False
        tables, self._loaded = self._loaded, []
        for table in tables:
            with contextlib.suppress(EngagectlError), self._told_safely():
                self.client.delete_table(table, not_found_ok=True, retry=None)  # else it expires

    def _cluster(self, sql: str, name: TableName, columns: Sequence[str]) -> None:
        began = time.perf_counter()
        self._prepare(sql)
        with self._told_safely(sql):
            clustering.change(self.client, f"{self.project}.{name.schema}.{name.table}", columns)
        executed(self.warehouse, sql, rows=0, began=began)

    # --- tables of one transaction --------------------------------------------------

    def load_files(
        self, table: TableName, columns: Sequence[tuple[str, str]], paths: Sequence[Path], *, expires_s: int
    ) -> int:
        """Make a table and load Parquet files into it, a job each; return how many rows have arrived.

        It is dropped when the transaction ends, and by BigQuery after `expires_s`.
        """
        from google.cloud import bigquery

        began, rows = time.perf_counter(), 0
        self._prepare("LOAD")
        made = bigquery.Table(
            f"{self.project}.{table.schema}.{table.table}",
            schema=[bigquery.SchemaField(name, kind) for name, kind in columns],
        )
        made.expires = datetime.now(UTC) + timedelta(seconds=expires_s)
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            schema=made.schema,
            labels=self._labels,
        )
        with self._told_safely():
            self.client.create_table(made)
            self._loaded.append(made.reference)
            for path in paths:
                job_id = f"engagectl_{uuid.uuid4().hex}"
                with path.open("rb") as file:
                    job = self.client.load_table_from_file(
                        file, made.reference, job_id=job_id, job_config=config, location=self._location
                    )
                job.result()
                rows += int(job.output_rows or 0)
        executed(self.warehouse, f"LOAD {table}", rows=rows, began=began)
        return rows

    def make_table(self, table: TableName, select: str, *, expires_s: int) -> str:
        """Store the rows of a SELECT in a new table, outside of the transaction; return it as SQL writes it."""
        place = f"{quoted(table.schema)}.{quoted(table.table)}"
        until = f"TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {expires_s} SECOND)"
        sql = f"CREATE TABLE {place} OPTIONS (expiration_timestamp = {until}) AS {select}"
        self._prepare(sql)
        with self._told_safely(sql):
            self._job(sql, (), in_session=False)
            self._loaded.append(f"{self.project}.{table.schema}.{table.table}")
        return place

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

    def check_right(self, name: TableName, permission: str) -> None:
        """Raise StatementError where we lack the permission on a table. If nobody can be asked, the engine tells."""
        try:
            held = self.allowed([name], [permission])[name]
        except EngagectlError:
            return
        if permission not in held:
            raise StatementError(
                f"BigQuery: Access Denied: Table {self.project}:{name}: {permission} is not granted",
                sqlstate="42501",
                help="engagectl doctor lists the missing grants",
            )

    # --- the lock -----------------------------------------------------------------

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the journal's lease. It is renewed while statements run, and ends with the session."""
        if self.keeper.holder(name) is None:
            with self._told_safely():
                sessions.end(self._outside, self.has_table, name)
        self.keeper.take(name, timeout_s=timeout_s, holder=holder)
        self._journal = name
        self._find_location(name)

    def _find_location(self, journal: str) -> None:
        """Work where the journal lies, if nobody said where: the first statement of a session names no dataset."""
        if self._location is None:
            with self._told_safely():
                self._location = self.client.get_dataset(f"{self.project}.{journal}").location

    def lock_holder(self, name: str) -> Holder | None:
        return self.keeper.holder(name)

    def somebody_waits(self) -> bool:
        return self.keeper.somebody_waits()

    def recover(self) -> bool:
        """Requests stand alone, and the lease is a row: only a transaction is lost. Its session is told, or left."""
        self.rollback()
        return False

    def close(self) -> None:
        self.keeper.release()
        if self._session is not None:
            with contextlib.suppress(EngagectlError):
                self._end_session()
        self.client.close()

    def _end_session(self) -> None:
        with self._told_safely():
            self._job(_ABORT, ())  # "Sessions": ends its transaction, too
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _type_of(value: object) -> str:
    """Return the type of a bound value. Text is taken for dates and times too ("Parameter type coercion")."""
    match value:
        case bool():
            return "BOOL"
        case int():
            return "INT64"
        case float():
            return "FLOAT64"
        case Decimal():
            return "BIGNUMERIC"
        case _:
            return "STRING"
