"""The SQL of lines -> messages -> kinds of message, in a warehouse. Pure.

A line is plain when every rule of the client's takes it as it is, for sure: JSON to the letter, no escape in a key or a
standard field, times of one form, short numbers. Whatever is not is left to the client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engagectl.sync.chunk import Work
from engagectl.sync.inputs.shape import Shape
from engagectl.sync.landing.fits import NUMBER, begins, content, instant
from engagectl.sync.stage import CONTEXT_TRAITS, ID_CHARS, PERSONAS
from engagectl.warehouses.landing import KEYS, LINES, READ, Words

PERSONA = ("computation_key", "computation_class", "event_emitter_id", "space_id", "namespace")
NAMES = ("audience_key", "trait_key")
"""The keys of the body by which a track without personas names its computation."""
JOURNEY = ("properties", "journey_metadata", "journey_id")
NOTHING, KIND, KEY, FIELD = 28, 29, 30, 31
"""Characters that no plain line holds: nothing is there; between a key and the kind of its value; between the keys of a
body; between the fields of a kind of message.
"""
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
_READ = (
    "file, row_no, line, j, body, type, message_id, user_id, anonymous_id, event, received_at, sent_at,"
    " original_timestamp, event_time, skewed"
)


def outcome_of(work: Work) -> str:
    """Return the column of ROUTES and PLAIN that says what becomes of a kind of message, or a line."""
    return f"o{work.number}"


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages that some feeds read, in the shape of their input."""

    words: Words
    works: Sequence[Work]
    shape: Shape

    @property
    def integrations(self) -> tuple[str, ...]:
        return tuple(sorted({work.feed.integration for work in self.works if work.feed.integration is not None}))

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
        return f"SELECT DISTINCT {self.kind()} FROM {self.joined()} WHERE r.plain = 1"

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

    def kind(self) -> str:
        return self.words.joined("r.routed", "COALESCE(k.keys, '')")

    def joined(self) -> str:
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


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _loose() -> tuple[str, ...]:
    """Return the fields of which anything but a string counts as nothing."""
    return ("journey", *(f"p{n}" for n in range(len(PERSONA))))
