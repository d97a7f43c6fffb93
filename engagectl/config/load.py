"""YAML bytes -> plain data: libyaml's events, YAML 1.2 scalars, our own limits. No models, no file access.

Positions are not kept; a second pass with `marks` gives them for the one file that somebody asks about. Nothing that
raises here holds text of the file except a repeated key's name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    YAMLError,
)

MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_DOCUMENTS = 4 << 20, 64, 400_000, 100

# The C extension may be missing: the pure parser gives the same events, 20 times slower.
_PARSER: Callable[[bytes], Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818  it becomes a diagnostic, never reaches a user as an exception
    """What is wrong with the text of one file. Lines and columns count from 1; the end is exclusive."""

    code: str
    message: str
    start: tuple[int, int]
    end: tuple[int, int]
    other: tuple[int, int] | None = None


@dataclass(slots=True)
class Marked:
    """A node's place: the first and last event, its key's event, and the same for what it holds."""

    first: Any
    last: Any
    children: "dict[str, tuple[Any, Marked]] | list[Marked] | None" = None

    @property
    def span(self) -> Span:
        return _span(self.first, self.last)


def _span(first: Any, last: Any) -> Span:
    start, end = first.start_mark, last.end_mark
    return (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)


def _problem(code: str, message: str, event: Any, other: tuple[int, int] | None = None) -> Problem:
    return Problem(code, message, *_span(event, event), other)


_NUMBER = re.compile(
    r"(?:(?P<int>[-+]?[0-9]+)|(?P<oct>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)))\Z"
)
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MISSING = object()


def resolve_scalar(text: str) -> Any:
    """Return the value of a plain scalar by YAML 1.2's core schema. Raises ValueError where we refuse."""
    found = _NUMBER.match(text)
    if found is None:
        return text
    if len(text) > 64:
        raise ValueError("a number is longer than 64 characters")
    match found.lastgroup:
        case "special":
            raise ValueError("infinity and NaN are not accepted")
        case "float":
            value = float(text)
            if value in (float("inf"), float("-inf")):
                raise ValueError("a number is out of range")
            return value
        case "oct":
            number = int(text, 8)
        case "hex":
            number = int(text, 16)
        case _:
            number = int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("a whole number does not fit 64 bits")
    return number


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise Problem("EC001", f"the file is larger than {MAX_BYTES >> 20} MiB", (1, 1), (1, 1))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _at(raw, error.start)
        raise Problem("EC002", "the file is not UTF-8", (line, column), (line, column + 1)) from None
    if not text.isascii():
        # line breaks for libyaml, ordinary characters in YAML 1.2 and for editors: refuse, do not guess
        for character, name in (("\x85", "U+0085"), ("\u2028", "U+2028"), ("\u2029", "U+2029")):
            index = text.find(character)
            if index >= 0:
                line, column = text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
                message = f"{name}, an invisible line separator; write it as an escape in double quotes"
                raise Problem("EC003", message, (line, column), (line, column + 1))
    return text


