"""Staged relations -> BigQuery tables: Parquet -> load job into a table of its own -> INSERT or MERGE.

A load job is in no transaction, and whether one that has begun sees a table loaded after, the manual does not say
("Multi-statement transactions"). So what is loaded goes into tables that nobody has used before, and the DML that reads
them waits for the first statement that cannot wait, or the commit: only then the transaction begins. The rows that it
writes are compared with those that were sent. What has to be known meanwhile is asked outside of it: only the holder
of the lease writes to the journal, and the commit proves that this is still us.
"""

import uuid
from collections.abc import Collection, Sequence

from engagectl.errors import StatementError
from engagectl.model.column_type import ColumnType, Integer, Json, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses import staging
from engagectl.warehouses.bigquery import values
from engagectl.warehouses.bigquery.connection import BigQueryConnection
from engagectl.warehouses.bigquery.spelling import name as ident
from engagectl.warehouses.contract import UsersFold, Window, visible
from engagectl.warehouses.documents import kept

EXPIRES_S = 24 * 3600
"""A table of loaded rows is dropped when its transaction ends; what a cut leaves, BigQuery drops after this."""

Columns = Sequence[tuple[str, ColumnType]]
_SEEN: Columns = (("part", Integer()), ("hash", Text()), ("day", Integer()), ("mask", Integer()))


def make_loader(connection: BigQueryConnection, journal: str) -> "BigQueryLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return BigQueryLoader(connection, journal)


