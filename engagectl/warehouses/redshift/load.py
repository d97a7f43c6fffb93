"""Staged relations -> Redshift tables: CSV from a locked-down DuckDB in memory, by way of S3, into COPY.

COPY runs inside the transaction of its chunk, as do all statements here: what is rolled back leaves nothing. Redshift
knows no unique keys and no ON CONFLICT; the journal's lease is held, so nobody else writes meanwhile.
"""

import secrets
import time
from collections.abc import Collection, Mapping, Sequence

from engagectl.errors import StatementError
from engagectl.failpoint import hit
from engagectl.model.column_type import ColumnType, Json, Native, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses import staging
from engagectl.warehouses.contract import UsersFold, Window, visible
from engagectl.warehouses.redshift import fold
from engagectl.warehouses.redshift.column_types import native_type, type_sql
from engagectl.warehouses.redshift.connect import RedshiftConnection, text_sql
from engagectl.warehouses.redshift.objects import bucket_of
from engagectl.warehouses.statements import executed

_IDS = {"part": "SMALLINT", "hash": "VARCHAR(36)", "day": "INTEGER", "mask": "BIGINT"}
_HASH = "MD5(CAST(id AS VARCHAR))"
_UUID = " || '-' || ".join(
    f"SUBSTRING({_HASH}, {at}, {size})" for at, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)


def make_loader(connection: RedshiftConnection, journal: str) -> "RedshiftLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return RedshiftLoader(connection, journal)


