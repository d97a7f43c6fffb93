"""What a chunk could not store, staged as `ec_quarantine`: lines, whole messages and cells, with their place.

No more is kept than must be: values that a feed hashes or that selective sync excludes stay behind as their SHA-256.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engagectl.journal.quarantine import LINE_FEED, QUARANTINE
from engagectl.model.feed import AtPath, Feed, FeedTable, InBody, Standard
from engagectl.sync.exact import line_bytes
from engagectl.sync.inputs.joined import Part
from engagectl.sync.route import Cell
from engagectl.sync.sql.quoting import literal, pointer
from engagectl.sync.stage import LINES, Lines, Stage, alternatives
from engagectl.warehouses.contract import Loader

KEPT_BYTES = 1024
STAGED = "ec_quarantine"
LOCATED = "ec_quarantine_located"
PARTS = "ec_parts"
UNFIT = "ec_unfit"
"""The messages with a value that does not fit a column of some feed."""
_COLUMNS = (
    "feed INTEGER, message_id VARCHAR, schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, reason VARCHAR,"
    " line_offset BIGINT, line BIGINT, content VARCHAR, content_kind VARCHAR, length BIGINT, row_id VARCHAR,"
    " happened_at VARCHAR"
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What of a message may be kept only as a hash: normalised keys of the body, and payload paths."""

    keys: frozenset[str]
    paths: frozenset[tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.keys or self.paths)

    def hides(self, cell: Cell) -> bool:
        """Tell whether the cell is such a value, or holds one."""
        value = cell.column.value
        if isinstance(value, InBody):
            return bool(cell.column.transforms or self.keys & set(value.keys))
        if isinstance(value, AtPath):
            mine = alternatives(value)
            return any(secret[: len(path)] == path for secret in self.paths for path in mine)
        return False


def secrets_of(feed: Feed) -> Secrets:
    """Return what the columns of a feed transform, or selective sync keeps from them."""
    keys: set[str] = set()
    paths: set[tuple[str, ...]] = set()
    for table in feed.tables:
        for column in table.columns:
            if isinstance(column.value, Standard) or (column.fed and not column.transforms):
                continue
            if isinstance(column.value, InBody):
                keys.update(column.value.keys)
            else:
                paths.update(alternatives(column.value))
    return Secrets(frozenset(keys), frozenset(paths))


def begin(stage: Stage) -> None:
    stage.handle.execute(f"CREATE OR REPLACE TEMP TABLE {STAGED} ({_COLUMNS})")


def keep_lines(stage: Stage, chunk: Lines, *, secret: bool) -> None:
    """Stage the lines that are no message, once for all feeds; of those that are too long only the head is left."""
    text = "CAST(NULL AS VARCHAR)" if secret else f"replace({_cut('l.line')}, chr(0), '\\u0000')"
    if stage.handle.execute("SELECT 1 FROM ec_messages WHERE shape IS NOT NULL LIMIT 1").fetchall():
        stage.handle.execute(
            f"INSERT INTO {STAGED} SELECT {LINE_FEED}, sha256({_cut('l.line')}), '', '', '', m.shape, {_place(chunk)},"
            f" {_content(f'substr({text}, 1, {KEPT_BYTES})', _cut('l.line'), 'line')}, '', NULL"
            f" FROM ec_messages AS m JOIN {LINES} AS l ON l.line_no = m.line_no"
            " WHERE m.shape IS NOT NULL AND l.line IS NOT NULL"
        )
    odd = dict.fromkeys(chunk.not_utf8, "invalid_utf8") | dict.fromkeys(chunk.too_long, "too_long")
    rows = [_odd(chunk, line, reason, line_bytes(chunk, line), secret=secret) for line, reason in sorted(odd.items())]
    rows += [
        _odd(chunk, 0, "too_long", long.head, secret=secret)
        | {"o": long.offset, "n": long.line + 1, "l": long.length - 1}
        for long in chunk.overlong
    ]
    if rows:
        stage.handle.execute(
            f"INSERT INTO {STAGED} SELECT {LINE_FEED}, x.m, '', '', '', x.r, x.o, x.n, x.t, x.k, x.l, '', NULL FROM"
            ' (SELECT unnest(from_json(CAST(? AS JSON), \'[{"m":"VARCHAR","r":"VARCHAR","o":"BIGINT",'
            '"n":"BIGINT","t":"VARCHAR","k":"VARCHAR","l":"BIGINT"}]\')) AS x)',
            [json.dumps(rows)],
        )


