"""The SQL of messages -> the rows of tables, in a warehouse: what becomes of each line, and typed values. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engagectl.model.column_type import Boolean, ColumnType, Json, JsonText, Text
from engagectl.model.feed import AtPath, Feed, FeedColumn, FeedTable, InBody, Standard
from engagectl.model.names import stored_name
from engagectl.sync.chunk import Work
from engagectl.sync.landing.fits import begins, sent_document, transformed, typed
from engagectl.sync.landing.messages import Messages, outcome_of
from engagectl.sync.route import STANDARD_SQL
from engagectl.sync.stage import alternatives
from engagectl.warehouses.landing import PLAIN, ROUTES, Words

ODD = "odd"
"""What becomes of a kind of message that the client takes."""
_KEPT = (
    "file, row_no, kind, hash, type, message_id, user_id, anonymous_id, event, received_at, sent_at,"
    " original_timestamp, event_time, skewed"
)


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

    def __init__(self, words: Words, column: FeedColumn, *, sent: str, membership: bool) -> None:
        self._words, self._column, self._sent, self._membership = words, column, sent, membership

    def __call__(self, name: str) -> str:
        column, kind = self._column, self._column.type
        if column.transforms and isinstance(kind, Text):
            return transformed(self._words, name, column.transforms, kind)
        return typed(self._words, name, kind, line="line", sent=self._sent, membership=self._membership)


@dataclass
class Rows:
    """The rows of some feeds. `spellings` are the raw keys of each body key, the key itself first; `events` the raw
    event names.
    """

    messages: Messages
    spellings: Mapping[str, Sequence[str]]
    events: Sequence[str]
    cells: Cells = field(default_factory=Cells)

    def __post_init__(self) -> None:
        """Place every cell of every feed, so that `plain` makes it."""
        for work in self.messages.works:
            for table in work.feed.tables:
                for column in table.columns if table.fed else ():
                    if column.fed and not isinstance(column.value, Standard):
                        self.cell(work.feed, column)

    @property
    def words(self) -> Words:
        return self.messages.words

    def plain(self) -> str:
        """Return the SELECT of PLAIN: the lines that the warehouse judges, what becomes of each, and typed values."""
        words, messages = self.words, self.messages
        unfit = [test for work in self.messages.works for test in self._unfit(work)]
        texts = "".join(f", {sql} AS {name}" for sql, name in self.cells.texts.items())
        values = "".join(f", {sql} AS {name}" for sql, name in self.cells.typed.items())
        outcomes = ", ".join(f"q.{outcome_of(work)}" for work in self.messages.works)
        kept = "".join(f", {name}" for name in self.cells.typed.values())
        odd = " OR ".join(f"{outcome_of(work)} = '{ODD}'" for work in self.messages.works)
        settled = ", ".join(f"{self._settled(work)} AS {outcome_of(work)}" for work in messages.works)
        kind = words.digest(messages.kind())
        return f"""
            SELECT {_KEPT}{kept}, {settled}
            FROM (
              SELECT x.*{values} FROM (
                SELECT r.*, {kind} AS kind, {words.id_hash("message_id")} AS hash,
                  {outcomes}{texts}
                FROM {messages.joined()} JOIN {ROUTES} AS q ON q.kind = {kind} WHERE r.plain = 1
              ) AS x
            ) AS y WHERE NOT ({odd}) AND NOT ({" OR ".join(unfit) or "1 = 0"})"""

    def cell(self, feed: Feed, column: FeedColumn) -> str:
        """Return the expression of a column over PLAIN."""
        value = column.value
        if isinstance(value, Standard):
            return self._standard(value)
        text = self._sent(column)
        is_member = isinstance(value, InBody) and bool(_members(feed) & set(value.keys))
        keys = self._keys(value)
        is_document = len(keys) == 1 and isinstance(column.type, Json | JsonText)
        found = sent_document(self.words, "r.line", keys[0]) if is_document else ""
        sent = self.cells.texts.setdefault(found, f"v{len(self.cells.texts)}") if found else ""
        return self.cells.place(text, Made(self.words, column, sent=sent, membership=is_member))

    def _keys(self, value: AtPath | InBody) -> tuple[str, ...]:
        """Return the raw keys behind which a value may stand."""
        if isinstance(value, AtPath):
            return tuple({last for path in alternatives(value) for last in self.messages.shape.path(path)[-1:]})
        return tuple(dict.fromkeys(raw for key in value.keys for raw in self.spellings.get(key, ())))

    def of(self, work: Work, table: FeedTable, uuid_ts: str) -> tuple[list[str], str]:
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

    def _sent(self, column: FeedColumn) -> str:
        """Return the JSON text that a column takes, over READ as `r`."""
        words, value = self.words, column.value
        if isinstance(value, InBody):
            found = [words.text(words.at("r.body", (raw,))) for raw in self._keys(value)]
        elif isinstance(value, AtPath):
            found = [words.text(words.at("r.j", self.messages.shape.path(path))) for path in alternatives(value)]
        else:
            found = []
        sent = found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})" if found else self.words.as_text("NULL")
        return f"CASE WHEN NOT {begins(sent, '{')} THEN {sent} END" if column.added_by_sync and found else sent

    def _standard(self, value: Standard) -> str:
        if value.field != "event":
            return STANDARD_SQL[value.field]
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


def _members(feed: Feed) -> set[str]:
    """Return the keys whose values are memberships."""
    members = {key for item in feed.declared if item.kind == "audience" for key in item.keys}
    if feed.subject is not None:
        members.update(stored_name(key) for key in feed.subject.keys)
    return members
