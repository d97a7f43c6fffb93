"""Staged relations -> Snowflake tables: compressed CSV -> PUT -> COPY INTO a temporary table -> INSERT or MERGE.

A DDL statement would commit the transaction ("Transactions"), so the temporary stage and table are made before it; PUT
and COPY are none. A file goes under a name that was never used before, and is gone once it is loaded; the rows that
COPY tells of are compared with those that were written. Values cross as text, each in its one form, and are cast by the
INSERT; a text has a sign before it, so that an empty one never depends on how a CSV reader tells it from a null.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from engagectl.errors import InternalError, StatementError
from engagectl.failpoint import hit
from engagectl.model.column_type import ColumnType, Integer, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses import staging
from engagectl.warehouses.contract import UsersFold, Window
from engagectl.warehouses.letters import turned
from engagectl.warehouses.snowflake import values
from engagectl.warehouses.snowflake.catalog import catalog
from engagectl.warehouses.snowflake.connect import SnowflakeConnection
from engagectl.warehouses.snowflake.users import ID, VALUE, UsersSql
from engagectl.warehouses.words import quoted, word

FORMAT = (
    "TYPE = CSV COMPRESSION = GZIP FIELD_OPTIONALLY_ENCLOSED_BY = '\"' ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = ()"
    " EMPTY_FIELD_AS_NULL = TRUE"
)
"""Of the files ("CREATE FILE FORMAT", CSV): an empty field is NULL, and no text is."""
_COLUMNS = 24
"""As many columns the temporary table has at least; wider rows make it again."""
_KEY_COLUMNS = 4
_STAGE, _ROWS, _KEYS = "ec_files", "ec_rows", "ec_keys"
"""The temporary stage, and the tables of wide rows and of narrow ones: a message has some of the first and a few of the
second.
"""
Columns = Sequence[tuple[str, ColumnType]]


def make_loader(connection: SnowflakeConnection, journal: str) -> "SnowflakeLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return SnowflakeLoader(connection, journal)


class SnowflakeLoader:
    def __init__(self, connection: SnowflakeConnection, journal: str) -> None:
        self._connection = connection
        self.journal = journal
        self._seen = f"{word(journal)}.seen"
        self._folder = staging.private_folder(self)
        self.stage = staging.open_stage(self._folder, memory_mb=connection.memory_mb)
        self._name = uuid.uuid4().hex
        self._batch = 0
        self._filled: set[str] = set()
        self._columns = 0
        self._into = _ROWS
        self._session = -1

    def ready(self, columns: int) -> None:
        """Make the temporary stage and table of this session, with room for so many columns; empty the table."""
        if self._session == self._connection.sessions and columns <= self._columns:
            for table in sorted(self._filled):
                self._connection.execute(f"TRUNCATE TABLE {table}")
            self._filled.clear()
            return
        self._columns = max(columns, self._columns, _COLUMNS)
        self._connection.execute(f"USE SCHEMA {word(self.journal)}")
        self._connection.execute(f"CREATE TEMPORARY STAGE IF NOT EXISTS {_STAGE}")
        for table, width in ((_ROWS, self._columns), (_KEYS, _KEY_COLUMNS)):
            shape = ", ".join(f"c{n} VARCHAR" for n in range(width))
            self._connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {table} (batch NUMBER(38, 0), {shape})")
        self._session = self._connection.sessions
        self._filled.clear()

    def insert(self, table: TableName, columns: Columns, select: str, nulls: Collection[str] = ()) -> int:
        del nulls  # they are commas in the file
        if not (rows := self._copy(columns, select)):
            return 0
        listed, read = self._listed(table, columns)
        return _all(
            self._connection.execute(f"INSERT INTO {self.table(table)} ({listed}) SELECT {read} FROM {self._rows}"),
            rows,
        )

    def insert_new(self, table: TableName, columns: Columns, select: str, *, key: str) -> int:
        if not self._copy(columns, select):
            return 0
        listed, read = self._listed(table, columns)
        at = next(n for n, (name, _) in enumerate(columns) if name == key)
        known = f"o.{self.column(table, key)} = {values.read(f'c{at}', columns[at][1])}"
        return self._connection.execute(
            f"INSERT INTO {self.table(table)} ({listed}) SELECT {read} FROM {self._rows}"
            f" AND NOT EXISTS (SELECT 1 FROM {self.table(table)} AS o WHERE {known})"
        )

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        if not self._copy([("id", Text()), column], select):
            return 0
        name = self.column(table, column[0])
        return self._connection.execute(
            f"UPDATE {self.table(table)} SET {name} = n.{VALUE} FROM (SELECT {values.read('c0', Text())} AS {ID},"
            f" {values.read('c1', column[1])} AS {VALUE} FROM {self._rows}) AS n"
            f" WHERE TO_VARCHAR({self.column(table, 'id')}) = n.{ID} AND {name} IS NULL"
        )

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Look up the bits that are stored, then add those that are not."""
        sent = self._copy(
            [("part", Integer()), ("hash", Text()), ("day", Integer()), ("mask", Integer())],
            f"SELECT part, hash, day, mask FROM {quoted(ids)}",
        )
        rows: list[tuple[Any, ...]] = []
        if sent:
            source = (
                f"SELECT {values.read('c0', Integer())} AS i_part, {values.read('c1', Text())} AS i_hash,"
                f" {values.read('c2', Integer())} AS i_day, {values.read('c3', Integer())} AS i_mask FROM {self._rows}"
            )
            stored, joined = _visible(windows), "part = i_part AND hash = i_hash"
            there = self._connection.query(
                f"SELECT part, hash, {stored}, i_mask FROM {self._seen} JOIN ({source}) AS i ON {joined}"
            )
            rows = [row for row in there if int(row[2])]
            if any(int(seen) != int(mask) for _, _, seen, mask in there):
                self._connection.execute(
                    f"UPDATE {self._seen} SET feeds = BITOR(feeds, i_mask),"
                    " day = CASE WHEN day IS NULL OR i_day > day THEN i_day ELSE day END"
                    f" FROM ({source}) AS i WHERE {joined} AND {stored} <> i_mask"
                )
            if len(there) < sent:
                self._connection.execute(
                    f"INSERT INTO {self._seen} (part, hash, day, feeds) SELECT i_part, i_hash, i_day, i_mask"
                    f" FROM ({source}) AS i WHERE NOT EXISTS (SELECT 1 FROM {self._seen} WHERE {joined})"
                )
        staging.run(
            self.stage,
            f"CREATE OR REPLACE TEMP TABLE {quoted(known)} AS SELECT unnest(?::SMALLINT[]) AS part,"
            " unnest(?::VARCHAR[])::UUID AS hash, unnest(?::BIGINT[]) AS mask",
            [[row[at] if at == 1 else int(row[at]) for row in rows] for at in range(3)],
        )
        return len(rows)

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        ids = " UNION ".join(
            f"SELECT {hash_of(f'TO_VARCHAR({key})')} AS i_hash FROM {self.table(table)} WHERE {key} IS NOT NULL"
            for table in tables
            for key in [self.column(table, "id")]
        )
        joined = f"part = {part} AND hash = i_hash"
        done = self._connection.execute(
            f"UPDATE {self._seen} SET feeds = BITOR(feeds, {mask}) FROM ({ids}) AS i"
            f" WHERE {joined} AND BITAND(feeds, {mask}) = 0"
        )
        return done + self._connection.execute(
            f"INSERT INTO {self._seen} (part, hash, feeds) SELECT {part}, i_hash, {mask} FROM ({ids}) AS i"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self._seen} WHERE {joined})"
        )

    def expire(self, window: Window) -> int:
        last = f"SELECT MAX(day) FROM {self._seen} WHERE part = {window.part} AND BITAND(feeds, {window.mask}) <> 0"
        return self._connection.execute(
            f"DELETE FROM {self._seen} WHERE part = {window.part} AND BITAND(feeds, BITNOT({window.mask})) = 0"
            f" AND day < ({last}) - {window.days}"
        )

    def fold_users(self, fold: UsersFold) -> int:
        """Merge into users, then into its times; the joins are by id, as data tables have no keys."""
        sql = self._users(fold)
        listed = ", ".join(quoted(name) for name, _ in sql.delta)
        if not self._copy(
            [*sql.delta, ("floor", Timestamp())], f"SELECT {listed}, NULL AS floor FROM {quoted(fold.delta)}"
        ):
            return 0
        return self._merge(sql)

    def fold_selected(self, fold: UsersFold, select: str) -> int:
        """Merge a fold whose `delta` is a SELECT over tables of the session: no row of it passes through the client."""
        sql = self._users(fold)
        self._batch, self._into = self._batch + 1, _ROWS
        self._filled.add(_ROWS)
        texts = ", ".join(values.stored(f"w.{quoted(name)}", kind) for name, kind in sql.delta)
        listed = ", ".join(f"c{n}" for n in range(len(sql.delta)))
        sent = f"SELECT {self._batch}, {texts} FROM ({select}) AS w"
        if not self._connection.execute(f"INSERT INTO {_ROWS} (batch, {listed}) {sent}"):
            return 0
        return self._merge(sql)

    def _users(self, fold: UsersFold) -> UsersSql:
        found = catalog(self._connection, [fold.users.schema]).find(fold.users)
        stored = {column.name: column.type for column in found.columns} if found is not None else {}
        return UsersSql(fold=fold, stored=stored, table=self.table, column=self.column)

    def _merge(self, sql: UsersSql) -> int:
        floors, users, times = sql.statements(self._into, f"batch = {self._batch}")
        self._connection.execute(floors)
        done = sum([self._connection.execute(statement) for statement in users])
        for statement in times:
            self._connection.execute(statement)
        hit("users.times_written")
        return done

    def carry_out(self) -> None:
        """Nothing waits."""

    def forget(self) -> None:
        staging.forget(self.stage)

    @property
    def _rows(self) -> str:
        """The rows that were sent last, as the end of a SELECT."""
        return f"{self._into} WHERE batch = {self._batch}"

    def _copy(self, columns: Columns, select: str) -> int:
        """Send the rows of a SELECT over the stage into the temporary table; return how many. Raises StatementError
        when not all have arrived.
        """
        if len(columns) > self._columns:
            raise InternalError(f"{len(columns)} columns are sent, and the temporary table has {self._columns}")
        self._batch += 1
        self._into, width = (_KEYS, _KEY_COLUMNS) if len(columns) <= _KEY_COLUMNS else (_ROWS, self._columns)
        names = [f"a{n}" for n in range(len(columns))]
        texts = [values.sent(name, kind) for name, (_, kind) in zip(names, columns, strict=True)]
        texts += ["NULL"] * (width - len(columns))  # a file has every column of its table
        sql = f"SELECT {self._batch}, {', '.join(texts)} FROM ({select}) AS staged({', '.join(names)})"
        with staging.files_of(self.stage, self._folder, sql, format="csv") as files:
            if not files.rows:
                return 0
            place = f"@{_STAGE}/{self._name}/{self._batch}/"
            pattern = str(files.paths[0].parent / "part-*").replace("\\", "\\\\").replace("'", "\\'")
            self._connection.query(f"PUT 'file://{pattern}' {place} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = GZIP")
            copy = (
                f"COPY INTO {self._into} FROM {place} FILE_FORMAT = ({FORMAT}) ON_ERROR = ABORT_STATEMENT PURGE = TRUE"
            )
            self._filled.add(self._into)
            told = self._connection.query(copy)
            loaded = sum(int(row[3]) for row in told if len(row) > 3)
            if loaded != files.rows:
                raise StatementError(f"Snowflake: {files.rows} rows were sent, and {loaded} have arrived", sql=copy)
            return files.rows

    def _listed(self, table: TableName, columns: Columns) -> tuple[str, str]:
        names = ", ".join(self.column(table, name) for name, _ in columns)
        return names, ", ".join(values.read(f"c{n}", kind) for n, (_, kind) in enumerate(columns))

    def table(self, table: TableName) -> str:
        if table.schema == self.journal:
            return f"{word(table.schema)}.{word(table.table)}"
        return f"{quoted(turned(table.schema))}.{quoted(turned(table.table))}"

    def column(self, table: TableName, name: str) -> str:
        """Write a column: those of the journal are words that nobody quotes."""
        return word(name) if table.schema == self.journal else quoted(turned(name))


def _visible(windows: Sequence[Window]) -> str:
    """Write the bits that are stored for an id `i` of those that it asks for: Snowflake has no operators for bits."""
    stored = "BITAND(feeds, i_mask)"
    for window in windows:
        stored = (
            f"BITAND({stored}, CASE WHEN i_part = {window.part} AND day < i_day - {window.days}"
            f" THEN BITNOT({window.mask}) ELSE -1 END)"
        )
    return stored


def hash_of(text: str) -> str:
    """Write the MD5 of a text as a UUID is written."""
    digits = f"MD5({text})"
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"SUBSTR({digits}, {start}, {length})" for start, length in parts)


def _all(written: int, sent: int) -> int:
    if written != sent:
        raise InternalError(f"{sent} rows were sent, and {written} were written")
    return written