def _odd(chunk: Lines, line: int, reason: str, data: bytes, *, secret: bool) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    text = data[:KEPT_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\u0000")
    return {
        "m": digest,
        "r": reason,
        "o": chunk.place(line),
        "n": chunk.line + line + 1,
        "t": digest if secret else text,
        "k": "sha256" if secret else "line",
        "l": len(data),
    }


def keep_messages(stage: Stage, chunk: Lines, number: int, outcomes: str, secrets: Secrets) -> None:
    """Stage the messages of a feed that are quarantined whole: as they were sent, or with hashes in them."""
    text = _cut("l.line")
    kept = f"CAST(json_merge_patch(l.line, {_patch(stage, secrets)}) AS VARCHAR)" if secrets else text
    message = f"coalesce(replace(m.message_id, chr(0), '\\u0000'), sha256({text}))"
    stage.handle.execute(
        f"INSERT INTO {STAGED} SELECT {number}, {message}, '', '', '', substr(o.outcome, 3), {_place(chunk)},"
        f" {kept}, '{'redacted' if secrets else 'json'}', strlen({text}), {message}, {_time('m.event_time')}"
        f" FROM {outcomes} AS o JOIN ec_messages AS m ON m.line_no = o.line_no JOIN {LINES} AS l"
        " ON l.line_no = o.line_no WHERE starts_with(o.outcome, 'q:') AND m.shape IS NULL"
    )


def keep_cells(stage: Stage, chunk: Lines, number: int, table: FeedTable, parts: tuple[Cell, ...], cells: str) -> None:
    """Stage the values of rows that load which do not fit their columns."""
    of = f"{literal(table.name.schema)}, {literal(table.name.table)}"
    for n, cell in enumerate(parts):
        if not cell.misfits:
            continue
        row = "m.user_id" if table.role == "users" else "m.message_id"
        content = _content("NULL" if cell.secret else f"({cell.sent})", f"({cell.sent})", "text")
        stage.handle.execute(
            f"INSERT INTO {STAGED} SELECT {number}, m.message_id, {of}, {literal(cell.column.name)}, 'does_not_fit',"
            f" {_place(chunk)}, {content}, {row}, {_time('m.event_time')} FROM {UNFIT} AS m"
            f" JOIN {LINES} AS l ON l.line_no = m.line_no"
            f" WHERE m.line_no IN (SELECT line_no FROM {cells} WHERE c{n} IS NULL) AND ({cell.sent}) IS NOT NULL"
        )


def keep_undeclared(stage: Stage, chunk: Lines, number: int, values: str) -> None:
    """Stage the values of undeclared keys; `values` is a relation of (line_no, k, v)."""
    stage.handle.execute(
        f"INSERT INTO {STAGED} SELECT {number}, m.message_id, '', '', replace(u.k, chr(0), '\\u0000'), 'undeclared',"
        f" {_place(chunk)}, {_content('u.v', 'u.v', 'text')}, m.message_id, {_time('m.event_time')}"
        f" FROM {values} AS u JOIN ec_messages AS m ON m.line_no = u.line_no"
        f" JOIN {LINES} AS l ON l.line_no = u.line_no"
    )


def count_cells(stage: Stage, number: int) -> int:
    """Return how many values, whole messages apart, are staged for a feed."""
    (found,) = stage.handle.execute(
        f"SELECT count(*) FROM {STAGED} WHERE feed = {number} AND column_name <> ''"
    ).fetchall()
    return int(found[0])


def count_cells_by_part(stage: Stage, number: int) -> list[tuple[int, int]]:
    """Return how many values are staged for a feed of each file of the chunk that has any."""
    return stage.handle.execute(
        f"SELECT p.n, count(*) FROM {STAGED} AS q ASOF JOIN {PARTS} AS p ON q.line - 1 >= p.first"
        f" WHERE q.feed = {number} AND q.column_name <> '' GROUP BY 1"
    ).fetchall()


def begin_parts(stage: Stage, parts: Sequence[Part]) -> None:
    """Stage which lines of the chunk are whose, where it holds several files."""
    if len(parts) == 1:
        return
    rows = [{"n": n, "l": part.first, "s": part.start, "f": part.file.key} for n, part in enumerate(parts)]
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE {PARTS} AS SELECT x.n AS n, x.l AS first, x.s AS start, x.f AS file FROM"
        ' (SELECT unnest(from_json(CAST(? AS JSON), \'[{"n":"INTEGER","l":"INTEGER","s":"BIGINT","f":"VARCHAR"}]\'))'
        " AS x)",
        [json.dumps(rows)],
    )


def locate(stage: Stage, parts: Sequence[Part]) -> str:
    """Return what is staged with the file of each entry, its place counted from the beginning of that file."""
    if len(parts) == 1:
        source = f"SELECT *, {literal(parts[0].file.key)} AS file FROM {STAGED}"
    else:
        source = (
            f"SELECT q.* REPLACE (q.line_offset - p.start AS line_offset, q.line - p.first AS line), p.file"
            f" FROM {STAGED} AS q ASOF JOIN {PARTS} AS p ON q.line - 1 >= p.first"
        )
    stage.handle.execute(f"CREATE OR REPLACE TEMP VIEW {LOCATED} AS {source}")
    return LOCATED