class BigQueryLoader:
    def __init__(self, connection: BigQueryConnection, journal: str) -> None:
        self._connection = connection
        self._journal = journal
        self._seen = _table(TableName(journal, "seen"))
        self._writable: set[TableName] = set()
        self._folder = staging.private_folder(self)
        self.stage = staging.open_stage(self._folder, memory_mb=connection.memory_mb)

    def ready(self, columns: int) -> None:
        """Nothing is to be made before."""

    def insert(self, table: TableName, columns: Columns, select: str, nulls: Collection[str] = ()) -> int:
        del nulls  # a column of nulls costs nothing, and one that is left out would take a DEFAULT of the table
        self._check_right(table)
        place, rows = self._load(columns, select)
        if rows:
            names, read = _listed(columns)
            self._later(f"INSERT INTO {_table(table)} ({names}) SELECT {read} FROM {place} AS n", expected=rows)
        return rows

    def insert_new(self, table: TableName, columns: Columns, select: str, *, key: str) -> int:
        self._check_right(table)
        place, rows = self._load(columns, select)
        if not rows:
            return 0
        names, read = _listed(columns)
        at = next(n for n, (name, _) in enumerate(columns) if name == key)
        new = (
            f"FROM {place} AS n WHERE NOT EXISTS"
            f" (SELECT 1 FROM {_table(table)} AS o WHERE o.{ident(key)} = {values.read(f'n.c{at}', columns[at][1])})"
        )
        return self._counted(f"INSERT INTO {_table(table)} ({names}) SELECT {read} {new}", new)

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        self._check_right(table)
        place, rows = self._load((("id", Text()), column), select)
        if not rows:
            return 0
        name = ident(column[0])
        value, where = values.read("n.c1", column[1]), f"CAST(o.id AS STRING) = n.c0 AND o.{name} IS NULL"
        return self._counted(
            f"UPDATE {_table(table)} AS o SET {name} = {value} FROM {place} AS n WHERE {where}",
            f"FROM {_table(table)} AS o JOIN {place} AS n ON {where}",
        )

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Bits are kept in append-only rows, as an UPDATE would meet others; a lookup ors those of the staged ids. It
        is what a chunk costs most: once, and of the days alone that matter.
        """
        place, rows = self._load(_SEEN, f"SELECT part, hash, day, mask FROM {_staged(ids)}")
        there: list[tuple[object, ...]] = []
        if rows:
            staged = f"(SELECT c0 AS part, c1 AS `hash`, c2 AS day, c3 AS mask FROM {place})"
            select = (
                f"SELECT s.part, s.`hash`, BIT_OR(s.feeds & i.mask{visible(windows)}) AS mask FROM {self._seen} AS s"
                f" JOIN {staged} AS i ON s.`hash` = i.`hash` AND s.part = i.part{self._since(ids, windows)}"
                " GROUP BY 1, 2"
            )
            stored = (
                f"({select})"  # where a column was added: no table is made within a transaction
                if self._connection.has_begun
                else self._connection.make_table(TableName(self._journal, _name()), select, expires_s=EXPIRES_S)
            )
            there = self._connection.query(f"SELECT part, `hash`, mask FROM {stored} WHERE mask <> 0")
            fresh = "i.mask & ~COALESCE(k.mask, 0)"
            self._later(
                f"INSERT INTO {self._seen} (part, `hash`, day, feeds) SELECT i.part, i.`hash`, i.day, {fresh}"
                f" FROM {staged} AS i LEFT JOIN {stored} AS k ON k.`hash` = i.`hash` AND k.part = i.part"
                f" WHERE {fresh} <> 0"
            )
        staging.run(
            self.stage,
            f"CREATE OR REPLACE TEMP TABLE {_staged(known)} AS SELECT unnest(?::SMALLINT[]) AS part,"
            " unnest(?::VARCHAR[])::UUID AS hash, unnest(?::BIGINT[]) AS mask",
            [[row[at] for row in there] for at in range(3)],
        )
        return len(there)

    def _since(self, ids: str, windows: Sequence[Window]) -> str:
        """Return the test for the days of `seen` that are looked at: a constant, so that BigQuery reads no other
        partition. "" where some id has no day, or a feed no window.
        """
        kept = dict.fromkeys({window.part for window in windows}, 0)
        for window in windows:
            kept[window.part] |= window.mask
        days = {part: max(one.days for one in windows if one.part == part) for part in kept}
        asked = f"SELECT part, min(day), bit_or(mask), bool_or(day IS NULL) FROM {_staged(ids)} GROUP BY part"
        parts = staging.run(self.stage, asked)
        if any(is_undated or mask & ~kept.get(part, 0) for part, _, mask, is_undated in parts):
            return ""
        first = min(int(day) - days[part] for part, day, _, _ in parts)
        return f" AND (s.day >= {first} OR s.day IS NULL)"

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        ids = " UNION DISTINCT ".join(
            f"SELECT {values.hashed('CAST(id AS STRING)')} AS h FROM {_table(table)} WHERE id IS NOT NULL"
            for table in tables
        )
        new = (
            f"FROM ({ids}) AS i WHERE NOT EXISTS (SELECT 1 FROM {self._seen} AS s"
            f" WHERE s.part = {part} AND s.`hash` = i.h AND s.feeds & {mask} <> 0)"
        )
        return self._counted(f"INSERT INTO {self._seen} (part, `hash`, feeds) SELECT {part}, h, {mask} {new}", new)

    def expire(self, window: Window) -> int:
        mine = f"part = {window.part} AND feeds & {window.mask} <> 0"
        ((last,),) = self._connection.query(f"SELECT MAX(day) FROM {self._seen} WHERE {mine}")
        if last is None:
            return 0
        gone = (
            f"FROM {self._seen} WHERE part = {window.part} AND feeds & ~{window.mask} = 0"
            f" AND day < {int(last) - window.days}"
        )
        return self._counted(f"DELETE {gone}", gone)

    def fold_users(self, fold: UsersFold) -> int:
        """Work out the new rows beside the tables, then merge them: an UPDATE of one would change what the other is
        worked out from.
        """
        self._check_right(fold.users)
        stored = frozenset(self._connection.columns_of(fold.users.schema, fold.users.table))
        traits = [trait for trait in fold.traits if trait[0] in stored]
        clock = [name for name in ("received_at", "timestamp") if name in stored]
        sent: list[tuple[str, ColumnType]] = [("id", Text()), *((name, Timestamp()) for name in clock)]
        sent += [(column, kind) for column, _, kind in traits]
        sent += [(f"at:{at}", Timestamp()) for _, at, _ in traits]
        select = f"SELECT {', '.join(_staged(name) for name, _ in sent)} FROM {_staged(fold.delta)}"
        place, rows = self._load(sent, select)
        if not rows:
            return 0
        at_of = {name: n for n, (name, _) in enumerate(sent)}
        new = {name: values.read(f"d.c{at_of[name]}", kind) for name, kind in sent}
        oldest = "CASE WHEN o.id IS NOT NULL THEN TIMESTAMP '0001-01-01 00:00:00+00' END"
        floor = f"COALESCE(o.received_at, {oldest})" if "received_at" in stored else oldest
        source = (
            f"FROM {place} AS d LEFT JOIN {_table(fold.users)} AS o ON o.id = d.c0"
            f" LEFT JOIN {_table(fold.times)} AS t ON t.id = d.c0"
        )
        chosen: dict[str, str] = {}
        changed: list[str] = []
        for name in clock:
            chosen[name] = values.greatest(new[name], f"o.{ident(name)}")
            changed.append(f"{chosen[name]} IS DISTINCT FROM o.{ident(name)}")
        times: dict[str, str] = {}
        for column, at, kind in traits:
            happened, old = new[f"at:{at}"], f"o.{ident(column)}"
            before = f"COALESCE(t.{ident(at)}, CASE WHEN t.id IS NULL THEN {floor} END)"
            greater = f"{new[column]} > {old}"
            if isinstance(kind, Json):
                greater = self._is_greater_document(new[column], old, f"{source} WHERE {happened} = {before}")
            value = values.newest(new[column], old, happened, before, greater, null_erases=fold.null_erases)
            chosen[column] = value
            changed.append(f"{values.compared(f'({value})', kind)} IS DISTINCT FROM {values.compared(old, kind)}")
            times[at] = values.greatest(happened, before)
        made = [*chosen.values(), *times.values()]
        listed = ", ".join(f"{value} AS c{n}" for n, value in enumerate(made))
        is_changed = f"(o.id IS NULL OR {' OR '.join(changed) or 'FALSE'}) AS changed"
        fresh = self._connection.make_table(
            TableName(self._journal, _name()),
            f"SELECT d.c0 AS id, {is_changed}{', ' + listed if listed else ''} {source}",
            expires_s=EXPIRES_S,
        )
        self._merge(fold.times, fresh, {at: f"n.c{len(chosen) + n}" for n, at in enumerate(times)}, only="TRUE")
        columns = {name: f"n.c{n}" for n, name in enumerate(chosen)}
        if "user_id" in stored:
            columns["user_id"] = "n.id"
        if "uuid_ts" in stored:
            columns["uuid_ts"] = f"TIMESTAMP '{fold.uuid_ts}'"
        self._merge(fold.users, fresh, columns, only="n.changed")
        return self._count(f"FROM {fresh} AS n WHERE n.changed")

    def _merge(self, table: TableName, fresh: str, columns: dict[str, str], *, only: str) -> None:
        """Columns that are not named keep what they hold."""
        sets = ", ".join(f"{ident(name)} = {value}" for name, value in columns.items())
        names = ", ".join(map(ident, ("id", *columns)))
        self._later(
            f"MERGE {_table(table)} AS o USING {fresh} AS n ON o.id = n.id"
            + (f" WHEN MATCHED AND {only} THEN UPDATE SET {sets}" if sets else "")
            + f" WHEN NOT MATCHED AND {only} THEN INSERT ({names}) VALUES ({', '.join(('n.id', *columns.values()))})"
        )

    def _is_greater_document(self, new: str, old: str, tied: str) -> str:
        """Return the predicate "the new one of two JSON documents of one instant is the greater"; `tied` is the FROM of
        the rows that have such.
        """
        texts = (f"TO_JSON_STRING({new})", f"TO_JSON_STRING({old})")
        stay = kept(self._connection.query(f"SELECT DISTINCT {', '.join(texts)} {tied} AND {texts[0]} <> {texts[1]}"))
        pairs = " OR ".join(
            " AND ".join(f"{text} = {_text(value)}" for text, value in zip(texts, pair, strict=True)) for pair in stay
        )
        return f"{new} IS NOT NULL" + (f" AND NOT ({pairs})" if pairs else "")

    def carry_out(self) -> None:
        self._connection.carry_out()

    def forget(self) -> None:
        staging.forget(self.stage)

    def _check_right(self, table: TableName) -> None:
        """Ask once whether the account may write to a table: what waits for the transaction is refused there for all
        feeds at once. Raises StatementError.
        """
        if table in self._writable:
            return
        self._connection.check_right(table, "bigquery.tables.updateData")
        self._writable.add(table)

    # --- loading ------------------------------------------------------------------

    def _load(self, columns: Columns, select: str) -> tuple[str, int]:
        """Send the rows of a SELECT over the stage into a new table of columns c0, c1, ..; return it, and how many."""
        names = [f"c{n}" for n in range(len(columns))]
        sent = ", ".join(f"{values.sent(name, kind)} AS {name}" for name, (_, kind) in zip(names, columns, strict=True))
        sql = f"SELECT {sent} FROM ({select}) AS staged({', '.join(names)})"
        with staging.files_of(self.stage, self._folder, sql, format="parquet") as files:
            if not files.rows:
                return "", 0
            table = TableName(self._journal, _name())
            shape = [(name, values.loaded(kind)) for name, (_, kind) in zip(names, columns, strict=True)]
            rows = self._connection.load_files(table, shape, files.paths, expires_s=EXPIRES_S)
            if rows != files.rows:
                raise StatementError(f"BigQuery: {files.rows} rows were sent, and {rows} have arrived")
            return _table(table), rows

    def _later(self, sql: str, *, expected: int | None = None) -> None:
        self._connection.later(sql, expected=expected)

    def _counted(self, sql: str, rows: str) -> int:
        """Leave a statement for the transaction; return how many rows it will write, by the FROM that it has."""
        count = self._count(rows)
        self._later(sql, expected=count)
        return count

    def _count(self, rows: str) -> int:
        ((count,),) = self._connection.query(f"SELECT COUNT(*) {rows}")
        return int(count)


def _name() -> str:
    return f"rows_{uuid.uuid4().hex}"


def _listed(columns: Columns) -> tuple[str, str]:
    names = ", ".join(ident(name) for name, _ in columns)
    return names, ", ".join(values.read(f"n.c{n}", kind) for n, (_, kind) in enumerate(columns))


def _staged(name: str) -> str:
    """Quote a name of the stage, which is DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def _table(name: TableName) -> str:
    return f"{ident(name.schema)}.{ident(name.table)}"


def _text(value: object) -> str:
    from sqlglot import exp

    return exp.Literal.string(str(value)).sql(dialect="bigquery")
