"""Staged relations -> PostgreSQL tables: CSV from a locked-down DuckDB in memory, through a pipe, into COPY."""

import os
import threading
import time
from collections.abc import Collection, Sequence

from engagectl.errors import StatementError
from engagectl.failpoint import hit
from engagectl.model.column_type import ColumnType, Json, JsonText, Native, Text, Timestamp
from engagectl.model.names import fit
from engagectl.model.schema import TableName
from engagectl.warehouses import staging
from engagectl.warehouses.contract import UsersFold, Window
from engagectl.warehouses.documents import kept
from engagectl.warehouses.postgres.column_types import LIMITS
from engagectl.warehouses.postgres.connect import PostgresConnection, _told_safely
from engagectl.warehouses.statements import executed

_PIECE_BYTES = 1 << 20


def make_loader(connection: PostgresConnection, journal: str) -> "PostgresLoader":
    """Return the loader of an open connection; `journal` is the name of the journal's schema."""
    return PostgresLoader(connection, journal)


class PostgresLoader:
    def __init__(self, connection: PostgresConnection, journal: str) -> None:
        self._connection = connection
        self._seen = _table(TableName(journal, "seen"))
        folder = staging.private_folder(self)
        self._pipe = str(folder / "rows")
        self._known_defaults: dict[TableName, frozenset[str]] = {}
        os.mkfifo(self._pipe, 0o600)
        self.stage = staging.open_stage(folder, memory_mb=connection.memory_mb)

    def ready(self, columns: int) -> None:
        """Nothing is to be made before."""

    def insert(
        self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, nulls: Collection[str] = ()
    ) -> int:
        """A column that holds nothing is left out, unless the table would put its default there."""
        held = [(name, kind) for name, kind in columns if name not in nulls or name in self._defaults(table)]
        staged = ", ".join(_ident(name) for name, _ in columns)
        values = ", ".join(_sent(name, isinstance(kind, Timestamp)) for name, kind in held)
        return self._copy(
            f"SELECT {values} FROM ({select}) AS staged({staged})", _table(table), [name for name, _ in held]
        )

    def insert_new(self, table: TableName, columns: Sequence[tuple[str, ColumnType]], select: str, *, key: str) -> int:
        listed = ", ".join(_ident(name) for name, _ in columns)
        self._connection.execute("DROP TABLE IF EXISTS pg_temp.ec_rows")
        self._connection.execute(
            f"CREATE TEMP TABLE ec_rows ON COMMIT DROP AS SELECT {listed} FROM {_table(table)} WITH NO DATA"
        )
        self._copy(select, "pg_temp.ec_rows", [name for name, _ in columns])
        return self._connection.execute(
            f"INSERT INTO {_table(table)} ({listed}) SELECT {listed} FROM pg_temp.ec_rows AS n WHERE NOT EXISTS"
            f" (SELECT 1 FROM {_table(table)} AS o WHERE o.{_ident(key)} = n.{_ident(key)})"
        )

    def fill(self, table: TableName, column: tuple[str, ColumnType], select: str) -> int:
        name = _ident(column[0])
        self._connection.execute("DROP TABLE IF EXISTS pg_temp.ec_fill")
        self._connection.execute(
            f"CREATE TEMP TABLE ec_fill ON COMMIT DROP AS SELECT id::text AS id, {name} FROM {_table(table)}"
            " WITH NO DATA"
        )
        self._copy(select, "pg_temp.ec_fill", ["id", column[0]])
        return self._connection.execute(
            f"UPDATE {_table(table)} AS o SET {name} = n.{name} FROM pg_temp.ec_fill AS n"
            f" WHERE o.id::text = n.id AND o.{name} IS NULL"
        )

    def remember(self, ids: str, known: str, windows: Sequence[Window] = ()) -> int:
        """Look the ids up, then store those that are new: the journal is locked, so nobody else stores any meanwhile.

        An insert that looks for conflicts itself costs the server half as much again. An id has one row for all feeds
        of a part; the day of a feed with a window, which is nobody else's, is in a row of a part of its own.
        """
        pg = self._connection
        pg.execute("DROP TABLE IF EXISTS pg_temp.ec_ids")
        pg.execute("CREATE TEMP TABLE ec_ids (part smallint, hash uuid, day integer, mask bigint) ON COMMIT DROP")
        staged = f"SELECT part, hash, day, mask FROM {_ident(ids)}"
        self._copy(f"{staged} ORDER BY part, hash", "pg_temp.ec_ids", ("part", "hash", "day", "mask"))
        # LIMIT keeps the planner at one look into the index for each id, however many are stored
        there = pg.query(
            f"SELECT i.part, i.hash::text, i.day, i.mask, s.feeds & i.mask{self._visible(windows)}"
            " FROM pg_temp.ec_ids AS i"
            f" CROSS JOIN LATERAL (SELECT day, feeds FROM {self._seen} WHERE part = i.part AND hash = i.hash LIMIT 1)"
            " AS s"
        )
        self._stage_ids(known, [(part, found, seen) for part, found, _, _, seen in there])
        new = f"{staged} ANTI JOIN {_ident(known)} USING (part, hash) ORDER BY part, hash"
        self._copy(new, self._seen, ("part", "hash", "day", "feeds"))
        if changed := [(part, found, day, mask) for part, found, day, mask, seen in there if seen != mask]:
            pg.execute(
                f"UPDATE {self._seen} AS s SET feeds = s.feeds | i.mask, day = greatest(s.day, i.day)"
                " FROM unnest(?::smallint[], ?::uuid[], ?::integer[], ?::bigint[]) AS i(part, hash, day, mask)"
                " WHERE s.part = i.part AND s.hash = i.hash",
                [list(column) for column in zip(*changed, strict=True)],
            )
        staging.run(self.stage, f"DELETE FROM {_ident(known)} WHERE mask = 0")
        for window in windows:
            self._remember_day(window, ids, known)
        return sum(seen != 0 for *_, seen in there)

    def _visible(self, windows: Sequence[Window]) -> str:
        """Return ` & ..` for each window: what is left of the bits of `s` for an id `i` of the chunk.

        It goes by the day of the feed's own row; what the feed knew before it had a window has none.
        """
        return "".join(
            f" & CASE WHEN i.part = {window.part} AND i.mask & {window.mask}::bigint <> 0 AND coalesce((SELECT day FROM"
            f" {self._seen} WHERE part = {_own_part(window)} AND hash = i.hash LIMIT 1), s.day) < i.day - {window.days}"
            f" THEN ~({window.mask}::bigint) ELSE -1 END"
            for window in windows
        )

    def _remember_day(self, window: Window, ids: str, known: str) -> None:
        """Store the day of each id that loads for a feed with a window."""
        pg, own = self._connection, _own_part(window)
        pg.execute("DROP TABLE IF EXISTS pg_temp.ec_days")
        pg.execute("CREATE TEMP TABLE ec_days (part smallint, hash uuid, day integer, feeds bigint) ON COMMIT DROP")
        loads = (
            f"SELECT {own} AS part, hash, day, CAST({window.mask} AS BIGINT) AS feeds FROM {_ident(ids)} AS i"
            f" WHERE part = {window.part} AND mask & {window.mask} <> 0 AND NOT EXISTS (SELECT 1 FROM {_ident(known)}"
            f" AS k WHERE k.part = i.part AND k.hash = i.hash AND k.mask & {window.mask} <> 0) ORDER BY hash"
        )
        self._copy(loads, "pg_temp.ec_days", ("part", "hash", "day", "feeds"))
        pg.execute(
            f"INSERT INTO {self._seen} AS s (part, hash, day, feeds) SELECT part, hash, day, feeds FROM pg_temp.ec_days"
            " ON CONFLICT (part, hash) DO UPDATE SET day = greatest(s.day, excluded.day)"
        )

    def _stage_ids(self, name: str, rows: Sequence[tuple[object, object, object]]) -> None:
        staging.run(
            self.stage,
            f"CREATE OR REPLACE TEMP TABLE {_ident(name)} AS SELECT unnest(?::SMALLINT[]) AS part,"
            " unnest(?::VARCHAR[])::UUID AS hash, unnest(?::BIGINT[]) AS mask",
            [[row[at] for row in rows] for at in range(3)],
        )

    def know(self, tables: Sequence[TableName], part: int, mask: int) -> int:
        ids = " UNION ".join(
            f"SELECT md5(id::text)::uuid AS hash FROM {_table(table)} WHERE id IS NOT NULL" for table in tables
        )
        return self._connection.execute(
            f"INSERT INTO {self._seen} AS s (part, hash, feeds) SELECT {part}, hash, {mask}::bigint FROM ({ids}) AS i"
            " ORDER BY hash ON CONFLICT (part, hash) DO UPDATE SET feeds = s.feeds | excluded.feeds"
            f" WHERE s.feeds & {mask}::bigint = 0"
        )

    def expire(self, window: Window) -> int:
        last = (
            f"SELECT coalesce((SELECT max(day) FROM {self._seen} WHERE part = {_own_part(window)}),"
            f" (SELECT max(day) FROM {self._seen} WHERE part = {window.part} AND feeds & {window.mask}::bigint <> 0))"
        )
        self._connection.execute(
            f"WITH gone AS (DELETE FROM {self._seen} WHERE part = {_own_part(window)}"
            f" AND day < ({last}) - {window.days} RETURNING hash)"
            f" UPDATE {self._seen} AS s SET feeds = s.feeds & ~({window.mask}::bigint) FROM gone"
            f" WHERE s.part = {window.part} AND s.hash = gone.hash AND s.feeds & ~({window.mask}::bigint) <> 0"
        )
        return self._connection.execute(
            f"DELETE FROM {self._seen} WHERE part = {window.part} AND feeds & ~({window.mask}::bigint) = 0"
            f" AND day < ({last}) - {window.days}"
        )

    def fold_users(self, fold: UsersFold) -> int:
        """Merge by joins, not ON CONFLICT: data tables have no keys."""
        pg, users, times = self._connection, _table(fold.users), _table(fold.times)
        stored = self._types(fold.users)
        traits = [trait for trait in fold.traits if trait[0] in stored]
        clock = [name for name in ("received_at", "timestamp") if name in stored]
        shape = {"id": "text", "received_at": "timestamptz", "timestamp": "timestamptz"}
        shape |= {column: stored[column] for column, _, _ in traits} | {_at(at): "timestamptz" for _, at, _ in traits}
        pg.execute("DROP TABLE IF EXISTS pg_temp.ec_delta, pg_temp.ec_new")
        pg.execute(
            f"CREATE TEMP TABLE ec_delta ({', '.join(f'{_ident(n)} {t}' for n, t in shape.items())}) ON COMMIT DROP"
        )
        staged = {_at(at): f"at:{at}" for _, at, _ in traits}
        times_of = {"received_at", "timestamp", *staged}
        sent = ", ".join(_sent(staged.get(name, name), name in times_of) for name in shape)
        self._copy(f"SELECT {sent} FROM {_ident(fold.delta)}", "pg_temp.ec_delta", list(shape))
        oldest = "CASE WHEN o.id IS NOT NULL THEN timestamptz '-infinity' END"
        floor = f"coalesce(o.received_at, {oldest})" if "received_at" in stored else oldest
        old = {
            at: f"coalesce(t.{_ident(at)}::timestamptz, CASE WHEN t.id IS NULL THEN {floor} END)" for _, at, _ in traits
        }
        values: dict[str, str] = {name: f"greatest(d.{_ident(name)}, o.{_ident(name)})" for name in clock}
        if "user_id" in stored:
            values["user_id"] = "d.id"
        source = (
            f"FROM pg_temp.ec_delta AS d LEFT JOIN {users} AS o ON o.id = d.id LEFT JOIN {times} AS t ON t.id = d.id"
        )
        for n, (column, at, kind) in enumerate(traits):
            name, happened = _ident(column), f"d.{_ident(_at(at))}"
            greater = (
                self._is_greater_document(name, f"{source} WHERE {happened} = {old[at]}", f"ec_stay_{n}")
                if isinstance(kind, Json)
                else _is_greater(name, kind)
            )
            values[column] = _newest(name, happened, old[at], greater, null_erases=fold.null_erases)
        clocks = self._types(fold.times)
        fresh = {_at(at): _as_stored(f"greatest(d.{_ident(_at(at))}, {old[at]})", clocks[at]) for _, at, _ in traits}
        chosen = ", ".join(f"{sql} AS {_ident(name)}" for name, sql in (values | fresh).items())
        said = {column: f"d.{_ident(_at(at))} IS NOT NULL AND " for column, at, _ in traits}  # else nothing is new
        changed = " OR ".join(
            f"({said.get(name, '')}({sql})::text IS DISTINCT FROM o.{_ident(name)}::text)"
            for name, sql in values.items()
        )
        pg.execute(
            f"CREATE TEMP TABLE ec_new ON COMMIT DROP AS SELECT d.id, t.id IS NOT NULL AS timed,"
            f" o.id IS NOT NULL AS there, (o.id IS NULL OR {changed or 'false'}) AS changed"
            f"{', ' + chosen if chosen else ''} {source}"
        )
        self._write(times, {at: _at(at) for _, at, _ in traits}, there="timed", only="true")
        hit("users.times_written")
        stamp = f"timestamptz '{fold.uuid_ts}'" if "uuid_ts" in stored else ""
        return self._write(users, {name: name for name in values}, there="there", only="n.changed", stamp=stamp)

    def _is_greater_document(self, name: str, tied: str, table: str) -> str:
        """Return the predicate "the new one of two JSON documents of one instant is the greater"; `tied` is the FROM of
        the rows that have such, `table` the name of a TEMP table.
        """
        new, old = f"d.{name}::text", f"o.{name}::text"
        stay = kept(self._connection.query(f"SELECT DISTINCT {new}, {old} {tied} AND {new} <> {old}"))
        if not stay:
            return f"d.{name} IS NOT NULL"
        self._connection.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
        self._connection.execute(
            f"CREATE TEMP TABLE {table} ON COMMIT DROP AS SELECT unnest(?::text[]) AS new, unnest(?::text[]) AS old",
            [[pair[at] for pair in stay] for at in range(2)],
        )
        return f"d.{name} IS NOT NULL AND ({new}, {old}) NOT IN (SELECT new, old FROM pg_temp.{table})"

    def _write(self, table: str, columns: dict[str, str], *, there: str, only: str, stamp: str = "") -> int:
        """Update the rows that are there and append the others; columns that are not named keep what they hold."""
        pairs = [(_ident(name), f"n.{_ident(made)}") for name, made in columns.items()]
        pairs += [("uuid_ts", stamp)] if stamp else []
        done = 0
        if pairs:
            sets = ", ".join(f"{name} = {value}" for name, value in pairs)
            done = self._connection.execute(
                f"UPDATE {table} AS o SET {sets} FROM pg_temp.ec_new AS n WHERE o.id = n.id AND n.{there} AND {only}"
            )
        pairs.insert(0, ("id", "n.id"))
        return done + self._connection.execute(
            f"INSERT INTO {table} ({', '.join(name for name, _ in pairs)}) SELECT"
            f" {', '.join(value for _, value in pairs)} FROM pg_temp.ec_new AS n WHERE NOT n.{there} AND {only}"
        )

    def carry_out(self) -> None:
        """Nothing waits."""

    def forget(self) -> None:
        staging.forget(self.stage)

    def _defaults(self, table: TableName) -> frozenset[str]:
        """Return the columns into which the table puts something where nothing is said; asked once."""
        if table not in self._known_defaults:
            found = self._connection.query(
                "SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND atthasdef",
                (_table(table),),
            )
            self._known_defaults[table] = frozenset(str(name) for (name,) in found)
        return self._known_defaults[table]

    def _types(self, table: TableName) -> dict[str, str]:
        return {
            str(name): str(kind)
            for name, kind in self._connection.query(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped",
                (_table(table),),
            )
        }

    def _copy(self, select: str, table: str, columns: Sequence[str]) -> int:
        """Send the rows of a SELECT over the stage. An empty text is quoted and a null is not."""
        # before PostgreSQL 17 a line of \. ends the rows, so a text that is alone in its row is quoted too
        quoted = "FORCE_QUOTE *, " if len(columns) == 1 else ""
        read_end = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        held = os.open(self._pipe, os.O_WRONLY)  # until the stage has opened it too, a read must not see the end
        os.set_blocking(read_end, True)
        failed: list[StatementError] = []

        def write() -> None:
            try:
                staging.run(
                    self.stage,
                    f"COPY ({select}) TO '{self._pipe}'"
                    f" (FORMAT csv, HEADER false, {quoted}NULLSTR '', USE_TMP_FILE false)",
                )
            except StatementError as error:
                failed.append(error)
            finally:
                os.close(held)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        sql = f"COPY {table} ({', '.join(map(_ident, columns))}) FROM STDIN (FORMAT csv, NULL '')"
        began = time.perf_counter()
        try:
            with _told_safely(sql), self._connection.handle.cursor() as cursor:
                with cursor.copy(sql.encode()) as copy:
                    while piece := os.read(read_end, _PIECE_BYTES):
                        copy.write(piece)
                    writer.join()
                    if failed:
                        raise failed[0]
                rows = max(cursor.rowcount, 0)
            executed(self._connection.warehouse, sql, rows=rows, began=began)
            return rows
        finally:
            # The writer may not have opened the pipe yet, and would wait for ever for a reader: read on to the end.
            while os.read(read_end, _PIECE_BYTES):
                pass
            os.close(read_end)
            writer.join()


