"""Staged relations -> DuckDB tables. The stage is the warehouse's own connection, so every step is one statement."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from engagectl.engine import duckdb
from engagectl.failpoint import hit
from engagectl.model.column_type import ColumnType, Json
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold, Window, visible
from engagectl.warehouses.documents import kept
from engagectl.warehouses.duckdb.column_types import type_sql
from engagectl.warehouses.duckdb.refused import as_ours
from engagectl.warehouses.statements import executed

if TYPE_CHECKING:
    from engagectl.warehouses.duckdb.connect import DuckdbConnection

# What a staged row of users carries beside its own columns.
_ROW, _KEY, _FLOOR, _CHANGED = '"ec:row"', '"ec:id"', '"ec:floor"', '"ec:changed"'


def make_loader(connection: "DuckdbConnection", journal: str) -> "DuckdbLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return DuckdbLoader(connection.handle, journal, warehouse=connection.warehouse)


class DuckdbLoader:
    def __init__(self, handle: duckdb.DuckDBPyConnection, journal: str, *, warehouse: str = "") -> None:
        self.stage = handle
        self._warehouse = warehouse
        self._seen = _table(TableName(journal, "seen"))

    def ready(self, columns: int) -> None:
        """Nothing is to be made before."""

    def insert(
        self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, nulls: Collection[str] = ()
    ) -> int:
        del nulls  # a column of nulls is as cheap as one that is left out
        return self._insert(table, columns, select, only="")

    def insert_new(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, key: str) -> int:
        known = f"SELECT 1 FROM {_table(table)} AS o WHERE o.{_ident(key)} = staged.{_ident(key)}"
        return self._insert(table, columns, select, only=f" WHERE NOT EXISTS ({known})")

    def _insert(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, only: str) -> int:
        names = [_ident(name) for name, _ in columns]
        casts = ", ".join(f"CAST(staged.{n} AS {type_sql(kind)})" for n, (_, kind) in zip(names, columns, strict=True))
        listed = ", ".join(names)
        return self._run(
            f"INSERT INTO {_table(table)} ({listed}) SELECT {casts} FROM ({select}) AS staged({listed}){only}"
        )

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        name, kind = _ident(column[0]), type_sql(column[1])
        return self._run(
            f"UPDATE {_table(table)} AS o SET {name} = CAST(n.value AS {kind}) FROM ({select}) AS n"
            f" WHERE CAST(o.id AS VARCHAR) = n.id AND o.{name} IS NULL"
        )

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Bits are kept in append-only rows; a lookup joins those of the staged ids and ors them.

        Part by part: with one condition DuckDB drops most of what is stored by a filter of hashes, with two by none.
        """
        seen, staged = "s.feeds & i.mask" + visible(windows), _ident(ids)
        parts = [part for (part,) in self.stage.execute(f"SELECT DISTINCT part FROM {staged} ORDER BY 1").fetchall()]
        found = " UNION ALL ".join(
            f"SELECT s.part, s.hash, bit_or({seen}) AS mask FROM {self._seen} AS s JOIN {staged} AS i USING (hash)"
            f" WHERE s.part = {part} AND i.part = {part} GROUP BY s.part, s.hash HAVING bit_or({seen}) <> 0"
            for part in parts or (0,)
        )
        self._run(f"CREATE OR REPLACE TEMP TABLE {_ident(known)} AS {found}")
        self._run(
            f"INSERT INTO {self._seen} (part, hash, day, feeds)"
            f" SELECT i.part, i.hash, i.day, i.mask & ~coalesce(k.mask, 0) FROM {staged} AS i"
            f" LEFT JOIN {_ident(known)} AS k ON k.hash = i.hash AND k.part = i.part"
            f" WHERE i.mask & ~coalesce(k.mask, 0) <> 0"
        )
        row = next(iter(self.stage.execute(f"SELECT count(*) FROM {_ident(known)}").fetchall()), None)
        return int(row[0]) if row else 0

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        ids = " UNION ".join(
            f"SELECT CAST(md5(CAST(id AS VARCHAR)) AS UUID) AS hash FROM {_table(table)} WHERE id IS NOT NULL"
            for table in tables
        )
        known = f"SELECT 1 FROM {self._seen} AS s WHERE s.part = {part} AND s.hash = i.hash AND s.feeds & {mask} <> 0"
        return self._run(
            f"INSERT INTO {self._seen} (part, hash, feeds) SELECT {part}, hash, {mask} FROM ({ids}) AS i"
            f" WHERE NOT EXISTS ({known})"
        )

    def expire(self, window: Window) -> int:
        last = f"SELECT max(day) FROM {self._seen} WHERE part = {window.part} AND feeds & {window.mask} <> 0"
        return self._run(
            f"DELETE FROM {self._seen} WHERE part = {window.part} AND feeds & ~CAST({window.mask} AS BIGINT) = 0"
            f" AND day < ({last}) - {window.days}"
        )

    def fold_users(self, fold: UsersFold) -> int:
        """Merge by delete and insert: DuckDB's MERGE crawls when matched rows come in no order."""
        users, times, delta = _table(fold.users), _table(fold.times), _ident(fold.delta)
        present = {
            str(row[0]): str(row[1])
            for row in self.stage.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database()"
                " AND schema_name = ? AND table_name = ?",
                [fold.users.schema, fold.users.table],
            ).fetchall()
        }
        traits = [trait for trait in fold.traits if trait[0] in present]
        self._take(users, delta, "ec_old", f"{_floor(present)} AS {_FLOOR}")
        self._take(times, delta, "ec_old_times")
        values = {
            "id": "d.id",
            "user_id": "d.id",
            "received_at": "greatest(d.received_at, o.received_at)",
            "timestamp": 'greatest(d."timestamp", o."timestamp")' if "timestamp" in present else 'd."timestamp"',
        }
        if "received_at" not in present:
            values["received_at"] = "d.received_at"
        old_time = {at: f"CASE WHEN t.id IS NULL THEN o.{_FLOOR} ELSE t.{_ident(at)} END" for _, at, _ in traits}
        source = f"FROM {delta} AS d LEFT JOIN ec_old AS o ON o.id = d.id LEFT JOIN ec_old_times AS t ON t.id = d.id"
        for column, at, kind in traits:
            name, happened = _ident(column), _at(at)
            greater = f"greatest(d.{name}, o.{name})"
            if isinstance(kind, Json):
                greater = self._greater_document(name, f"{source} WHERE d.{happened} = {old_time[at]}")
            values[column] = _newest(name, happened, old_time[at], greater, null_erases=fold.null_erases)
        values |= {name: f"o.{_ident(name)}" for name in present if name not in values and name != "uuid_ts"}
        columns = [name for name in present if name in values]
        new = [f"CAST({values[c]} AS {present[c]}) AS {_ident(c)}" for c in columns]
        new += [f"greatest(d.{_at(at)}, {old_time[at]}) AS {_at(at)}" for _, at, _ in traits]
        changed = " OR ".join(f"n.{_ident(c)} IS DISTINCT FROM o.{_ident(c)}" for c in columns) or "false"
        self._run(
            f"CREATE OR REPLACE TEMP TABLE ec_new AS SELECT n.*, o.{_ROW} IS NULL OR {changed} AS {_CHANGED}"
            f" FROM (SELECT d.id AS {_KEY}, o.{_ROW}, {', '.join(new)} {source}) AS n"
            f" LEFT JOIN ec_old AS o ON o.{_ROW} = n.{_ROW}"
        )
        if traits:
            clocks = ", ".join(f"{_at(at)} AS {_ident(at)}" for _, at, _ in traits)
            self._run(f"DELETE FROM {times} WHERE rowid IN (SELECT {_ROW} FROM ec_old_times)")
            self._run(f"INSERT INTO {times} BY NAME SELECT {_KEY} AS id, {clocks} FROM ec_new")
        hit("users.times_written")
        self._run(f"DELETE FROM {users} WHERE rowid IN (SELECT {_ROW} FROM ec_new WHERE {_CHANGED})")
        listed = ", ".join(map(_ident, columns))
        stamp = f", CAST('{fold.uuid_ts}' AS TIMESTAMPTZ) AS uuid_ts" if "uuid_ts" in present else ""
        return self._run(f"INSERT INTO {users} BY NAME SELECT {listed}{stamp} FROM ec_new WHERE {_CHANGED}")

    def _take(self, table: str, delta: str, name: str, *more: str) -> None:
        """Stage the rows of a table that the delta names, each with its place: found by their ids alone first, since a
        join reads every column of a wide table to its end.
        """
        self._run(
            f"CREATE OR REPLACE TEMP TABLE ec_places AS SELECT rowid AS place FROM {table} SEMI JOIN {delta} USING (id)"
        )
        said = ", ".join([f"rowid AS {_ROW}", "*", *more])
        self._run(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {said} FROM {table}"
            " WHERE rowid IN (SELECT place FROM ec_places)"
        )

    def carry_out(self) -> None:
        """Nothing waits."""

    def forget(self) -> None:
        """Drop the TEMP tables of a chunk; all of the stage's names begin with `ec_`."""
        for (name,) in self.stage.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, 'ec_')"
        ).fetchall():
            self._run(f"DROP TABLE IF EXISTS {_ident(str(name))}")

    def _greater_document(self, name: str, tied: str) -> str:
        """Return the greater of two JSON documents of one instant; `tied` is the FROM of the rows that have such."""
        new, old = f"CAST(d.{name} AS VARCHAR)", f"CAST(o.{name} AS VARCHAR)"
        stay = kept(self.stage.execute(f"SELECT DISTINCT {new}, {old} {tied} AND {new} <> {old}").fetchall())
        if not stay:
            return f"coalesce(d.{name}, o.{name})"
        table = _ident(f"ec_stay:{name}")
        self.stage.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT unnest(?::VARCHAR[]) AS new, unnest(?::VARCHAR[]) AS old",
            [[pair[at] for pair in stay] for at in range(2)],
        )
        stays = f"EXISTS (SELECT 1 FROM {table} AS s WHERE s.new = {new} AND s.old = {old})"
        return f"CASE WHEN {stays} THEN o.{name} ELSE coalesce(d.{name}, o.{name}) END"

    def _run(self, sql: str) -> int:
        began = time.perf_counter()
        try:
            done = next(iter(self.stage.execute(sql).fetchall()), None)
        except duckdb.Error as error:
            raise as_ours(error, sql) from None
        rows = int(done[0]) if done and isinstance(done[0], int) else 0
        executed(self._warehouse, sql, rows=rows, began=began)
        return rows


def _floor(present: Mapping[str, str]) -> str:
    """Return as of when a row without times counts: its received_at; without that it is older than anything."""
    oldest = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
    return f"coalesce(CAST(received_at AS TIMESTAMPTZ), {oldest})" if "received_at" in present else oldest


def _newest(column: str, at: str, old_time: str, greater: str, *, null_erases: bool) -> str:
    """The greater event time wins, ties by the greater value; null never wins (or is the smallest of its instant)."""
    empty = f"d.{at} IS NULL" if null_erases else f"d.{column} IS NULL"
    never = "false" if null_erases else f"o.{column} IS NULL"
    return (
        f"CASE WHEN {empty} THEN o.{column} WHEN {never} OR {old_time} IS NULL OR d.{at} > {old_time} THEN d.{column}"
        f" WHEN d.{at} = {old_time} THEN {greater} ELSE o.{column} END"
    )


def _at(times_column: str) -> str:
    return _ident(f"at:{times_column}")


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: TableName) -> str:
    return f"{_ident(name.schema)}.{_ident(name.table)}"
