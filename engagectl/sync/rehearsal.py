"""`--dry-run`: everything but the commit, on a session whose one transaction is rolled back at the end."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from engagectl.errors import InternalError
from engagectl.warehouses.contract import Connection, Holder, T


class Rehearsal:
    """A connection that begins one transaction and never commits it.

    What has to be rolled back on the way takes all before it along: later counts do not know what came before then.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.warehouse = connection.warehouse
        self.read_only = connection.read_only
        self.version = connection.version
        self.queries = self.rows_read = 0
        self.text_bytes = connection.text_bytes
        connection.begin()

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.query(sql, parameters)

    def query_as(self, make: Callable[..., T], sql: str, parameters: Sequence[object] = ()) -> list[T]:
        return self._connection.query_as(make, sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        return self._connection.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.execute_many(sql, rows)

    def begin(self) -> None:
        """The one transaction is open already."""

    def commit(self) -> None:
        """Nothing is committed."""

    def rollback(self) -> None:
        self._connection.rollback()
        self._connection.begin()

    def lock(self, name: str, *, timeout_s: float, holder: Holder) -> None:
        self._connection.lock(name, timeout_s=timeout_s, holder=holder)

    def recover(self) -> bool:
        raise InternalError("a rehearsal is not tried again")

    def somebody_waits(self) -> bool:
        return self._connection.somebody_waits()

    def has_table(self, schema: str, table: str) -> bool:
        return self._connection.has_table(schema, table)

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        return self._connection.columns_of(schema, table)

    def lock_holder(self, name: str) -> Holder | None:
        return self._connection.lock_holder(name)

    def close(self) -> None:
        """Undo everything; the session stays open."""
        self._connection.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
