"""A JSON text -> a typed value by the words of a warehouse, or NULL where only the client can tell."""

import re

from engagectl.model.column_type import (
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    JsonText,
    Native,
    Text,
    Timestamp,
)
from engagectl.model.feed import Transform
from engagectl.warehouses.landing import Words

WHOLE = "0|-?[1-9][0-9]{0,17}"
NUMBER = rf"{WHOLE}|-?(0|[1-9][0-9]{{0,8}})\.[0-9]{{1,6}}"
"""The numbers of plain lines: their digits are exact in every engine."""
TIME = r"(19|20|21)[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
TIME += r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DATE = r"(19|20|21)[0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_ASCII = "[ -~]*"
# DuckDB writes a fraction as the shortest text of its double: 1.50 is 1.5, and 0.00001 is 1e-5
_OTHER_ESCAPE = r'\\[^"\\nrt]'
_LOOSE = r"(\[|\{|:|,) | (\]|\}|:|,)"
_PLAIN_KEY = re.compile("[A-Za-z0-9_]+")
_OTHER_FRACTION = r"\.[0-9]+0([^0-9]|$)|(^|[^0-9])0\.0000"


def content(words: Words, text: str) -> str:
    """Return the content of a JSON string in which nothing is escaped; NULL for everything else."""
    return f"CASE WHEN {is_string(words, text)} THEN {words.slice(text, 2, 1)} END"


def is_string(words: Words, text: str) -> str:
    return f"{begins(text, chr(34))} AND NOT {words.contains(text, words.literal(chr(92)))}"


def begins(text: str, with_: str) -> str:
    """Return the predicate "the text begins with this character"."""
    return f"SUBSTR({text}, 1, 1) = '{with_}'"


def typed(words: Words, text: str, kind: ColumnType, *, line: str, sent: str = "", membership: bool = False) -> str:
    """Return the typed value of a JSON text that stands in a line; `sent` is what was found of a document there."""
    match kind:
        case Boolean():
            more = " WHEN '\"true\"' THEN TRUE WHEN '\"false\"' THEN FALSE" if membership else ""
            return f"CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE{more} END"
        case Integer():
            return f"CASE WHEN {words.matches(text, WHOLE)} THEN {words.typed(text, kind)} END"
        case Float():
            return f"CASE WHEN {words.matches(text, NUMBER)} THEN {words.typed(text, kind)} END"
        case Decimal(precision, scale):
            digits = precision - scale
            whole = f"0|-?[1-9][0-9]{{0,{digits - 1}}}" if digits else "0"
            some = rf"|-?({'0|[1-9][0-9]{0,' + str(digits - 1) + '}' if digits else '0'})\.[0-9]{{1,{scale}}}"
            return (
                f"CASE WHEN {words.matches(text, whole + (some if scale else ''))} THEN {words.typed(text, kind)} END"
            )
        case Text():
            return _limited(words, _text(words, text), kind)
        case Timestamp():
            return instant(words, text)
        case Date():
            inner = content(words, text)
            return f"CASE WHEN {words.matches(inner, DATE)} THEN {words.date(inner)} END"
        case JsonText() | Json():
            return words.typed(_document(words, text, line, sent), kind)
        case Native():
            return "NULL"


def instant(words: Words, text: str) -> str:
    inner = content(words, text)
    return f"CASE WHEN {words.matches(inner, TIME)} THEN {words.instant(inner)} END"


def transformed(words: Words, text: str, steps: tuple[Transform, ...], kind: Text) -> str:
    """Return the value of a JSON text after its transforms, which are of those that are the same everywhere."""
    inner = _text(words, text)
    made = inner
    for step in steps:
        made = words.sha256(made) if step.name == "sha256" else f"{step.name.upper()}({made})"
    return f"CASE WHEN {words.matches(inner, _ASCII)} THEN {_limited(words, made, kind)} END"


def _text(words: Words, text: str) -> str:
    """Strings give their content, truth values and whole numbers their JSON text."""
    plain = f"{text} IN ('true', 'false') OR {words.matches(text, WHOLE)}"
    escaped = f"WHEN {begins(text, chr(34))} THEN {words.unescaped(text)}"
    return f"CASE WHEN {is_string(words, text)} THEN {words.slice(text, 2, 1)} {escaped} WHEN {plain} THEN {text} END"


def _limited(words: Words, made: str, kind: Text) -> str:
    checks = []
    if kind.max_chars is not None:
        checks.append(f"{words.chars(made)} <= {kind.max_chars}")
    if kind.max_bytes is not None:
        checks.append(f"{words.bytes(made)} <= {kind.max_bytes}")
    value = words.typed(made, kind)
    return f"CASE WHEN {' AND '.join(checks)} THEN {value} END" if checks else value


def sent_document(words: Words, line: str, key: str) -> str:
    """Return the object or array that stands behind a key as it was sent, down to four levels; "" for no such key."""
    if not _PLAIN_KEY.fullmatch(key):
        return ""
    once = "NOT " + words.finds(line, f'"{key}" *:.*"{key}" *:')
    found = words.part(line, f'"{key}":' + _nested(4))
    return f"CASE WHEN {once} THEN {words.slice(found, len(key) + 4, 0)} END"


def _document(words: Words, text: str, line: str, sent: str) -> str:
    """Return the text of a document as it was sent: the order of its keys and its numbers are what engines change.

    It is the engine's text where that stands in the line; else what was found there, if the engine reads that the same.
    """
    closed = f"({text} IN ('true', 'false') OR {' OR '.join(begins(text, sign) for sign in '{[')}"
    closed += f" OR {begins(text, chr(34))})"  # the end of a number would have to be looked for
    is_sent = (
        f"{closed} AND {words.contains(line, words.joined(words.literal(':'), text))} AND {_is_usual(words, text)}"
    )
    found = f"WHEN {is_sent} THEN {text}"
    if sent:
        same = f"{words.text(words.node(sent))} = {text}"
        tight = f"NOT {words.finds(sent, _LOOSE)} AND NOT {words.contains(text, words.literal(chr(92)))}"
        found += f" WHEN {same} AND {tight} AND {_is_usual(words, sent)} THEN {sent}"
    return f"CASE {found} END"


def _is_usual(words: Words, text: str) -> str:
    """Return the predicate "DuckDB, too, writes these escapes and fractions"."""
    return f"NOT {words.finds(text, _OTHER_ESCAPE)} AND NOT {words.finds(text, _OTHER_FRACTION)}"


def _nested(depth: int) -> str:
    """Return the pattern of an object or array of so many levels, in which nothing is escaped."""
    inside = r'[-0-9a-z.:, ]|"[^"]*"'
    pattern = ""
    for _ in range(depth):
        more = f"({inside}{f'|{pattern}' if pattern else ''})*"
        pattern = rf"(\{{{more}\}}|\[{more}\])"
    return pattern
