"""The words of a landing in DuckDB: what each must mean. Objects lie in fsspec's memory, and DuckDB stands in for the
warehouse that takes them; no product of ours loads so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engagectl.model.column_type import ColumnType
from engagectl.model.schema import TableName
from engagectl.sync.sql.quoting import ident, literal, pointer
from engagectl.warehouses.contract import Loader, UsersFold
from engagectl.warehouses.duckdb.column_types import type_sql
from engagectl.warehouses.landing import LINES, PLAIN, Remembered


class DuckdbWords:
    def literal(self, text: str) -> str:
        return literal(text)

    def name(self, name: str) -> str:
        return ident(name)

    def as_text(self, value: str) -> str:
        return f"CAST({value} AS VARCHAR)"

    def matches(self, text: str, pattern: str) -> str:
        return f"regexp_full_match({text}, {literal(pattern)})"

    def finds(self, text: str, pattern: str) -> str:
        return f"regexp_matches({text}, {literal(pattern)})"

    def part(self, text: str, pattern: str) -> str:
        return f"nullif(regexp_extract({text}, {literal(pattern)}), '')"

    def contains(self, text: str, part: str) -> str:
        return f"contains({text}, {part})"

    def code(self, number: int) -> str:
        return f"chr({number})"

    def joined(self, *texts: str) -> str:
        return f"({' || '.join(texts)})"

    def chars(self, text: str) -> str:
        return f"length({text})"

    def bytes(self, text: str) -> str:
        return f"strlen({text})"

    def slice(self, text: str, start: int, end: int) -> str:
        return f"substr({text}, {start}, length({text}) - {start + end - 1})"

    def unescaped(self, text: str) -> str:
        return f"json_extract_string({text}, '$')"

    def node(self, line: str) -> str:
        keys = f"json_keys({line})"
        return f"CASE WHEN json_valid({line}) THEN CASE WHEN len({keys}) = list_unique({keys}) THEN {line} END END"

    def at(self, node: str, path: tuple[str, ...]) -> str:
        return f"json_extract({node}, {literal(pointer(path))})"

    def text(self, node: str) -> str:
        return f"nullif(CAST({node} AS VARCHAR), 'null')"

    def instant(self, text: str) -> str:
        return f"try_cast({text} AS TIMESTAMPTZ)"

    def date(self, text: str) -> str:
        return f"try_cast({text} AS DATE)"

    def day_later(self, instant: str) -> str:
        return f"({instant} + INTERVAL 24 HOUR)"

    def stamp(self, instant: str) -> str:
        return f"strftime(timezone('UTC', {instant}), '%Y-%m-%dT%H:%M:%S.%fZ')"

    def typed(self, text: str, kind: ColumnType) -> str:
        return f"CAST({text} AS {type_sql(kind)})"

    def id_hash(self, text: str) -> str:
        return f"CAST(md5({text}) AS UUID)"

    def digest(self, text: str) -> str:
        return f"md5({text})"

    def sha256(self, text: str) -> str:
        return f"sha256({text})"

    def keys(self, table: str, body: str, kind: str, between: str) -> str:
        at = "json_extract(body, '/' || replace(replace(k, '~', '~0'), '/', '~1'))"
        return (
            f"SELECT file, row_no, string_agg(k || {kind}, {between} ORDER BY k) AS keys FROM"
            f" (SELECT file, row_no, k, CAST({at} AS VARCHAR) AS v FROM"
            f" (SELECT file, row_no, {body} AS body, unnest(json_keys({body})) AS k FROM {table} WHERE plain = 1"
            f" AND {body} IS NOT NULL)) GROUP BY file, row_no"
        )


class DuckdbLanding:
    """`objects` are what lies in the store, by URL; what is no text, or in `refused`, does not arrive."""

    def __init__(self, loader: Loader, objects: Mapping[str, bytes], refused: Sequence[str] = ()) -> None:
        self.words = DuckdbWords()
        self.judged = 0  # lines that stayed in the warehouse, over all batches
        self._loader = loader
        self._objects = objects
        self._refused = refused
        self._sessions, self._is_made = 0, False

    @property
    def sessions(self) -> int:
        """What is rolled back takes the loader's temporary tables along, as a lost session does."""
        asked = "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name = ?"
        ((there,),) = self._loader.stage.execute(asked, [PLAIN]).fetchall()
        if self._is_made and not there:
            self._sessions, self._is_made = self._sessions + 1, False
        return self._sessions

    def takes(self, url: str) -> bool:
        return url in self._objects

    def copy(self, urls: Sequence[str]) -> Mapping[str, str]:
        run = self._loader.stage.execute
        run(f"CREATE OR REPLACE TEMP TABLE {LINES} (file VARCHAR, row_no BIGINT, line VARCHAR)")
        arrived = {}
        for url in urls:
            try:
                text = self._objects[url].decode()
            except UnicodeDecodeError:
                continue
            if url in self._refused:
                continue
            arrived[url] = name = url.rpartition("/")[2]
            lines = text.removesuffix("\n").split("\n") if text else []
            run(
                f"INSERT INTO {LINES} SELECT ?, unnest(range(1, ?)), unnest(?::VARCHAR[])",
                [name, len(lines) + 1, lines],
            )
        return arrived

    def make(self, table: str, select: str) -> None:
        self._loader.stage.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {select}")
        self._is_made |= table == PLAIN

    def table(self, name: TableName) -> str:
        return f"{ident(name.schema)}.{ident(name.table)}"

    def column(self, table: TableName, name: str) -> str:
        del table
        return ident(name)

    def remember(self, feeds: Sequence[Remembered]) -> None:
        ((lines,),) = self._loader.stage.execute(f"SELECT count(*) FROM {PLAIN}").fetchall()
        self.judged += lines
        rows = " UNION ALL ".join(
            f"SELECT {one.part} AS part, hash, CAST({one.mask} AS BIGINT) AS mask FROM {PLAIN}"
            f" WHERE {one.outcome} = 'load'"
            for one in feeds
        )
        self.make(
            "ec_landed_ids",
            "SELECT CAST(part AS SMALLINT) AS part, hash, CAST(NULL AS INTEGER) AS day,"
            f" CAST(bit_or(mask) AS BIGINT) AS mask FROM ({rows}) GROUP BY part, hash",
        )
        self._loader.remember("ec_landed_ids", "ec_landed_known")
        for one in feeds:
            self._loader.stage.execute(
                f"UPDATE {PLAIN} SET {one.outcome} = 'duplicate' WHERE {one.outcome} = 'load' AND hash IN (SELECT hash"
                f" FROM ec_landed_known WHERE part = {one.part} AND mask & {one.mask} <> 0)"
            )

    def fold_users(self, fold: UsersFold, select: str) -> int:
        self.make("ec_landed_newest", select)
        return self._loader.fold_users(replace(fold, delta="ec_landed_newest"))