def put_aside(stage: Stage, into: str) -> None:
    """Add what is located to what waits in another relation."""
    select = f"SELECT * FROM {LOCATED}"
    stage.handle.execute(f"CREATE TEMP TABLE IF NOT EXISTS {into} AS {select} LIMIT 0")
    stage.handle.execute(f"INSERT INTO {into} BY NAME {select}")


def store(
    loader: Loader, staged: str, *, journal: str, sync_id: str, recorded_at: str, content_bytes: int | None = None
) -> int:
    """Write what is staged to the journal; what is there already, from an earlier reading, stays as it is. Of content
    that is longer than a column of the journal holds (`content_bytes`) only the hash is kept.
    """
    (rows,) = loader.stage.execute(f"SELECT count(*) FROM {staged}").fetchall()
    if not rows[0]:
        return 0
    said = {"sync_id": literal(sync_id), "recorded_at": literal(recorded_at)}
    if content_bytes is not None:
        long = f"strlen(content) > {content_bytes}"
        said["content"] = f"CASE WHEN {long} THEN sha256(content) ELSE content END"
        said["content_kind"] = f"CASE WHEN {long} THEN 'sha256' ELSE content_kind END"
    # A whole message is known by what it holds too: of two with one id both are kept. A line by where it stands.
    which = (
        f'CASE WHEN feed = {LINE_FEED} THEN "file" || chr(31) || line_offset'
        " WHEN column_name = '' THEN sha256(content) END"
    )
    key = f"concat_ws(chr(31), feed, message_id, schema_name, table_name, column_name, reason, {which})"
    columns = [(column.name, column.type) for column in QUARANTINE.columns]
    listed = ", ".join("entry" if name == "entry" else said.get(name, f'"{name}"') for name, _ in columns)
    return loader.insert_new(
        QUARANTINE.name.__class__(journal, QUARANTINE.name.table),
        columns,
        f"SELECT {listed} FROM (SELECT *, CAST(md5({key}) AS UUID) AS entry FROM {staged})"
        " QUALIFY row_number() OVER (PARTITION BY entry ORDER BY line) = 1",
        key="entry",
    )


def _place(chunk: Lines) -> str:
    """Return offset and line number of `l`."""
    at = "l.line_no" if chunk.counts_rows else "l.start"
    return f"{chunk.offset} + {at}, {chunk.line} + l.line_no + 1"


def _content(text: str, whole: str, kind: str) -> str:
    """Return content, kind and length: the text, or where that is NULL the hash of the whole."""
    return (
        f"coalesce({text}, sha256({whole})), CASE WHEN {text} IS NULL THEN 'sha256' ELSE '{kind}' END, strlen({whole})"
    )


def _cut(line: str) -> str:
    return f"rtrim({line}, chr(13) || chr(10))"


def _time(value: str) -> str:
    return f"strftime(timezone('UTC', {value}), '%Y-%m-%dT%H:%M:%S.%fZ')"


def _patch(stage: Stage, secrets: Secrets) -> str:
    """Return a JSON merge patch of a line: the hash of each secret value in its place, nothing where there is none."""
    tree: dict[str, object] = {}
    bodies: list[tuple[str, ...]] = [("traits",), ("properties",)]
    if stage.shape.context_traits:
        bodies.append(("context", "traits"))
    raws = [raw for key in secrets.keys for raw in stage.spellings.get(key, ())]
    for path in [*secrets.paths, *((*body, raw) for body in bodies for raw in raws)]:
        _grow(tree, stage.shape.path(path))
    return _node(tree, ())


def _grow(tree: dict[str, object], path: Iterable[str]) -> None:
    *above, last = path
    for name in above:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # the whole of it is hashed
        tree = inner
    tree[last] = None


def _node(tree: Mapping[str, object], at: tuple[str, ...]) -> str:
    parts = []
    for name, inner in sorted(tree.items()):
        path = (*at, name)
        value = f"json_extract(l.line, {literal(pointer(path))})"
        if isinstance(inner, dict):
            there = f"json_type(l.line, {literal(pointer(path))}) = 'OBJECT'"
            patch = f"CASE WHEN {there} THEN {_node(inner, path)} ELSE {value} END"
        else:
            text = f"CAST({value} AS VARCHAR)"
            patch = f"CASE WHEN {text} <> 'null' THEN to_json('sha256:' || sha256({text})) END"
        parts.append(f"{literal(name)}, {patch}")
    return f"json_object({', '.join(parts)})"
