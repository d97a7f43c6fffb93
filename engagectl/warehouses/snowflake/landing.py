"""Objects of external stages -> tables of the session, by COPY INTO; and the words by which they are judged there.

COPY INTO reads a file as CSV of one column without any escape, so that a record is a line as it stands. It passes over
a file that it cannot read whole. Numbers of pages are those of Snowflake's manual.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from engagectl.errors import InternalError
from engagectl.model.column_type import Boolean, ColumnType, Date, Decimal, Float, Integer, Json, Timestamp
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import UsersFold
from engagectl.warehouses.landing import LINES, PLAIN, Remembered, Source, Words
from engagectl.warehouses.snowflake.column_types import settle, type_sql
from engagectl.warehouses.snowflake.connect import SnowflakeConnection
from engagectl.warehouses.snowflake.load import SnowflakeLoader, hash_of
from engagectl.warehouses.words import quoted, word

FILES_MAX = 1000  # "COPY INTO <table>": FILES
FORMAT = (
    "TYPE = CSV COMPRESSION = AUTO FIELD_DELIMITER = NONE ESCAPE = NONE ESCAPE_UNENCLOSED_FIELD = NONE"
    " FIELD_OPTIONALLY_ENCLOSED_BY = NONE NULL_IF = () EMPTY_FIELD_AS_NULL = FALSE TRIM_SPACE = FALSE"
    " SKIP_BYTE_ORDER_MARK = FALSE"
)


class SnowflakeWords:
    def literal(self, text: str) -> str:
        """Backslash is an escape in a string constant ("String & binary data types")."""
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    def name(self, name: str) -> str:
        return quoted(name)

    def as_text(self, value: str) -> str:
        return f"CAST({value} AS VARCHAR)"

    def matches(self, text: str, pattern: str) -> str:
        """REGEXP_LIKE takes the whole text."""
        return f"REGEXP_LIKE({text}, {self.literal(f'({pattern})')})"

    def finds(self, text: str, pattern: str) -> str:
        return f"(REGEXP_INSTR({text}, {self.literal(pattern)}) > 0)"

    def part(self, text: str, pattern: str) -> str:
        return f"REGEXP_SUBSTR({text}, {self.literal(pattern)})"

    def contains(self, text: str, part: str) -> str:
        return f"CONTAINS({text}, {part})"

    def code(self, number: int) -> str:
        """A constant: LISTAGG takes no expression between the texts. A NUL cannot stand in a statement."""
        return self.literal(chr(number)) if number else "CHR(0)"

    def joined(self, *texts: str) -> str:
        return f"({' || '.join(texts)})"

    def chars(self, text: str) -> str:
        return f"LENGTH({text})"

    def bytes(self, text: str) -> str:
        return f"(BIT_LENGTH({text}) / 8)"

    def slice(self, text: str, start: int, end: int) -> str:
        return f"SUBSTR({text}, {start}, LENGTH({text}) - {start + end - 1})"

    def unescaped(self, text: str) -> str:
        """The emulator does not cast a VARIANT to its content, so it stands under a key ("JSON_EXTRACT_PATH_TEXT")."""
        return f"JSON_EXTRACT_PATH_TEXT('{{\"v\":' || {text} || '}}', 'v')"

    def node(self, line: str) -> str:
        """A key that stands twice in one object is an error ("TRY_PARSE_JSON": strict is the default)."""
        return f"TRY_PARSE_JSON({line})"

    def at(self, node: str, path: tuple[str, ...]) -> str:
        for key in path:
            node = f"GET({node}, {self.literal(key)})"
        return node

    def text(self, node: str) -> str:
        return f"NULLIF(TO_JSON({node}), 'null')"

    def instant(self, text: str) -> str:
        return f"CONVERT_TIMEZONE('UTC', TRY_CAST({text} AS TIMESTAMP_TZ))"

    def date(self, text: str) -> str:
        return f"TRY_CAST({text} AS DATE)"

    def day_later(self, instant: str) -> str:
        return f"DATEADD(hour, 24, {instant})"

    def stamp(self, instant: str) -> str:
        return f"(TO_VARCHAR(CONVERT_TIMEZONE('UTC', {instant}), 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6') || 'Z')"

    def typed(self, text: str, kind: ColumnType) -> str:
        match settle(kind):
            case Integer() | Float() | Decimal() | Timestamp() | Date() | Boolean():
                return f"TRY_CAST({text} AS {type_sql(kind)})"
            case Json():
                return f"TRY_PARSE_JSON({text})"
            case _:
                return text

    def id_hash(self, text: str) -> str:
        return hash_of(text)

    def digest(self, text: str) -> str:
        return f"MD5({text})"

    def sha256(self, text: str) -> str:
        return f"SHA2({text}, 256)"

    def keys(self, table: str, body: str, kind: str, between: str) -> str:
        return (
            f"SELECT q.file, q.row_no, LISTAGG(q.k || {kind}, {between}) WITHIN GROUP (ORDER BY q.k) AS keys FROM"
            f" (SELECT r.file, r.row_no, f.key AS k, TO_JSON(f.value) AS v FROM {table} AS r,"
            f" LATERAL FLATTEN(input => r.{body}) AS f WHERE r.plain = 1) AS q GROUP BY q.file, q.row_no"
        )


class SnowflakeLanding:
    """The tables are temporary and lie in the journal's schema. DDL would commit a transaction, so none is within."""

    def __init__(self, connection: SnowflakeConnection, loader: SnowflakeLoader, sources: Sequence[Source]) -> None:
        self.words: Words = SnowflakeWords()
        self._connection = connection
        self._loader = loader
        self._sources = tuple(sorted(sources, key=lambda source: -len(source.url)))  # the nearest first

    @property
    def sessions(self) -> int:
        return self._connection.sessions

    def takes(self, url: str) -> bool:
        return self._source(url) is not None

    def copy(self, urls: Sequence[str]) -> Mapping[str, str]:
        self._connection.execute(f"USE SCHEMA {word(self._loader.journal)}")
        self._connection.execute(
            f"CREATE OR REPLACE TEMPORARY TABLE {LINES} (file VARCHAR, row_no NUMBER(38, 0), line VARCHAR)"
        )
        by_source: dict[Source, list[str]] = defaultdict(list)
        for url in urls:
            source = self._source(url)
            if source is None:
                raise InternalError(f"{url} lies in no stage of the warehouse")
            by_source[source].append(url)
        bad: set[str] = set()
        for source, some in by_source.items():
            for start in range(0, len(some), FILES_MAX):
                files = [url.removeprefix(source.url) for url in some[start : start + FILES_MAX]]
                told = self._connection.query(self.copy_sql(source, files))
                bad |= {str(row[0]) for row in told if len(row) > 1 and row[1] != "LOADED"}
        names = [str(name) for (name,) in self._connection.query(f"SELECT DISTINCT file FROM {LINES}")]
        return _by_url(urls, [name for name in names if name not in bad])

    def copy_sql(self, source: Source, files: Sequence[str]) -> str:
        listed = ", ".join(map(self.words.literal, files))
        return (
            f"COPY INTO {LINES} (file, row_no, line) FROM (SELECT METADATA$FILENAME, METADATA$FILE_ROW_NUMBER, $1 FROM"
            f" @{source.stage}) FILES = ({listed}) FILE_FORMAT = ({FORMAT}) ON_ERROR = SKIP_FILE"
        )

    def make(self, table: str, select: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {table} AS {select}")

    def table(self, name: TableName) -> str:
        return self._loader.table(name)

    def column(self, table: TableName, name: str) -> str:
        return self._loader.column(table, name)

    def remember(self, feeds: Sequence[Remembered]) -> None:
        if not feeds:
            return
        seen, run = f"{word(self._loader.journal)}.seen", self._connection.execute
        for one in feeds:
            known = f"SELECT hash FROM {seen} WHERE part = {one.part} AND BITAND(feeds, {one.mask}) <> 0"
            run(f"UPDATE {PLAIN} SET {one.outcome} = 'duplicate' WHERE {one.outcome} = 'load' AND hash IN ({known})")
        rows = " UNION ALL ".join(
            f"SELECT {one.part} AS i_part, hash AS i_hash, {one.mask} AS i_mask FROM {PLAIN}"
            f" WHERE {one.outcome} = 'load'"
            for one in feeds
        )
        ids = f"SELECT i_part, i_hash, BITOR_AGG(i_mask) AS i_mask FROM ({rows}) AS w GROUP BY i_part, i_hash"
        joined = "part = i_part AND hash = i_hash"
        run(
            f"UPDATE {seen} SET feeds = BITOR(feeds, i_mask) FROM ({ids}) AS i"
            f" WHERE {joined} AND BITAND(feeds, i_mask) <> i_mask"
        )
        run(
            f"INSERT INTO {seen} (part, hash, feeds) SELECT i_part, i_hash, i_mask FROM ({ids}) AS i"
            f" WHERE NOT EXISTS (SELECT 1 FROM {seen} WHERE {joined})"
        )

    def fold_users(self, fold: UsersFold, select: str) -> int:
        return self._loader.fold_selected(fold, select)

    def _source(self, url: str) -> Source | None:
        return next((source for source in self._sources if url.startswith(source.url)), None)


def _by_url(urls: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Return the name that each object has in METADATA$FILENAME, its path within the bucket or the stage: the longest
    that its URL ends with. A name that may be two objects' is nobody's.
    """
    found: dict[str, str] = {}
    for url in urls:
        mine = [name for name in names if url.endswith("/" + name.removeprefix("/"))]
        if mine:
            found[url] = max(mine, key=len)
    taken = list(found.values())
    return {url: name for url, name in found.items() if taken.count(name) == 1}