def _sent(name: str, is_time: bool) -> str:
    """Return a staged column as it is sent. An instant goes as the session's UTC says it: DuckDB writes a time without
    a zone in a third of the time.
    """
    return f"make_timestamp(epoch_us({_ident(name)}))" if is_time else _ident(name)


def _at(times_column: str) -> str:
    """Name an event time in the delta apart from the value: the times column may carry the trait's own name. Long names
    would be cut, and be one.
    """
    name = f"at:{times_column}"
    return fit(name, name, identifier_bytes=LIMITS.identifier_bytes)


def _is_greater(name: str, kind: ColumnType) -> str:
    """Return the predicate "the new value is the greater of its instant"; text is compared by its bytes."""
    as_bytes = '::text COLLATE "C"' if isinstance(kind, Text | JsonText | Native) else ""
    return f"d.{name}{as_bytes} > o.{name}{as_bytes}"


def _newest(column: str, at: str, old: str, is_greater: str, *, null_erases: bool) -> str:
    """The greater event time wins, ties by the greater value; null never wins (or is the smallest of its instant)."""
    new_value, old_value = f"d.{column}", f"o.{column}"
    empty = f"{at} IS NULL" if null_erases else f"{new_value} IS NULL"
    never = "false" if null_erases else f"{old_value} IS NULL"
    return (
        f"CASE WHEN {empty} THEN {old_value} WHEN {never} OR {old} IS NULL OR {at} > {old} THEN {new_value}"
        f" WHEN {at} = {old} AND ({old_value} IS NULL OR {is_greater}) THEN {new_value} ELSE {old_value} END"
    )


def _as_stored(time: str, kind: str) -> str:
    """Write a time as the column of times holds it: the journal's text form, or a timestamp."""
    if kind != "text":
        return time
    return f"to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


_FEEDS_A_PART = 63


def _own_part(window: Window) -> int:
    """Return the part of the days of one feed: below zero, where no other is."""
    return -(window.part * _FEEDS_A_PART + window.mask.bit_length())


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: TableName) -> str:
    return f"{_ident(name.schema)}.{_ident(name.table)}"