class RedshiftLoader:
    def __init__(self, connection: RedshiftConnection, journal: str) -> None:
        self._connection = connection
        self._seen = _table(TableName(journal, "seen"))
        self._bucket = bucket_of(connection.staging, connection.warehouse)
        self._folder = staging.private_folder(self)
        self._session = secrets.token_hex(4)  # in the names of TEMP tables: no table of the database has such a one
        self.stage = staging.open_stage(self._folder, memory_mb=connection.memory_mb)

    def ready(self, columns: int) -> None:
        """TEMP tables are made within the transaction: Redshift rolls them back with it."""

    def insert(
        self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, nulls: Collection[str] = ()
    ) -> int:
        del nulls  # a column that COPY is not told of gets its default, and Redshift's catalog would have to be asked
        return self._copy(select, _table(table), columns)

    def insert_new(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, key: str) -> int:
        listed = ", ".join(_ident(name) for name, _ in columns)
        rows = self._temporary("rows", {name: type_sql(kind) for name, kind in columns})
        if not self._copy(select, rows, columns):
            return 0
        return self._connection.execute(
            f"INSERT INTO {_table(table)} ({listed}) SELECT {listed} FROM {rows} AS n WHERE NOT EXISTS"
            f" (SELECT 1 FROM {_table(table)} AS o WHERE o.{_ident(key)} = n.{_ident(key)})"
        )

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        name, kind = column
        types = self._types(table)
        rows = self._temporary("fill", {"id": types["id"], name: types[name]})
        self._copy(select, rows, [("id", native_type(types["id"])), (name, kind)])
        return self._connection.execute(
            f"UPDATE {_table(table)} AS o SET {_ident(name)} = n.{_ident(name)} FROM {rows} AS n"
            f" WHERE {fold.same('o.id', 'n.id')} AND o.{_ident(name)} IS NULL"
        )

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Look the ids up, add to those that are there, and store those that are new."""
        rows = self._temporary("ids", _IDS)
        self._copy(
            f"SELECT part, hash, day, mask FROM {_ident(ids)}", rows, [(n, native_type(t)) for n, t in _IDS.items()]
        )
        joined, seen = "s.part = i.part AND s.hash = i.hash", f"s.feeds & i.mask{visible(windows)}"
        there = self._connection.query(
            f"SELECT i.part, i.hash, {seen}, i.mask FROM {rows} AS i JOIN {self._seen} AS s ON {joined}"
        )
        if any(bits != mask for _, _, bits, mask in there):
            self._connection.execute(
                f"UPDATE {self._seen} AS s SET feeds = s.feeds | i.mask, day = GREATEST(s.day, i.day) FROM {rows} AS i"
                f" WHERE {joined} AND {seen} <> i.mask"
            )
        self._connection.execute(
            f"INSERT INTO {self._seen} (part, hash, day, feeds) SELECT part, hash, day, mask FROM {rows} AS i"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self._seen} AS s WHERE {joined})"
        )
        found = [row[:3] for row in there if row[2] != 0]
        staging.run(
            self.stage,
            f"CREATE OR REPLACE TEMP TABLE {_ident(known)} AS SELECT unnest(?::SMALLINT[]) AS part,"
            " unnest(?::VARCHAR[])::UUID AS hash, unnest(?::BIGINT[]) AS mask",
            [[row[at] for row in found] for at in range(3)],
        )
        return len(found)

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        ids = " UNION ".join(f"SELECT {_UUID} AS hash FROM {_table(table)} WHERE id IS NOT NULL" for table in tables)
        bits = f"CAST({mask} AS BIGINT)"
        added = self._connection.execute(
            f"UPDATE {self._seen} AS s SET feeds = s.feeds | {bits} FROM ({ids}) AS i"
            f" WHERE s.part = {part} AND s.hash = i.hash AND s.feeds & {bits} = 0"
        )
        return added + self._connection.execute(
            f"INSERT INTO {self._seen} (part, hash, feeds) SELECT {part}, i.hash, {bits} FROM ({ids}) AS i"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self._seen} AS s WHERE s.part = {part} AND s.hash = i.hash)"
        )

    def expire(self, window: Window) -> int:
        bits = f"CAST({window.mask} AS BIGINT)"
        last = f"SELECT MAX(day) FROM {self._seen} WHERE part = {window.part} AND feeds & {bits} <> 0"
        return self._connection.execute(
            f"DELETE FROM {self._seen} WHERE part = {window.part} AND feeds & ~{bits} = 0"
            f" AND day < ({last}) - {window.days}"
        )

    def fold_users(self, fold_of: UsersFold) -> int:
        users, times = _table(fold_of.users), _table(fold_of.times)
        asked = fold.Fold(of=fold_of, stored=self._types(fold_of.users), users=users, times=times)
        shape = asked.shape
        delta = self._temporary("delta", {name: type_sql(kind) for name, kind in shape.items()})
        listed = ", ".join(map(_ident, asked.staged))
        self._copy(f"SELECT {listed} FROM {_ident(fold_of.delta)}", delta, list(shape.items()))
        stay = {column: self._staying(asked, delta, column, at) for column, at, _ in asked.documents}
        made = self._name("new")
        self._connection.execute(f"DROP TABLE IF EXISTS {made}")
        self._connection.execute(f"CREATE TEMP TABLE {made} AS {asked.select(delta, stay)}")
        for statement in asked.write_times(made):
            self._connection.execute(statement)
        hit("users.times_written")
        return sum(self._connection.execute(statement) for statement in asked.write_users(made))

    def _staying(self, asked: fold.Fold, delta: str, column: str, at: str) -> str:
        """Return a TEMP table of the pairs of documents of one instant of which the stored one stays; "" for none."""
        pairs = fold.documents_that_stay(self._connection.query(asked.ties(delta, column, at)))
        if not pairs:
            return ""
        longest = type_sql(Text())
        name = self._temporary(f"stay_{secrets.token_hex(4)}", {"new": longest, "old": longest})
        self._connection.execute_many(f"INSERT INTO {name} (new, old) VALUES (?, ?)", pairs)
        return name

    def carry_out(self) -> None:
        """Nothing waits."""

    def forget(self) -> None:
        staging.forget(self.stage)

    def _name(self, word: str) -> str:
        return f"ec_{word}_{self._session}"

    def _temporary(self, word: str, columns: Mapping[str, str]) -> str:
        """Make a TEMP table anew; it lasts as long as the session, unless its transaction is rolled back."""
        name = self._name(word)
        self._connection.execute(f"DROP TABLE IF EXISTS {name}")
        listed = ", ".join(f"{_ident(column)} {kind}" for column, kind in columns.items())
        self._connection.execute(f"CREATE TEMP TABLE {name} ({listed})")
        return name

    def _types(self, table: TableName) -> dict[str, str]:
        return {
            str(name): str(kind)
            for name, kind in self._connection.query(
                "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a"
                " JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                " WHERE n.nspname = ? AND c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped",
                (table.schema, table.table),
            )
        }

    def _copy(self, select: str, table: str, columns: Sequence[tuple[str, ColumnType]]) -> int:
        """Load the rows of a SELECT over the stage; return how many. All of them, or StatementError.

        Every value is quoted. A null is a word that stands in no value: nobody can know it. So an empty text is none.
        """
        null = f"ec-{secrets.token_hex(12)}"
        names = [_ident(f"c{n}") for n in range(len(columns))]
        values = ", ".join(_written(name, kind) for name, (_, kind) in zip(names, columns, strict=True))
        select = f"SELECT {values} FROM ({select}) AS staged({', '.join(names)})"
        with staging.files_of(self.stage, self._folder, select, format="csv", null=null) as files:
            if not files.paths:
                return 0
            with self._bucket.holding(files.paths) as manifest:
                return self._load(table, [name for name, _ in columns], manifest, null=null, rows=files.rows)

    def _load(self, table: str, columns: Sequence[str], manifest: str, *, null: str, rows: int) -> int:
        sql = (
            f"COPY {table} ({', '.join(map(_ident, columns))}) FROM {text_sql(manifest)}"
            f" IAM_ROLE {self._role()} MANIFEST FORMAT AS CSV GZIP NULL AS {text_sql(null)}"
            " DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF"
        )
        began = time.perf_counter()
        self._connection.execute(sql)
        ((loaded,),) = self._connection.query("SELECT pg_last_copy_count()")
        if int(loaded) != rows:
            raise StatementError(f"Redshift loaded {loaded} of {rows} rows into {table}", sql=sql)
        executed(self._connection.warehouse, sql, rows=rows, began=began)
        return rows

    def _role(self) -> str:
        role = self._connection.iam_role
        return text_sql(role) if role and role != "default" else "DEFAULT"


def _written(name: str, kind: ColumnType) -> str:
    """Write a time as ISO 8601 in UTC, which COPY knows ("Automatic recognition"), the rest as DuckDB does."""
    if isinstance(kind, Timestamp):
        return f"strftime(timezone('UTC', {name}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    if isinstance(kind, Native) and kind.name.startswith("timestamp"):
        return f"strftime(timezone('UTC', {name}), '%Y-%m-%dT%H:%M:%S.%f')"
    if isinstance(kind, Json):
        return f"CAST({name} AS VARCHAR)"
    return name


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: TableName) -> str:
    return f"{_ident(name.schema)}.{_ident(name.table)}"
