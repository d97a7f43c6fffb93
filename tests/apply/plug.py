"""A connection that somebody pulls the plug of, on an engine where DDL is in no transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from engagectl.warehouses.contract import Connection


class Cut(Exception):  # noqa: N818  no error: somebody pulled the plug
    pass


class Plug:
    """A connection that is pulled after so many writes. From then on nothing reaches the database any more.

    DDL commits what is open and then itself, as on Snowflake: nothing may lean on rolling it back.
    """

    def __init__(self, connection: Connection, after: int) -> None:
        self.real, self.left, self.out, self.open = connection, after, False, False
        self.warehouse, self.read_only, self.version = connection.warehouse, False, connection.version

    def __getattr__(self, name: str) -> Any:
        """What only this engine's connection has, such as a look into its catalog, which is no write."""
        return getattr(self.real, name)

    @property
    def queries(self) -> int:
        return self.real.queries

    @property
    def rows_read(self) -> int:
        return self.real.rows_read

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.real.query(sql, parameters)

    def query_as(self, make: Callable[..., Any], sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self.real.query_as(make, sql, parameters)

    def has_table(self, schema: str, table: str) -> bool:
        return self.real.has_table(schema, table)

    def columns_of(self, schema: str, table: str) -> tuple[str, ...]:
        return self.real.columns_of(schema, table)

    def _write(self, run: Any) -> Any:
        if self.out:
            raise Cut
        done = run()
        self.left -= 1
        if self.left == 0:
            self.out = True
            raise Cut
        return done

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        if self.open and sql.lstrip().startswith(("CREATE", "ALTER", "DROP", "COMMENT")):
            self.open = False
            self.real.commit()
        return int(self._write(lambda: self.real.execute(sql, parameters)))

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._write(lambda: self.real.execute_many(sql, rows))

    def begin(self) -> None:
        self.open = True
        self._write(self.real.begin)

    def commit(self) -> None:
        is_open, self.open = self.open, False
        self._write(self.real.commit if is_open else lambda: None)

    def rollback(self) -> None:
        is_open, self.open = self.open, False
        if is_open and not self.out:
            self.real.rollback()
