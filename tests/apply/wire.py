"""A connection that keeps what was executed through it, and that can break at a given write."""

from collections.abc import Sequence
from typing import Any

from engagectl.errors import StatementError
from engagectl.warehouses.contract import Connection


class Cut(Exception):  # noqa: N818  no error: somebody pulled the plug
    pass


class Wire:
    """The real connection behind it does all the work. Write number `breaks_at` is not made.

    With `is_lost` the session is gone from then on; otherwise the warehouse says no once, and goes on.
    """

    def __init__(self, connection: Connection, *, breaks_at: int | None = None, is_lost: bool = False) -> None:
        self.real, self.breaks_at, self.is_lost = connection, breaks_at, is_lost
        self.writes = 0
        self.statements: list[str] = []

    @property
    def is_broken(self) -> bool:
        return self.breaks_at is not None and self.writes >= self.breaks_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        self._write()
        self.statements.append(sql)
        return self.real.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._write()
        self.real.execute_many(sql, rows)

    def commit(self) -> None:
        self._write()
        self.real.commit()

    def rollback(self) -> None:
        if self.is_broken and self.is_lost:
            raise Cut
        self.real.rollback()

    def _write(self) -> None:
        was_broken = self.is_broken
        self.writes += 1
        if self.is_broken and self.is_lost:
            raise Cut
        if self.is_broken and not was_broken:
            raise StatementError("the warehouse said no", help="a test asked for it")
