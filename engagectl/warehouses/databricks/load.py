"""Staged relations -> Databricks: Parquet files, put into a volume of the journal, and COPY INTO or MERGE from there.

What writes is kept for the commit (pending.py), so each statement here is harmless when it is run twice: COPY INTO
skips a file that it has loaded, a MERGE finds what it has brought.
"""

import re
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

from engagectl.model.column_type import ColumnType, Decimal, Float, Integer, Json, JsonText, Native, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses import staging
from engagectl.warehouses.contract import UsersFold, Window, visible
from engagectl.warehouses.databricks.column_types import type_sql
from engagectl.warehouses.databricks.connect import DatabricksConnection
from engagectl.warehouses.databricks.dialect import literal, quoted
from engagectl.warehouses.databricks.fold import Fold
from engagectl.warehouses.words import word

VOLUME = "stage"
_IDS = (("part", Integer()), ("hash", Text()), ("day", Integer()), ("mask", Integer()))
_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""Where the groups of a UUID stand in the 32 digits of a hash: (start, length)."""
_UUID = re.compile(r"uuid", re.IGNORECASE)


def make_loader(connection: DatabricksConnection, journal: str) -> "DatabricksLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return DatabricksLoader(connection, journal)


class DatabricksLoader:
    def __init__(self, connection: DatabricksConnection, journal: str) -> None:
        self._connection = connection
        self._journal = journal
        self._seen = f"{word(journal)}.seen"
        self._folder = staging.private_folder(self)
        self._volume = f"/Volumes/{connection.catalog}/{journal}/{VOLUME}/"
        self._has_volume = False
        self._writable: set[str] = set()
        self.stage = staging.open_stage(self._folder, memory_mb=connection.memory_mb)

    def ready(self, columns: int) -> None:
        """Nothing is to be made before."""

    def insert(
        self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, nulls: Collection[str] = ()
    ) -> int:
        target, held = _table(table), [column for column in columns if column[0] not in nulls]
        listed = ", ".join(quoted(name) for name, _ in held)
        named = ", ".join(_duck(name) for name, _ in columns)
        chosen = f"SELECT {', '.join(_duck(name) for name, _ in held)} FROM ({select}) AS h({named})"
        files, rows = self._put(held, chosen)
        if files and not self._connection.is_rehearsal:  # what is refused is refused before the commit
            self._connection.query(f"SELECT {listed} FROM {target} LIMIT 0")
            self._check_right(target)
        for file in files:
            self._connection.keep_data(
                f"COPY INTO {target} ({listed}) FROM (SELECT {_cells(held)} FROM {literal(self._volume)})"
                f" FILEFORMAT = PARQUET FILES = ({literal(file)})",
                target,
            )
        return rows

    def insert_new(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, key: str) -> int:
        target, names = _table(table), [quoted(name) for name, _ in columns]
        self._check_right(target)
        added = 0
        for file in self._put(columns, select)[0]:
            source = f"(SELECT {_cells(columns)} FROM {self._parquet(file)})"
            on = f"old.{quoted(key)} = new.{quoted(key)}"
            ((rows,),) = self._connection.query(
                f"SELECT count(*) FROM {source} AS new WHERE NOT EXISTS (SELECT 1 FROM {target} AS old WHERE {on})"
            )
            added += int(rows)
            self._connection.keep_data(
                f"MERGE INTO {target} AS old USING {source} AS new ON {on} WHEN NOT MATCHED THEN INSERT"
                f" ({', '.join(names)}) VALUES ({', '.join(f'new.{name}' for name in names)})",
                target,
            )
        return added

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        target, name = _table(table), quoted(column[0])
        self._check_right(target)
        columns = (("id", Text()), column)
        one = f"SELECT id, any_value(v) AS v FROM ({select}) AS s(id, v) GROUP BY id"  # a MERGE takes one row for each
        filled = 0
        for file in self._put(columns, one)[0]:
            source = f"(SELECT {_cells(columns)} FROM {self._parquet(file)})"
            on = f"CAST(old.id AS STRING) = new.id AND old.{name} IS NULL"
            ((rows,),) = self._connection.query(f"SELECT count(*) FROM {target} AS old JOIN {source} AS new ON {on}")
            filled += int(rows)
            self._connection.keep_data(
                f"MERGE INTO {target} AS old USING {source} AS new ON {on}"
                f" WHEN MATCHED THEN UPDATE SET {name} = new.{name}",
                target,
            )
        return filled

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        joined, seen = "s.part = i.part AND s.hash = i.hash", "s.feeds & i.mask" + visible(windows)
        rows: list[tuple[object, ...]] = []
        for file in self._put(_IDS, f"SELECT part, hash, day, mask FROM {_duck(ids)}")[0]:
            source = f"(SELECT {_cells(_IDS)} FROM {self._parquet(file)})"
            rows += self._connection.query(
                f"SELECT s.part, s.hash, {seen} FROM {self._seen} AS s JOIN {source} AS i ON {joined}"
                f" WHERE ({seen}) <> 0"
            )
            self._connection.keep_data(
                f"MERGE INTO {self._seen} AS s USING {source} AS i ON {joined}"
                f" WHEN MATCHED AND ({seen}) <> i.mask THEN UPDATE SET feeds = s.feeds | i.mask,"
                " day = greatest(s.day, i.day)"
                " WHEN NOT MATCHED THEN INSERT (part, hash, day, feeds) VALUES (i.part, i.hash, i.day, i.mask)",
                self._seen,
                is_journal=True,
            )
        staging.run(
            self.stage,
            f"CREATE OR REPLACE TEMP TABLE {_duck(known)} AS SELECT unnest(?::SMALLINT[]) AS part,"
            " unnest(?::VARCHAR[])::UUID AS hash, unnest(?::BIGINT[]) AS mask",
            [[row[at] for row in rows] for at in range(3)],
        )
        return len(rows)

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        parts = ", '-', ".join(f"substr(h, {start}, {length})" for start, length in _GROUPS)
        ids = " UNION ".join(
            f"SELECT concat({parts}) AS hash FROM (SELECT md5(CAST(id AS STRING)) AS h FROM {_table(table)}"
            " WHERE id IS NOT NULL)"
            for table in tables
        )
        new = f"s.feeds & CAST({mask} AS BIGINT) = 0"
        ((rows,),) = self._connection.query(
            f"SELECT count(*) FROM ({ids}) AS i LEFT JOIN {self._seen} AS s ON s.part = {part} AND s.hash = i.hash"
            f" WHERE s.hash IS NULL OR {new}"
        )
        self._connection.keep_data(
            f"MERGE INTO {self._seen} AS s USING ({ids}) AS i ON s.part = {part} AND s.hash = i.hash"
            f" WHEN MATCHED AND {new} THEN UPDATE SET feeds = s.feeds | CAST({mask} AS BIGINT)"
            f" WHEN NOT MATCHED THEN INSERT (part, hash, feeds) VALUES ({part}, i.hash, {mask})",
            self._seen,
            is_journal=True,
        )
        return int(rows)

    def expire(self, window: Window) -> int:
        mine = f"part = {window.part} AND feeds & CAST({window.mask} AS BIGINT) <> 0"
        ((last,),) = self._connection.query(f"SELECT max(day) FROM {self._seen} WHERE {mine}")
        if last is None:
            return 0
        return self._connection.execute(
            f"DELETE FROM {self._seen} WHERE part = {window.part} AND feeds & ~CAST({window.mask} AS BIGINT) = 0"
            f" AND day < {int(last) - window.days}"
        )

    def fold_users(self, fold: UsersFold) -> int:
        """Compute the rows that change into a table of the journal, and keep the two MERGEs from it for the commit."""
        self._check_right(_table(fold.users))
        work = Fold(self._connection, self._journal, fold)
        files, _ = self._put(work.delta, f"SELECT {', '.join(_duck(name) for name, _ in work.delta)} FROM {fold.delta}")
        rows = 0
        for number, file in enumerate(files):
            rows += work.merge(f"(SELECT {_cells(work.delta)} FROM {self._parquet(file)})", number)
        return rows

    def _check_right(self, table: str) -> None:
        """See once that rows of a table may be written: a DELETE that finds none makes no version of it. After the
        commit it would be too late.
        """
        if table not in self._writable and not self._connection.is_rehearsal:
            self._connection.run_now(f"DELETE FROM {table} WHERE FALSE")
            self._writable.add(table)

    def carry_out(self) -> None:
        """Nothing can be done before the commit: each statement is a transaction of its own."""

    def forget(self) -> None:
        staging.forget(self.stage)

    def _put(self, columns: Sequence[tuple[str, ColumnType]], select: str) -> tuple[list[str], int]:
        """Write a SELECT over the stage to files and put them into the volume; return their names, and the rows."""
        names = [f"c{n}" for n in range(len(columns))]
        typed = ", ".join(f"{_staged(name, kind)} AS {name}" for name, (_, kind) in zip(names, columns, strict=True))
        put = []
        with staging.files_of(
            self.stage, self._folder, f"SELECT {typed} FROM ({select}) AS s({', '.join(names)})", format="parquet"
        ) as files:
            for path in files.paths:
                self._make_volume()
                put.append(f"{uuid.uuid4().hex}.parquet")
                self._connection.put(Path(path), self._volume + put[-1])
        self._prove(columns, put)
        return put, files.rows

    def _prove(self, columns: Sequence[tuple[str, ColumnType]], files: Sequence[str]) -> None:
        """Have the engine convert what only it can judge, before the commit: after it nothing can be taken back."""
        doubtful = [_cell(f"c{n}", kind) for n, (_, kind) in enumerate(columns) if _is_doubtful(kind)]
        for file in files if doubtful else ():
            asked = ", ".join(f"count({one})" for one in doubtful)
            self._connection.query(f"SELECT {asked} FROM {self._parquet(file)}")

    def _make_volume(self) -> None:
        """Make the volume; what a session that was cut has left in it is removed, for nothing needs it any more."""
        if self._has_volume:
            return
        self._connection.run_now(f"CREATE VOLUME IF NOT EXISTS {word(self._journal)}.{VOLUME}")
        for path, *_ in self._connection.query(f"LIST {literal(self._volume)}"):
            self._connection.remove(str(path).removeprefix("dbfs:"))
        self._has_volume = True

    def _parquet(self, file: str) -> str:
        return f"parquet.{quoted(self._volume + file)}"


def _staged(name: str, kind: ColumnType) -> str:
    """Give a value of the stage the type that its file holds."""
    match kind:
        case Text() | JsonText() | Json() | Native():
            return f"CAST({name} AS VARCHAR)"
        case Timestamp():
            return f"CAST({name} AS TIMESTAMPTZ)"
        case Integer():
            return f"CAST({name} AS BIGINT)"
        case Float():
            return f"CAST({name} AS DOUBLE)"
        case Decimal(precision, scale):
            return f"CAST({name} AS DECIMAL({precision}, {scale}))"
        case _:
            return name


def _cells(columns: Sequence[tuple[str, ColumnType]]) -> str:
    """Write the columns of a file as those of a table, under their names."""
    return ", ".join(f"{_cell(f'c{n}', kind)} AS {quoted(name)}" for n, (name, kind) in enumerate(columns))


def _is_doubtful(kind: ColumnType) -> bool:
    return isinstance(kind, Json) or (isinstance(kind, Native) and not _UUID.fullmatch(kind.name))


def _cell(name: str, kind: ColumnType) -> str:
    if isinstance(kind, Json):
        return f"parse_json({name})"
    return f"CAST({name} AS {'STRING' if isinstance(kind, Native) and _UUID.fullmatch(kind.name) else type_sql(kind)})"


def _table(name: TableName) -> str:
    return f"{quoted(name.schema)}.{quoted(name.table)}"


def _duck(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
