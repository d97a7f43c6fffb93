"""Our plain SQL as GoogleSQL writes it: what is the same on every other engine is spelled otherwise here.

In GoogleSQL "x" is a string, and a name is quoted by backticks; VARCHAR and BIGINT are no types; a parameter has a
type, so NULL is none ("Lexical structure and syntax", "Parameterized queries"). Statements that were rendered for
BigQuery have nothing of all this, and pass through as they are.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'"""  # text: ours doubles a quote, what is rendered here escapes it
    r"""|`(?:[^`\\]|\\.)*`"""  # a name of GoogleSQL
    r'''|"(?:[^"]|"")*"'''  # a name of ours
    r"""|\?"""
    r"""|(?<![.\w`])(?:VARCHAR|BIGINT|hash)(?![\w(`])""",
    re.DOTALL,
)
_ESCAPED = str.maketrans({"\\": "\\\\", "`": "\\`", "\n": "\\n"})
_WORDS = {"VARCHAR": "STRING", "BIGINT": "INT64", "hash": "`hash`"}  # HASH is reserved; a column of the journal has it


def spelled(sql: str, parameters: Sequence[object] = ()) -> tuple[str, tuple[object, ...]]:
    """Return the statement, and the parameters that are left to bind: all but NULL, which is written out."""
    parts, marks = _split(sql)
    if not marks:
        return parts[0], ()
    values = tuple(parameters)
    written = parts[0]
    for value, following in zip(values, parts[1:], strict=True):
        written += ("NULL" if value is None else "?") + following
    return written, tuple(value for value in values if value is not None)


@lru_cache(maxsize=1024)
def _split(sql: str) -> tuple[tuple[str, ...], int]:
    """Return the text around the marks of parameters, spelled, and how many there are."""
    parts: list[str] = [""]
    at = 0
    for found in _TOKEN.finditer(sql):
        parts[-1] += sql[at : found.start()]
        at = found.end()
        token = found[0]
        if token == "?":  # noqa: S105  a mark, no secret
            parts.append("")
        else:
            parts[-1] += _spell(token)
    parts[-1] += sql[at:]
    return tuple(parts), len(parts) - 1


def _spell(token: str) -> str:
    match token[0]:
        case '"':
            return name(token[1:-1].replace('""', '"'))
        case "'":
            return "'" + token[1:-1].replace("''", "\\'") + "'"
        case _:
            return _WORDS.get(token, token)


def name(text: str) -> str:
    """Quote a name. "Lexical structure and syntax": inside backticks the escapes of strings hold."""
    return "`" + text.translate(_ESCAPED) + "`"


_VALUES = re.compile(r"\A(?P<head>INSERT INTO .*?) VALUES (?P<row>\([?, ]+\))\Z", re.DOTALL)
_WHERE = re.compile(r"\A(?P<head>DELETE FROM \S+ WHERE )(?P<row>[^()']+)\Z")


def for_many(sql: str, rows: int) -> str | None:
    """Return the statement that does for so many rows what `sql` does for one; None where there is none.

    A statement is a job here, of a second or so: one for each row is not to be had.
    """
    if inserted := _VALUES.match(sql):
        return f"{inserted['head']} VALUES {', '.join([inserted['row']] * rows)}"
    if deleted := _WHERE.match(sql):
        return deleted["head"] + " OR ".join([f"({deleted['row']})"] * rows)
    return None
