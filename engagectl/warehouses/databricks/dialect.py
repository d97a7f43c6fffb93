"""SQL of ours as Databricks reads it: names in backticks, its words for types, and values as literals.

Values are written into the statement: at most 256 can be bound ("limit is 256" of the server's own error), and rows of
the journal come by the hundred. So a literal keeps to letters that mean nothing to the parser; everything else is
escaped ("STRING type", literals), `$` too: `${..}` is replaced before anything is parsed.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from engagectl.errors import InternalError

_TOKEN = re.compile(
    r"""
      (?P<text>'(?:[^'\\]|\\.|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<kept>`(?:[^`]|``)*`|--[^\n]*)
    | (?P<mark>\?)
    | (?P<type>\bAS\s+(?:VARCHAR|TEXT|UUID)\b(?!\s*\())
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"[^\x00-\x1f\x7f'\\$`\u0080-\u00a0\u2028\u2029\ud800-\udfff\ufeff]")


def statement(sql: str, parameters: Sequence[object] = ()) -> str:
    """Return the statement with its values in it. Raises InternalError when there are more or fewer values than `?`."""
    values = iter(parameters)

    def written(token: "re.Match[str]") -> str:
        match token.lastgroup:
            case "text":
                return token["text"].replace("''", "\\'").replace("$", "\\u0024") if len(token["text"]) > 2 else "''"
            case "name":
                return quoted(token["name"][1:-1].replace('""', '"'))
            case "type":
                return "AS STRING"
            case "mark":
                value = next(values, _NOTHING)
                if value is _NOTHING:
                    raise InternalError("a statement has more marks than values")
                return literal(value)
            case _:
                return token[0]

    text = _TOKEN.sub(written, sql)
    if next(values, _NOTHING) is not _NOTHING:
        raise InternalError("a statement has fewer marks than values")
    return text


_NOTHING = object()


def quoted(name: str) -> str:
    """Write a name as a delimited identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: object) -> str:
    """Write a value."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return f"CAST({_text(repr(value))} AS DOUBLE)"
        case Decimal():
            return f"{value:f}BD"
        case str():
            return _text(value)
        case uuid.UUID():
            return _text(str(value))
        case datetime():
            return f"TIMESTAMP{_text(value.isoformat(sep=' '))}"
        case date():
            return f"DATE{_text(value.isoformat())}"
        case bytes():
            return f"X'{value.hex()}'"
        case _:
            raise InternalError(f"a {type(value).__name__} cannot be written as SQL")


def _text(value: str) -> str:
    return "'" + "".join(one if _PLAIN.match(one) else _escaped(one) for one in value) + "'"


def _escaped(character: str) -> str:
    """Write a character by its number; beyond the first plane as the pair of UTF-16."""
    if character == "\\":
        return "\\\\"
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
