"""The statements by which a warehouse judges what it has loaded: lines -> messages -> kinds of message -> rows. Pure.

A line is plain when every rule of the client's takes it as it is, for sure: JSON to the letter, no escape in a key or a
standard field, times of one form, short numbers. Whatever is not is left to the client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engagectl.model.column_type import Boolean, ColumnType, Text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody, Standard
from engagectl.model.names import stored_name
from engagectl.sync.chunk import Work
from engagectl.sync.inputs.shape import Shape
from engagectl.sync.landing.fits import NUMBER, begins, content, instant, transformed, typed
from engagectl.sync.stage import CONTEXT_TRAITS, ID_CHARS, PERSONAS, alternatives
from engagectl.warehouses.landing import KEYS, LINES, PLAIN, READ, ROUTES, Landing, Words

PERSONA = ("computation_key", "computation_class", "event_emitter_id", "space_id", "namespace")
NAMES = ("audience_key", "trait_key")
"""The keys of the body by which a track without personas names its computation."""
JOURNEY = ("properties", "journey_metadata", "journey_id")
NOTHING, KIND, KEY, FIELD = 28, 29, 30, 31
"""Characters that no plain line holds: nothing is there; between a key and the kind of its value; between the keys of a
body; between the fields of a kind of message.
"""
ODD = "odd"
"""What becomes of a kind of message that the client takes."""
_DEEP = 100
_CONTROL = "\x01-\x1f"
_OPENED, _CLOSED = r"(\{|\[)", r"(\}|\])"  # no bracket stands in a class of characters: engines read that differently
# A number is followed by what ends it, so that none is read in two.
_TOKENS = (
    rf'({_OPENED}|{_CLOSED}|[:, ]|"([^"\\{_CONTROL}]|\\[^{_CONTROL}])*"|({NUMBER}) *(,|{_CLOSED})|true|false|null)*'
)
_ODD = (
    rf"[,:] *(,|{_CLOSED})|{_OPENED} *[,:]",  # nothing beside a comma or colon: lenient parsers take it
    r'\\u(0000|[dD][89a-fA-F])|\\[^u"\\/bfnrt]',  # escapes that engines read differently
    r'\\.[^"]*" *:',  # an escape in a key
    rf"-0\.0+ *(,|{_CLOSED})",
)
_TIMES = {"timestamp": "said_at", "originalTimestamp": "original_timestamp", "sentAt": "sent_at"}
_TIMES |= {"receivedAt": "said_received"}
_TEXTS = {"messageId": "message_id", "userId": "user_id", "anonymousId": "anonymous_id", "event": "event"}
_STANDARD = {
    "id": "message_id",
    "received_at": "received_at",
    "sent_at": "sent_at",
    "timestamp": "event_time",
    "original_timestamp": "original_timestamp",
    "anonymous_id": "anonymous_id",
    "user_id": "user_id",
    "event_text": "event",
}
_READ = (
    "file, row_no, line, j, body, type, message_id, user_id, anonymous_id, event, received_at, sent_at,"
    " original_timestamp, event_time, skewed"
)
_KEPT = (
    "file, row_no, kind, hash, type, message_id, user_id, anonymous_id, event, received_at, sent_at,"
    " original_timestamp, event_time, skewed"
)


def outcome_of(work: Work) -> str:
    """Return the column of ROUTES and PLAIN that says what becomes of a kind of message, or a line."""
    return f"o{work.number}"


@dataclass
class Cells:
    """The values that feeds take of a message, each once: its text as `v<n>`, its typed value as `t<n>`."""

    texts: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    text_of: dict[str, str] = field(default_factory=dict)

    def place(self, text: str, made: "Made") -> str:
        """Return the name of a typed value. `made` types a text by its name."""
        name = self.texts.setdefault(text, f"v{len(self.texts)}")
        place = self.typed.setdefault(made(name), f"t{len(self.typed)}")
        self.text_of[place] = name
        return place


class Made:
    """How the value of a column is typed."""

    def __init__(self, words: Words, column: FeedColumn, *, key: str, membership: bool) -> None:
        self._words, self._column, self._key, self._membership = words, column, key, membership

    def __call__(self, name: str) -> str:
        column, kind = self._column, self._column.type
        if column.transforms and isinstance(kind, Text):
            return transformed(self._words, name, column.transforms, kind)
        return typed(self._words, name, kind, line="line", key=self._key, membership=self._membership)


@dataclass
class Statements:
    """The statements for some feeds and the shape of their input. `spellings` are the raw keys of each body key, the
    key itself first, and `events` the raw event names: once they are known.
    """

    landing: Landing
    works: Sequence[Work]
    shape: Shape
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    events: Sequence[str] = ()
    cells: Cells = field(default_factory=Cells)

    @property
    def words(self) -> Words:
        return self.landing.words

    @property
    def integrations(self) -> tuple[str, ...]:
        return tuple(sorted({work.feed.integration for work in self.works if work.feed.integration is not None}))

    # --- lines -> messages ----------------------------------------------------

    def read(self) -> str:
        """Return the SELECT of READ: a row for each line; `plain` is 1 for what the warehouse may judge so far."""
        words = self.words
        said = {f"t_{made}": self._text((name,)) for name, made in (_TIMES | _TEXTS).items()}
        said |= {f"t_p{n}": self._text((*PERSONAS, name)) for n, name in enumerate(PERSONA)}
        said |= {f"t_i{n}": self._text(("integrations", name)) for n, name in enumerate(self.integrations)}
        said |= {"t_type": self._text(("type",)), "t_personas": self._text(PERSONAS), "t_journey": self._text(JOURNEY)}
        found = {made: instant(words, f"t_{made}") for made in _TIMES.values()}
        found |= {made: content(words, f"t_{made}") for made in (*_TEXTS.values(), "journey")}
        found |= {f"p{n}": content(words, f"t_p{n}") for n in range(len(PERSONA))}
        found["type"] = content(words, "t_type") if self.shape.type is None else words.literal(self.shape.type)
        strict = (*_TIMES.values(), *_TEXTS.values())
        plain = [f"(t_{made} IS NULL OR {made} IS NOT NULL)" for made in strict]
        plain += [
            f"(t_{made} IS NULL OR {made} IS NOT NULL OR NOT {begins(f't_{made}', chr(34))})" for made in _loose()
        ]
        plain += ["type IS NOT NULL", "message_id IS NOT NULL", f"{words.chars('message_id')} <= {ID_CHARS}"]
        plain += ["said_at IS NOT NULL"]
        late = f"said_at > {words.day_later('received_at')}"
        parsed = (
            f"SELECT file, row_no, line, CASE WHEN {self._is_json()} THEN {words.node('line')} END AS j FROM {LINES}"
        )
        back = words.literal(chr(92))
        named = {f"n{n}": self._name(key) for n, key in enumerate(NAMES)}
        is_named = " AND ".join("NOT " + words.contains(f"COALESCE({name}, '')", back) for name in named)
        return f"""
            SELECT {_READ}, {self._routed()} AS routed,
              CASE WHEN settled = 1 AND {is_named} THEN 1 ELSE 0 END AS plain FROM (
            SELECT m.*, CASE WHEN {late} THEN received_at ELSE said_at END AS event_time,
              CASE WHEN {late} THEN 1 ELSE 0 END AS skewed, {_listed(named)}
            FROM (
              SELECT t.*, COALESCE(said_received, sent_at, said_at, original_timestamp) AS received_at,
                {self._body()} AS body, CASE WHEN {" AND ".join(plain)} THEN 1 ELSE 0 END AS settled
              FROM (
                SELECT s.*, {_listed(found)}
                FROM (
                  SELECT p.*, {_listed(said)} FROM ({parsed}) AS p
                ) AS s
              ) AS t
            ) AS m ) AS n"""

    def keys(self) -> str:
        """Return the SELECT of KEYS: what the body of each plain message holds, by kind of value."""
        kinds = " ".join(f"WHEN {test} THEN '{kind}'" for kind, test in self._kinds())
        kind = self.words.joined(
            self.words.code(KIND), f"CASE WHEN v IS NULL OR v = 'null' THEN 'n' {kinds} ELSE 'u' END"
        )
        return self.words.keys(READ, "body", kind, self.words.code(KEY))

    def kinds(self) -> str:
        """Return the SELECT of the kinds of message that there are."""
        return f"SELECT DISTINCT {self._kind()} FROM {self._messages()} WHERE r.plain = 1"

    def routes(self, rows: Iterable[tuple[str, Sequence[str]]]) -> str:
        """Return the SELECT of ROUTES: the digest of each kind of message, and what becomes of it for each feed."""
        listed = [
            f"SELECT {self.words.as_text(self.words.literal(digest))} AS kind, "
            + ", ".join(
                f"{self.words.as_text(self.words.literal(what))} AS {outcome_of(work)}"
                for work, what in zip(self.works, outcomes, strict=True)
            )
            for digest, outcomes in rows
        ]
        return " UNION ALL ".join(listed)

    # --- messages -> rows -----------------------------------------------------

    def plain(self) -> str:
        """Return the SELECT of PLAIN: the lines that the warehouse judges, what becomes of each, and typed values."""
        words = self.words
        unfit = [test for work in self.works for test in self._unfit(work)]
        texts = "".join(f", {sql} AS {name}" for sql, name in self.cells.texts.items())
        values = "".join(f", {sql} AS {name}" for sql, name in self.cells.typed.items())
        outcomes = ", ".join(f"q.{outcome_of(work)}" for work in self.works)
        kept = "".join(f", {name}" for name in self.cells.typed.values())
        odd = " OR ".join(f"{outcome_of(work)} = '{ODD}'" for work in self.works)
        return f"""
            SELECT {_KEPT}{kept}, {", ".join(f"{self._settled(work)} AS {outcome_of(work)}" for work in self.works)}
            FROM (
              SELECT x.*{values} FROM (
                SELECT r.*, {words.digest(self._kind())} AS kind, {words.id_hash("message_id")} AS hash,
                  {outcomes}{texts}
                FROM {self._messages()} JOIN {ROUTES} AS q ON q.kind = {words.digest(self._kind())} WHERE r.plain = 1
              ) AS x
            ) AS y WHERE NOT ({odd}) AND NOT ({" OR ".join(unfit) or "1 = 0"})"""

    def prepare(self) -> None:
        """Place every cell of every feed, so that `plain` makes it."""
        self.cells = Cells()
        for work in self.works:
            for table in work.feed.tables:
                for column in table.columns if table.fed else ():
                    if column.fed and not isinstance(column.value, Standard):
                        self.cell(work.feed, column)

    def cell(self, feed: Feed, column: FeedColumn) -> str:
        """Return the expression of a column over PLAIN."""
        value = column.value
        if isinstance(value, Standard):
            return self._standard(value)
        text = self._sent(column)
        is_member = isinstance(value, InBody) and bool(_members(feed) & set(value.keys))
        keys = self._keys(value)
        key = keys[0] if len(keys) == 1 else ""
        return self.cells.place(text, Made(self.words, column, key=key, membership=is_member))

    def _keys(self, value: AtPath | InBody) -> tuple[str, ...]:
        """Return the raw keys behind which a value may stand."""
        if isinstance(value, AtPath):
            return tuple({last for path in alternatives(value) for last in self.shape.path(path)[-1:]})
        return tuple(dict.fromkeys(raw for key in value.keys for raw in self.spellings.get(key, ())))

    def rows(self, work: Work, table: FeedTable, uuid_ts: str) -> tuple[list[str], str]:
        """Return the columns that a table gets, and the SELECT of its rows."""
        columns = [column for column in table.columns if column.fed]
        values = [
            self.words.typed(self.words.literal(uuid_ts), column.stored)
            if isinstance(column.value, Standard) and column.value.field == "uuid_ts"
            else self.cell(work.feed, column)
            for column in columns
        ]
        return (
            [column.name for column in columns],
            f"SELECT {', '.join(values)} FROM {PLAIN} WHERE {outcome_of(work)} = 'load' AND {self.takes(table)}",
        )

    def takes(self, table: FeedTable) -> str:
        """Return which loading messages of its feed give a row to a table."""
        match table.role:
            case "identifies" | "users":
                return "type = 'identify'"
            case "tracks":
                return "type = 'track'"
            case "event":
                return f"type = 'track' AND {self._one_of('event', table.events)}"
            case "activation":
                return "1 = 1"

    def newest(self, work: Work, traits: Sequence[tuple[str, str, ColumnType]]) -> str:
        """Return the SELECT of the newest value of each trait, a row a user: columns as a fold names them."""
        (table,) = work.feed.tables
        columns = {column.name: column for column in table.columns}
        values = {name: self.cell(work.feed, columns[name]) for name, _, _ in traits}
        at = "".join(
            f", MAX(CASE WHEN {value} IS NOT NULL THEN event_time END) OVER (PARTITION BY user_id) AS a{n}"
            for n, value in enumerate(values.values())
        )
        name_of = self.words.name
        found = [f"MAX(received_at) AS {name_of('received_at')}, MAX(event_time) AS {name_of('timestamp')}"]
        for n, (name, times, kind) in enumerate(traits):
            last = f"CASE WHEN event_time = a{n} THEN {values[name]} END"
            if isinstance(kind, Boolean):  # no engine's MAX takes truth values
                last = (
                    f"CASE WHEN event_time = a{n} THEN CASE {values[name]} WHEN TRUE THEN 1 WHEN FALSE THEN 0 END END"
                )
                last = f"CASE MAX({last}) WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
            else:
                last = f"MAX({last})"
            found.append(f"{last} AS {name_of(name)}, MAX(a{n}) AS {name_of('at:' + times)}")
        loads = f"SELECT p.*{at} FROM {PLAIN} AS p WHERE {outcome_of(work)} = 'load'"
        return f"SELECT user_id AS {name_of('id')}, {', '.join(found)} FROM ({loads}) AS w GROUP BY user_id"

    # --- what was read, and what is left to the client ---------------------------

    def files(self) -> str:
        """Return the SELECT (file, lines, last line, bytes with an end for each line)."""
        size = f"SUM({self.words.bytes('line')} + 1)"
        return f"SELECT file, COUNT(*), MAX(row_no), {size} FROM {LINES} GROUP BY file"

    def odd(self) -> str:
        """Return the SELECT (file, row, offset, line) of the lines that are the client's, in their order."""
        size = f"{self.words.bytes('line')} + 1"
        before = "OVER (PARTITION BY file ORDER BY row_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        return (
            "SELECT l.file, l.row_no, l.place, l.line FROM"
            f" (SELECT file, row_no, line, COALESCE(SUM({size}) {before}, 0) AS place FROM {LINES}) AS l"
            f" LEFT JOIN {PLAIN} AS p ON p.file = l.file AND p.row_no = l.row_no WHERE p.row_no IS NULL"
            " ORDER BY l.file, l.row_no"
        )

    def twins(self, hashes: Sequence[str]) -> str:
        """Return the statement that leaves to the client what has the id of a line of the client's."""
        listed = ", ".join(self.words.literal(one) for one in hashes)
        return f"DELETE FROM {PLAIN} WHERE hash IN ({listed})"

    def counts(self, work: Work) -> str:
        """Return the SELECT (file, outcome, messages, skewed)."""
        name = outcome_of(work)
        return f"SELECT file, {name}, COUNT(*), SUM(skewed) FROM {PLAIN} GROUP BY file, {name}"

    def met(self, work: Work) -> str:
        """Return the SELECT (kind of message, outcome, messages, first and last receipt)."""
        name = outcome_of(work)
        first, last = self.words.stamp("MIN(received_at)"), self.words.stamp("MAX(received_at)")
        return f"SELECT kind, {name}, COUNT(*), {first}, {last} FROM {PLAIN} GROUP BY kind, {name}"

    # --- parts ----------------------------------------------------------------

    def _text(self, path: tuple[str, ...]) -> str:
        return self.words.text(self.words.at("j", self.shape.path(path)))

    def _is_json(self) -> str:
        words = self.words
        refused = " OR ".join(words.finds("line", pattern) for pattern in _ODD)
        opened = words.chars("REPLACE(REPLACE(line, '{', ''), '[', '')")
        return (
            f"{begins('line', '{')} AND {words.matches('line', _TOKENS)} AND NOT ({refused})"
            f" AND NOT {words.contains('line', words.code(0))} AND {words.chars('line')} - {opened} <= {_DEEP}"
        )

    def _body(self) -> str:
        def document(path: tuple[str, ...]) -> str:
            node = self.words.at("j", self.shape.path(path))
            return f"CASE WHEN {begins(self.words.text(node), '{')} THEN {node} END"

        traits = [("traits",), *([CONTEXT_TRAITS] if self.shape.context_traits else [])]
        other = [document(path) for path in traits]
        said = f"COALESCE({', '.join(other)})" if len(other) > 1 else other[0]
        return f"CASE WHEN type = 'track' THEN COALESCE({document(('properties',))}, {other[0]}) ELSE {said} END"

    def _routed(self) -> str:
        """Return what tells kinds of message apart, but for their bodies, in the order of signature.FIELDS."""
        words = self.words
        parts = [
            "type",
            *(f"p{n}" for n in range(len(PERSONA))),
            "event",
            "journey",
            *(content(words, f"n{n}") for n in range(len(NAMES))),
        ]
        parts.append("CASE WHEN user_id = '' THEN 'empty' WHEN user_id IS NOT NULL THEN 'known' END")
        parts.append(f"CASE WHEN {begins('t_personas', '{')} THEN 'there' END")
        parts += [f"CASE WHEN t_i{n} = 'true' THEN 'true' END" for n in range(len(self.integrations))]
        listed = [f"COALESCE({part}, {words.code(NOTHING)})" for part in parts]
        return words.joined(*(text for part in listed for text in (part, words.code(FIELD))))

    def _name(self, key: str) -> str:
        """Return the JSON string by which a track without personas names its computation."""
        text = self.words.text(self.words.at("body", (key,)))
        personas = f"COALESCE({begins('t_personas', '{')}, FALSE)"
        return f"CASE WHEN type = 'track' AND NOT {personas} AND {begins(text, chr(34))} THEN {text} END"

    def _kind(self) -> str:
        return self.words.joined("r.routed", "COALESCE(k.keys, '')")

    def _messages(self) -> str:
        return f"{READ} AS r LEFT JOIN {KEYS} AS k ON k.file = r.file AND k.row_no = r.row_no"

    def _kinds(self) -> list[tuple[str, str]]:
        return [
            ("o", begins("v", "{")),
            ("a", begins("v", "[")),
            ("T", "v = '\"true\"'"),
            ("F", "v = '\"false\"'"),
            ("s", begins("v", '"')),
            ("t", "v = 'true'"),
            ("f", "v = 'false'"),
            ("d", self.words.contains("v", "'.'")),
            ("i", begins("v", "-")),
        ]

    def _sent(self, column: FeedColumn) -> str:
        """Return the JSON text that a column takes, over READ as `r`."""
        words, value = self.words, column.value
        if isinstance(value, InBody):
            found = [words.text(words.at("r.body", (raw,))) for raw in self._keys(value)]
        elif isinstance(value, AtPath):
            found = [words.text(words.at("r.j", self.shape.path(path))) for path in alternatives(value)]
        else:
            found = []
        sent = found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})" if found else self.words.as_text("NULL")
        return f"CASE WHEN NOT {begins(sent, '{')} THEN {sent} END" if column.added_by_sync and found else sent

    def _standard(self, value: Standard) -> str:
        if value.field != "event":
            return _STANDARD[value.field]
        names = " ".join(
            f"WHEN {self.words.literal(name)} THEN {self.words.literal(stored_name(name))}" for name in self.events
        )
        return f"CASE event {names} END" if names else self.words.as_text("NULL")

    def _unfit(self, work: Work) -> Iterable[str]:
        """Yield which rows hold a value that does not fit a column of the feed, or miss one that it must have."""
        for table in work.feed.tables:
            tests = []
            for column in table.columns if table.fed else ():
                if not column.fed:
                    continue
                if isinstance(column.value, Standard):
                    tests += [f"{self._standard(column.value)} IS NULL"] if column.required else []
                    continue
                place = self.cell(work.feed, column)
                missing = f"{place} IS NULL"
                tests.append(missing if column.required else f"({self.cells.text_of[place]} IS NOT NULL AND {missing})")
            if tests:
                yield f"({outcome_of(work)} = 'load' AND {self.takes(table)} AND ({' OR '.join(dict.fromkeys(tests))}))"

    def _settled(self, work: Work) -> str:
        """Return the outcome of a line: of several that load with one id all but the first are duplicates."""
        name = outcome_of(work)
        if work.feed.kind == "users":
            return name
        place = f"ROW_NUMBER() OVER (PARTITION BY hash, {name} ORDER BY file, row_no)"
        return f"CASE WHEN {name} = 'load' AND {place} > 1 THEN 'duplicate' ELSE {name} END"

    def _one_of(self, expression: str, values: Iterable[str]) -> str:
        listed = ", ".join(self.words.literal(value) for value in sorted(set(values)))
        return f"COALESCE({expression} IN ({listed}), FALSE)" if listed else "1 = 0"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _loose() -> tuple[str, ...]:
    """Return the fields of which anything but a string counts as nothing."""
    return ("journey", *(f"p{n}" for n in range(len(PERSONA))))


def _members(feed: Feed) -> set[str]:
    """Return the keys whose values are memberships."""
    members = {key for item in feed.declared if item.kind == "audience" for key in item.keys}
    if feed.subject is not None:
        members.update(stored_name(key) for key in feed.subject.keys)
    return members