def _at(raw: bytes, position: int) -> tuple[int, int]:
    head = raw[:position]
    return head.count(b"\n") + 1, len(head[head.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1


def load_yaml(
    raw: bytes, *, marks: bool = False, parser: Callable[[bytes], Any] = _PARSER
) -> tuple[list[Any], list[Marked]]:
    """Return the documents, and their positions when `marks`. Raises Problem, never anything else."""
    text = _decode(raw).removeprefix("\ufeff")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.endswith(b"\n"):
        raw += b"\n"  # libyaml drops the last break of a block scalar otherwise
    try:
        return _Builder(text, marks).build(parser(raw).get_event)
    except YAMLError as error:
        _syntax(error, raw)


_SIGNS = frozenset(",[]{}:?-")


def _syntax(error: YAMLError, raw: bytes) -> NoReturn:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # the reader's error has a position only
        line, column = _at(raw, getattr(error, "position", 0) or 0)
        raise Problem("EC004", "a control character", (line, column), (line, column + 1)) from None
    context = getattr(error, "context_mark", None)
    other = (context.line + 1, context.column + 1) if context else None
    problem = getattr(error, "problem", None) or "cannot be read"
    if problem == "exceeded maximum nesting depth":  # libyaml 0.2.6 looks so far ahead
        message = f"nested deeper than {MAX_DEPTH} levels"
        raise Problem("EC016", message, (mark.line + 1, mark.column + 1), (mark.line + 1, mark.column + 2)) from None
    message = f"not valid YAML: {problem}"
    # libyaml's messages are constants; the pure parser's may quote a character of the file: only YAML's signs stay
    message = re.sub("'([^']*)'", lambda quoted: quoted[0] if quoted[1] in _SIGNS else "a character", message)
    raise Problem("EC000", message, (mark.line + 1, mark.column + 1), (mark.line + 1, mark.column + 2), other) from None


class _Builder:
    """Builds documents from events with a stack of its own: nothing recurses, whatever the nesting."""

    def __init__(self, text: str, marks: bool) -> None:
        self.marks = marks
        self.odd = text if "?" in text else None
        self.memo: dict[str, Any] = dict(_CONSTANTS)
        self.quoted: dict[str, str] = {}  # equal texts are one object, as with plain scalars
        self.nodes = 0

    def build(self, next_event: Callable[[], Any]) -> tuple[list[Any], list[Marked]]:
        documents: list[Any] = []
        places: list[Marked] = []
        stack: list[tuple[Any, Any, bool, Any, Any, Any]] = []
        current: Any = None
        key: Any = _MISSING
        in_map = False
        children: Any = None  # positions of what `current` holds
        key_event: Any = None
        first: Any = None
        started = 0
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                value = self._scalar(event)
                if in_map and key is _MISSING:
                    self._check_key(value, event, current, children)
                    key, key_event = value, event
                    continue
                node = Marked(event, event) if self.marks else None
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._check_start(event, len(stack), is_key=in_map and key is _MISSING)
                stack.append((current, key, in_map, children, key_event, first))
                in_map = kind is MappingStartEvent
                current, key, first = ({} if in_map else []), _MISSING, event
                children = ({} if in_map else []) if self.marks else None
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = current
                node = Marked(first, event, children) if self.marks else None
                current, key, in_map, children, key_event, first = stack.pop()
            elif kind is StreamEndEvent:
                return documents, places
            else:
                if kind is AliasEvent:
                    raise _problem("EC010", "aliases (*name) are not accepted", event)
                if kind is DocumentStartEvent:
                    started += 1
                    if started > MAX_DOCUMENTS:
                        raise _problem("EC019", f"more than {MAX_DOCUMENTS} documents in one file", event)
                    if event.tags or (event.version and event.version != (1, 2)):
                        raise _problem("EC018", "only %YAML 1.2 is accepted", event)
                continue
            if current is None:
                documents.append(value)
                if node:
                    places.append(node)
            elif in_map:
                current[key] = value
                if node:
                    children[key] = (key_event, node)
                key = _MISSING
            else:
                current.append(value)
                if node:
                    children.append(node)

    def _count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _problem("EC017", f"more than {MAX_NODES} values in one file", event)
        if event.anchor is not None:
            raise _problem("EC010", "anchors (&name) are not accepted", event)
        if event.tag is not None:
            raise _problem("EC011", "tags (!name) are not accepted", event)

    def _scalar(self, event: Any) -> Any:
        self._count(event)
        text = event.value
        if event.style:
            if "\0" in text:  # no name, path or value can hold it; PostgreSQL and the system refuse it
                raise _problem("EC004", "NUL, as an escape", event)
            return self.quoted.setdefault(text, text)
        if self.odd is not None and text and self.odd[event.start_mark.index - 1 : event.start_mark.index] == "?":
            # libyaml would drop the '?'
            raise _problem("EC020", "text that begins with '?' must be quoted", event)
        value = self.memo.get(text, _MISSING)
        if value is _MISSING:
            try:
                value = self.memo[text] = resolve_scalar(text)
            except ValueError as error:
                raise _problem("EC012", str(error), event) from None
        return value

    def _check_key(self, value: Any, event: Any, current: Any, children: Any) -> None:
        if type(value) is not str:
            raise _problem("EC013", "a key must be text; quote it", event)
        if value in current:
            other = None
            if self.marks:
                mark = children[value][0].start_mark
                other = (mark.line + 1, mark.column + 1)
            raise _problem("EC014", "a key is repeated in one mapping", event, other)
        if value == "<<":
            raise _problem("EC015", "merge keys (<<) are not accepted", event)

    def _check_start(self, event: Any, depth: int, *, is_key: bool) -> None:
        self._count(event)
        if is_key:
            raise _problem("EC013", "a key must be text, not a list or a mapping", event)
        if depth >= MAX_DEPTH:
            raise _problem("EC016", f"nested deeper than {MAX_DEPTH} levels", event)
