"""Whose each table and column is, and how it came to be ours."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from operator import attrgetter
from sys import intern
from typing import Literal

from engagectl.journal.tables import has_journal, place
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection

OwnedOrigin = Literal["created", "imported", "added_by_sync"]
OwnedState = Literal["declared", "retained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A column of ours; the table itself when `column` is empty. `target` applied it last."""

    schema: str
    table: str
    column: str
    origin: OwnedOrigin
    state: OwnedState
    project: str
    target: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.schema, self.table, self.column)


def read_owned(connection: Connection, journal: str) -> tuple[Owned, ...]:
    """Return what every project of this database owns, by name. Nothing without a journal."""
    return owned_rows(connection, journal) if has_journal(connection, journal) else ()


def owned_rows(connection: Connection, journal: str) -> tuple[Owned, ...]:
    """Return what read_owned does, of a journal that is there: a large DuckDB takes long to say whether it is."""
    rows = connection.query_as(
        _owned,
        "SELECT table_schema, table_name, column_name, origin, state, project, target"
        f" FROM {place(journal, 'ownership')}",
    )
    return tuple(sorted(rows, key=attrgetter("schema", "table", "column")))  # DuckDB's sort takes 4 MB for 20,000 rows


def ownership_rows(connection: Connection, journal: str) -> list[tuple[str, ...]]:
    """Return what owned_rows does, as it is stored, in an order of its own: for comparing."""
    return sorted(
        connection.query(
            "SELECT table_schema, table_name, column_name, origin, state, project, target"
            f" FROM {place(journal, 'ownership')}"
        )
    )


def _owned(schema: str, table: str, column: str, origin: str, state: str, project: str, target: str) -> Owned:
    return Owned(
        schema=intern(schema),
        table=intern(table),
        column=intern(column),
        origin=intern(origin),  # type: ignore[arg-type]  # written by this module alone
        state=intern(state),  # type: ignore[arg-type]  # the same
        project=intern(project),
        target=intern(target),
    )


def record_owned(
    connection: Connection, journal: str, rows: Sequence[Owned], *, known: Container[tuple[str, str, str]] | None = None
) -> None:
    """Write rows, each over the one with its name. `known` are the keys that have a row, where the caller has read
    them: a new row has none to be deleted first, which costs a trip each on some engines.
    """
    connection.execute_many(
        f"DELETE FROM {place(journal, 'ownership')} WHERE table_schema = ? AND table_name = ? AND column_name = ?",
        [row.key for row in rows if known is None or row.key in known],
    )
    connection.execute_many(
        f"INSERT INTO {place(journal, 'ownership')} (table_schema, table_name, column_name, origin, state, project,"
        " target) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*row.key, row.origin, row.state, row.project, row.target) for row in rows],
    )


def forget(connection: Connection, journal: str, table: TableName, column: str = "") -> None:
    """Forget a dropped column, or a dropped table with all of its columns."""
    connection.execute(
        f"DELETE FROM {place(journal, 'ownership')} WHERE table_schema = ? AND table_name = ?"
        + (" AND column_name = ?" if column else ""),
        (table.schema, table.table, column) if column else (table.schema, table.table),
    )


def rename_table(connection: Connection, journal: str, before: TableName, after: TableName) -> None:
    connection.execute(
        f"UPDATE {place(journal, 'ownership')} SET table_schema = ?, table_name = ?"
        " WHERE table_schema = ? AND table_name = ?",
        (after.schema, after.table, before.schema, before.table),
    )


def rename_column(connection: Connection, journal: str, table: TableName, before: str, after: str) -> None:
    connection.execute(
        f"UPDATE {place(journal, 'ownership')} SET column_name = ?"
        " WHERE table_schema = ? AND table_name = ? AND column_name = ?",
        (after, table.schema, table.table, before),
    )
