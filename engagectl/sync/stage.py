"""One chunk of lines -> `ec_message` in DuckDB: one row per line, standard fields typed, bodies and paths extracted.

What costs here is not parsing but writing wide tables. So a line is parsed once, down to the second level of the paths
that feeds ask for; what lies deeper is found in that short text when it is judged, which is once, and is nowhere
written: `ec_messages` is a view of what every message has, `ec_full` one of all that feeds ask for. What no line of the
chunk holds gets no column.

Every line gets a row. `shape` says what is wrong with a line that is no message; such a row holds nothing else. Values
stay the compact JSON text of what was sent, so that each column of each feed can judge them by its own type. The lines
themselves stay registered as `ec_lines` until `release`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from engagectl.engine import duckdb, read_arrow
from engagectl.model.feed import AtPath, Feed, InBody
from engagectl.model.names import stored_name
from engagectl.sync.exact import put_exact
from engagectl.sync.inputs.lines import Overlong
from engagectl.sync.inputs.shape import SEGMENT, Shape
from engagectl.sync.sql.casts import string_of, time_of
from engagectl.sync.sql.extract import extract, string_at
from engagectl.sync.sql.quoting import literal
from engagectl.sync.tombstones import are_staged

PERSONAS = ("context", "personas")
STANDARD: tuple[tuple[str, ...], ...] = (
    ("type",),
    ("messageId",),
    ("userId",),
    ("anonymousId",),
    ("event",),
    ("timestamp",),
    ("originalTimestamp",),
    ("sentAt",),
    ("receivedAt",),
    ("traits",),
    ("properties",),
    PERSONAS,
)
_STRINGS = ("type", "messageId", "userId", "anonymousId", "event")
_TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
CONTEXT_TRAITS = ("context", "traits")
FUTURE = "INTERVAL 24 HOUR"
LINES = "ec_lines"
LISTS = "ec_lists"
"""The lists of keys of the bodies of the chunk, by their hash: `body_keys` of a message."""
JUDGED = "ec_judged"
"""Every line of the chunk as the feeds take it: outcomes and typed values."""
SHARED = "ec_shared"
"""The typed values that messages share, once for each text of personas: by `personas_id`."""
TYPED = "ec_typed"
"""The judged lines with what they share."""
EXACT = "ec_exact"
"""The messages of a chunk that holds numbers which only Python reads exactly: only then they are written."""
# Segment takes ids of up to 100 characters; other shapes may have longer ones, but no id is a document.
ID_CHARS = 512
# DuckDB's parser takes more than JSON: a comma before an end, NaN, Infinity. Every such line has one of these.
_LENIENT = r"regexp_matches(line, ',\s*[}\]]') OR contains(line, 'NaN') OR contains(line, 'Infinity')"
_STRING = r'"(\\.|[^"\\])*"'
_SPACE = "chr(9) || chr(10) || chr(13) || ' '"
_NO_JSON = r",\s*[}\]]|NaN|Infinity"


class Lines(Protocol):
    """What the stage needs to know of a chunk."""

    @property
    def buffer(self) -> bytes: ...
    @property
    def offsets(self) -> Sequence[int]: ...
    @property
    def offset(self) -> int: ...
    @property
    def line(self) -> int: ...
    @property
    def long_numbers(self) -> Sequence[int]: ...
    @property
    def not_utf8(self) -> Sequence[int]: ...
    @property
    def deep(self) -> Sequence[int]: ...
    @property
    def too_long(self) -> Sequence[int]: ...
    @property
    def overlong(self) -> "Sequence[Overlong]": ...
    @property
    def counts_rows(self) -> bool: ...
    def place(self, line: int) -> int: ...


@dataclass
class Stage:
    """The staged chunk. `asked` are the payload paths of the feeds, `columns` those that some line of this chunk holds.
    `spellings` maps a normalised body key to the raw keys of this chunk, `places` a raw key to its column b<place>;
    `doubled` are the lists of keys that hold one twice; `is_exact` tells that some lines have values of their own.
    """

    handle: duckdb.DuckDBPyConnection
    asked: tuple[tuple[str, ...], ...]
    wanted: frozenset[str]
    shape: Shape = SEGMENT
    integrations: bool = False
    has_tombstones: bool = False
    is_exact: bool = False
    columns: dict[tuple[str, ...], str] = field(default_factory=dict)
    spellings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    raw_keys: tuple[str, ...] = ()
    doubled: tuple[int, ...] = ()

    def at(self, path: tuple[str, ...]) -> str:
        """Return the expression of a payload path of some feed."""
        return self.columns.get(path, "CAST(NULL AS VARCHAR)")

    def is_shared(self, path: tuple[str, ...]) -> bool:
        """Tell whether messages of one text of personas have one value of a path."""
        return not self.is_exact and len(path) > len(PERSONAS) and path[: len(PERSONAS)] == PERSONAS

    def in_body(self, keys: Iterable[str]) -> str:
        """Return the expression of a body key: the first key, and of it the first spelling, that is there."""
        found = [f"b{self.places[raw]}" for key in keys for raw in self.spellings.get(key, ())]
        return f"coalesce({', '.join(found)})" if found else "CAST(NULL AS VARCHAR)"

    def is_null(self, key: str) -> str:
        """Return the predicate "a spelling of the key is there and is JSON null"."""
        return (
            " OR ".join(
                f"(b{self.places[raw]} IS NULL AND coalesce(list_contains(json_keys(body), {literal(raw)}), false))"
                for raw in self.spellings.get(key, ())
            )
            or "false"
        )


def make_stage(handle: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], shape: Shape = SEGMENT) -> Stage:
    """Return an empty stage for these feeds: the paths and body keys that any of them asks for."""
    paths: dict[tuple[str, ...], None] = {}
    wanted = {"audience_key", "trait_key"}
    for feed in feeds:
        wanted.update(feed.retired)
        for declared in feed.declared:
            wanted.update(declared.keys)
        if feed.subject is not None:
            wanted.update(stored_name(key) for key in feed.subject.keys)
            if feed.subject.journey_id is not None:
                paths[("properties", "journey_metadata", "journey_id")] = None
        for table in feed.tables:
            for column in table.columns:
                if isinstance(column.value, AtPath):
                    paths.update(dict.fromkeys(alternatives(column.value)))
                elif isinstance(column.value, InBody):
                    wanted.update(column.value.keys)
    integrations = any(feed.integration is not None for feed in feeds)
    return Stage(handle, tuple(paths), frozenset(wanted), shape, integrations, are_staged(handle))


def alternatives(value: AtPath) -> tuple[tuple[str, ...], ...]:
    """Return the paths in order; the body of a track may stand under `traits` too."""
    found: dict[tuple[str, ...], None] = {}
    for path in value.paths:
        found[path] = None
        if path[0] == "properties" and len(path) > 1:
            found[("traits", *path[1:])] = None
    return tuple(found)


def load(stage: Stage, chunk: Lines, relation: object) -> None:
    """Stage a chunk. `relation` is what DuckDB can register: (line_no INTEGER, line VARCHAR, start INTEGER), the line
    NULL where it is not UTF-8 or too long.
    """
    read_arrow()
    stage.handle.register(LINES, relation)
    sources = _message(stage, chunk)
    if doubled := _doubled(stage):
        sources = _message(stage, chunk, doubled)
    _generated_ids(stage)
    stage.is_exact = bool(chunk.long_numbers)
    parsed, taken = _body(stage, sources.values(), _paths(stage, sources))
    _views(stage, parsed, taken)
    if stage.is_exact:
        put_exact(stage, chunk, EXACT)


_SAID = (
    "line_no, shape, type, message_id, user_id, anonymous_id, event, received_at, sent_at, original_timestamp,"
    " event_time, skewed, body, body_keys"
)


def release(stage: Stage) -> None:
    """Let go of the lines of the chunk, and of what was made of them."""
    stage.handle.unregister(LINES)
    with suppress(duckdb.Error):  # it may be the session that failed
        for name in ("ec_message", EXACT, "ec_personas", SHARED, JUDGED):
            stage.handle.execute(f"DROP TABLE IF EXISTS {name}")


def _read(chunk: Lines, doubled: Sequence[int]) -> str:
    """Return the SELECT of every line: what is wrong with it, and its text if nothing is. `keys` is the hash of its
    list of keys; those of `doubled` hold one twice.
    """
    blanked = f"regexp_replace(line, {literal(_STRING)}, '0', 'g')"
    odd = " ".join(
        f"WHEN line_no IN ({', '.join(map(str, lines))}) THEN '{reason}'"
        for reason, lines in (("too_long", chunk.too_long), ("too_deep", chunk.deep))
        if lines
    )
    twice = f"WHEN keys IN ({', '.join(map(str, doubled))}) THEN 'duplicate_key'" if doubled else ""
    return f"""
        SELECT line_no, shape, keys, CASE WHEN shape IS NULL THEN line END AS line
        FROM (SELECT line_no, line, keys,
          CASE {odd} WHEN line IS NULL THEN 'invalid_utf8'
            WHEN keys IS NULL THEN CASE WHEN trim(line, {_SPACE}) = '' THEN 'empty_line'
              ELSE 'malformed_json' END
            WHEN NOT starts_with(line, '{{') AND json_type(line) <> 'OBJECT' THEN 'not_an_object'
            WHEN ({_LENIENT}) AND regexp_matches({blanked}, {literal(_NO_JSON)}) THEN 'malformed_json'
            {twice} END AS shape
          FROM (SELECT *, try(hash(json_keys(line))) AS keys FROM {LINES}))"""


def _doubled(stage: Stage) -> tuple[int, ...]:
    """Return the hashes of lists of top-level keys with a key twice: of one key said twice, which one counts?

    Messages share few lists: one line of each is looked at.
    """
    run = stage.handle.execute
    some = run("SELECT any_value(line_no) FROM ec_message WHERE keys IS NOT NULL GROUP BY keys").fetchall()
    listed = ", ".join(str(line) for (line,) in some)
    found = (
        run(
            f"SELECT hash(k) FROM (SELECT json_keys(line) AS k FROM {LINES} WHERE line_no IN ({listed}))"
            " WHERE len(k) <> list_unique(k)"
        ).fetchall()
        if some
        else []
    )
    return tuple(int(key) for (key,) in found)


def _message(stage: Stage, chunk: Lines, doubled: Sequence[int] = ()) -> dict[tuple[str, ...], str]:
    """Stage standard fields and bodies; return the column of each source that feeds ask for."""
    sources = dict.fromkeys((*STANDARD, *(path[:2] for path in stage.asked)))
    if stage.shape.context_traits:
        sources[CONTEXT_TRAITS] = None
    if stage.integrations:
        sources["integrations",] = None
    contents = {stage.shape.path((name,)) for name in (*_STRINGS, *_TIMES)}
    struct, found = extract("line", (stage.shape.path(path) for path in sources), struct="j", contents=contents)
    place = {path: found[stage.shape.path(path)] for path in sources}
    asked = {path: f"s{n}" for n, path in enumerate(dict.fromkeys(path[:2] for path in stage.asked))}
    asked |= {PERSONAS: "personas"} if PERSONAS in asked else {}
    kept = {name: place[path] for path, name in asked.items()} | {"personas": place[PERSONAS]}
    if stage.integrations:
        kept["integrations"] = place["integrations",]
    names = ", ".join(kept)
    said = {path[-1]: place[path] for path in STANDARD}
    text = {name: string_at(said[name], "line", stage.shape.path((name,))) for name in _STRINGS}
    if stage.shape.type is not None:
        text["type"] = said["type"] = literal(stage.shape.type)
    traits = _object(said["traits"])
    if stage.shape.context_traits:
        traits = f"coalesce({traits}, {_object(place[CONTEXT_TRAITS])})"
    bad_time = " OR ".join(
        f"({said[name]} IS NOT NULL AND {made} IS NULL)"
        for name, made in (
            ("timestamp", '"timestamp"'),
            ("originalTimestamp", "original_timestamp"),
            ("sentAt", "sent_at"),
            ("receivedAt", "said_received"),
        )
    )
    bad_identity = " OR ".join(
        f"({said[name]} IS NOT NULL AND ({made} IS NULL OR contains({made}, chr(0))))"
        for name, made in (
            ("type", "type"),
            ("messageId", "message_id"),
            ("userId", "user_id"),
            ("anonymousId", "anonymous_id"),
            ("event", "event"),
        )
    )
    bad_identity += f" OR coalesce(length(message_id) > {ID_CHARS}, false)"
    stage.handle.execute(f"""
        CREATE OR REPLACE TEMP TABLE ec_message AS
        SELECT line_no, shape, keys, type, message_id, user_id, anonymous_id, event, {names},
          received_at, sent_at, original_timestamp,
          CASE WHEN event_time > received_at + {FUTURE} THEN received_at ELSE event_time END AS event_time,
          coalesce(event_time > received_at + {FUTURE}, false) AS skewed, bad_time, bad_identity, body,
          CASE WHEN body IS NOT NULL THEN hash(json_keys(body)) END AS body_keys
        FROM (
          SELECT *, coalesce("timestamp",
              CASE WHEN said_received IS NOT NULL THEN said_received - (sent_at - original_timestamp) END,
              received_at) AS event_time
          FROM (
            SELECT *, coalesce(said_received, sent_at, "timestamp", original_timestamp) AS received_at,
              {bad_time} AS bad_time, {bad_identity} AS bad_identity
            FROM (
              SELECT *, {_time_like("sent_text")} AS sent_at, {_time_like("original_text")} AS original_timestamp,
                {_time_like("received_text")} AS said_received,
                CASE WHEN type = 'track'
                  THEN coalesce({_object(said["properties"])}, {_object(said["traits"])})
                  ELSE {traits} END AS body
              FROM (
                SELECT line_no, line, j, shape, keys, {text["type"]} AS type, {text["messageId"]} AS message_id,
                  {text["userId"]} AS user_id, {text["anonymousId"]} AS anonymous_id, {text["event"]} AS event,
                  {said["timestamp"]} AS timestamp_text, {said["originalTimestamp"]} AS original_text,
                  {said["sentAt"]} AS sent_text, {said["receivedAt"]} AS received_text,
                  {time_of("timestamp_text")} AS "timestamp",
                  {", ".join(f"{value} AS {name}" for name, value in kept.items())}
                FROM (SELECT *, {struct} AS j FROM ({_read(chunk, doubled)}))))))""")
    return asked


def _time_like(text: str) -> str:
    """Return the instant of a text; most messages say one time several times."""
    return f'CASE WHEN {text} = timestamp_text THEN "timestamp" ELSE {time_of(text)} END'


def _object(value: str) -> str:
    return f"CASE WHEN starts_with({value}, '{{') THEN {value} END"


_PERSONAS = ("computation_key", "computation_class", "event_emitter_id", "space_id", "namespace")


def _paths(stage: Stage, sources: Mapping[tuple[str, ...], str]) -> dict[str, list[tuple[str, ...]]]:
    """Name a column for each asked path of a source that some line holds; return what lies deeper, by source."""
    counts = ", ".join(f"count({name})" for name in sources.values())
    held = stage.handle.execute(f"SELECT {counts} FROM ec_message").fetchall()[0] if sources else ()
    present = {path: name for (path, name), number in zip(sources.items(), held, strict=True) if number}
    stage.columns = {}
    deeper: dict[str, list[tuple[str, ...]]] = {}
    for path in stage.asked:
        if (source := present.get(path[:2])) is None:
            continue
        if len(path) <= 2:
            stage.columns[path] = source
            continue
        inner = deeper.setdefault(source, [])
        inner.append(path[2:])
        stage.columns[path] = f"{source}_{len(inner)}"
    return deeper


def _body(stage: Stage, sources: Collection[str], deeper: Mapping[str, Sequence[tuple[str, ...]]]) -> tuple[str, str]:
    """Learn the raw keys of the chunk, and how to extract those that normalise to a wanted name: the SQL of what is
    parsed, and of what is taken from it. It also names the bodies that hold a key twice.

    Messages share few lists of keys: what has to be known of keys is asked of each list once.
    """
    run = stage.handle.execute
    run(
        f"CREATE OR REPLACE TEMP TABLE {LISTS} AS SELECT body_keys AS h, json_keys(any_value(body)) AS k"
        " FROM ec_message WHERE body IS NOT NULL GROUP BY body_keys"
    )
    stage.raw_keys = tuple(r[0] for r in run(f"SELECT DISTINCT unnest(k) AS k FROM {LISTS} ORDER BY k").fetchall())
    stage.doubled = tuple(int(h) for (h,) in run(f"SELECT h FROM {LISTS} WHERE len(k) <> list_unique(k)").fetchall())
    spellings: dict[str, list[str]] = {}
    for raw in stage.raw_keys:
        if (name := stored_name(raw)) in stage.wanted:
            spellings.setdefault(name, []).append(raw)
    stage.spellings = {name: _exact_first(name, raws) for name, raws in spellings.items()}
    found = [raw for raws in stage.spellings.values() for raw in raws]
    stage.places = {raw: place for place, raw in enumerate(found, 1)}
    structs, values = [], [path for path in stage.columns.values() if path in sources]
    inner: dict[str, Sequence[tuple[str, ...]]] = {"body": [(raw,) for raw in found]}
    inner |= {source: paths for source, paths in deeper.items() if source != "personas"}
    texts = {}
    for source, paths in inner.items():
        struct, texts[source] = extract(source, paths, struct=f"in_{source}")
        structs.append(f", {struct} AS in_{source}")
    values += [f"{texts['body'][raw,]} AS b{place}" for raw, place in stage.places.items()]
    values += [
        f"{texts[source][path]} AS {source}_{n}"
        for source, paths in deeper.items()
        if source != "personas"
        for n, path in enumerate(paths, 1)
    ]
    values += _personas(stage, deeper.get("personas", ()))
    return "".join(structs), "".join(f", {value}" for value in values)


def _views(stage: Stage, parsed: str, taken: str) -> None:
    """Make `ec_messages`, and `ec_full` of what is parsed and taken beside it: written to a table where asked to."""
    twice = ", ".join(map(str, stage.doubled))
    twice = f"WHEN body_keys IN ({twice}) THEN 'duplicate_key'" if twice else ""
    broken = "CASE WHEN shape IS NOT NULL THEN shape WHEN type IS NULL OR bad_identity THEN 'envelope' END AS broken"
    invalid = f"CASE WHEN bad_time OR received_at IS NULL THEN 'no_time' {twice} END AS invalid"
    run = stage.handle.execute
    run(f"CREATE OR REPLACE TEMP VIEW ec_messages AS SELECT {_SAID}, {broken}, {invalid} FROM ec_message")
    full = f"""
        SELECT {_SAID}, {broken}, {invalid}, CAST(md5(message_id) AS UUID) AS hash,
          {"integrations, " if stage.integrations else ""}personas[1] = '{{' AS has_personas,
          computation_key, computation_class, emitter_id, space_id, personas_id, personas_no{taken}
        FROM (SELECT *{parsed} FROM ec_message LEFT JOIN ec_personas USING (personas))"""
    if stage.is_exact:
        run(f"CREATE OR REPLACE TEMP TABLE {EXACT} AS {full}")
    run(f"CREATE OR REPLACE TEMP VIEW ec_full AS {f'SELECT * FROM {EXACT}' if stage.is_exact else full}")


def _personas(stage: Stage, asked: Sequence[tuple[str, ...]]) -> list[str]:
    """Stage what personas hold, each text once: messages of one computation and run share theirs. Return the names of
    the columns that are asked for.
    """
    struct, texts = extract("personas", [*((name,) for name in _PERSONAS), *asked], struct="j")
    said = {name: f"({string_of(texts[name,])})" for name in _PERSONAS}
    names = {path: f"personas_{n}" for n, path in enumerate(asked, 1)}
    stage.handle.execute(f"""
        CREATE OR REPLACE TEMP TABLE ec_personas AS
        SELECT personas, CAST(row_number() OVER () AS INTEGER) AS personas_id,
          {said["computation_key"]} AS computation_key,
          dense_rank() OVER (ORDER BY {said["computation_key"]}) AS personas_no,
          {said["computation_class"]} AS computation_class, {said["event_emitter_id"]} AS emitter_id,
          coalesce({said["space_id"]}, {said["namespace"]}) AS space_id
          {"".join(f", {texts[path]} AS {name}" for path, name in names.items())}
        FROM (SELECT personas, {struct} AS j FROM (SELECT DISTINCT personas FROM ec_message WHERE personas IS NOT NULL))
        """)
    return list(names.values())


def _exact_first(name: str, raws: list[str]) -> tuple[str, ...]:
    """Order the spellings of one name: the name itself, then by text, so that any order of lines gives one answer."""
    return tuple(sorted(raws, key=lambda raw: (raw != name, raw)))


def _generated_ids(stage: Stage) -> None:
    """A message without an id is known by the bytes of its line, without the line's end."""
    without = "message_id IS NULL AND shape IS NULL AND type IS NOT NULL AND NOT bad_identity"
    if stage.handle.execute(f"SELECT 1 FROM ec_message WHERE {without} LIMIT 1").fetchall():
        stage.handle.execute(
            "UPDATE ec_message SET message_id = made.id FROM (SELECT line_no, 'gen_' ||"
            f" sha256(rtrim(line, chr(13) || chr(10))) AS id FROM {LINES} WHERE line IS NOT NULL) AS made"
            f" WHERE made.line_no = ec_message.line_no AND {without}"
        )
