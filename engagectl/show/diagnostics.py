"""Diagnostics as text and JSON data. Source lines come from the files; what could be a secret is masked."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engagectl.config.load import MAX_BYTES, Marked, Problem, load_yaml
from engagectl.errors import Diagnostic, Place

_GUARDED = ("warehouses", "credentials")
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m"}


def as_full(diagnostics: Sequence[Diagnostic], root: Path, *, colour: bool = False) -> str:
    """Return every diagnostic with its source line and a caret, as people read them."""
    snippets = _Snippets(root)
    return "\n\n".join("\n".join(_full(item, snippets, colour=colour)) for item in diagnostics)


def as_concise(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one line each: place, severity, code, message."""
    return "\n".join(
        f"{f'{d.place}: ' if d.place else ''}{d.severity}[{d.code}]: {clean(d.message)}" for d in diagnostics
    )


def as_data(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Return plain data for JSON output. It holds no line of a file."""
    return [
        {
            "code": d.code,
            "severity": d.severity,
            "message": d.message,
            "place": _place_data(d.place),
            "label": d.label,
            "help": list(d.help),
            "related": [{"place": _place_data(place), "message": text} for place, text in d.related],
        }
        for d in diagnostics
    ]


def _place_data(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line or place.line,
        "end_column": place.end_column or place.column,
    }


def clean(text: str) -> str:
    """Return text that cannot move the cursor, change colours or start a new line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _full(item: Diagnostic, snippets: "_Snippets", *, colour: bool) -> Iterator[str]:
    head = f"{item.severity}[{item.code}]"
    yield (
        f"{_COLOURS[item.severity]}{head}\x1b[0m: {clean(item.message)}" if colour else f"{head}: {clean(item.message)}"
    )
    width = len(str(item.place.line)) if item.place else 1
    if item.place:
        yield f"{' ' * width} --> {clean(str(item.place))}"
        lines = snippets.lines(item.place)
        if lines:
            yield f"{' ' * width} |"
            yield from (f"{number:>{width}} | {text}" for number, text in lines)
            yield f"{' ' * width} | {_underline(item.place, lines[-1][1])} {clean(item.label)}".rstrip()
    if item.help or item.related:
        yield f"{' ' * width} |"
    for place, text in item.related:
        yield f"{' ' * width} = {clean(text)}: {clean(str(place))}"
    for text in item.help:
        yield f"{' ' * width} = help: {clean(text)}"
    yield f"{' ' * width} = docs: engagectl explain {item.code}"


def _underline(place: Place, line: str) -> str:
    start = place.column - 1
    end = place.end_column - 1 if place.end_line in (0, place.line) and place.end_column else len(line.rstrip())
    marked = line[start : max(end, start + 1)]
    return " " * _cells(line[:start]) + "^" * max(1, _cells(marked.rstrip()))


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


class _Snippets:
    """Lines of the project's files, masked, each file read once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.files: dict[str, list[str]] = {}

    def lines(self, place: Place) -> list[tuple[int, str]]:
        """Return the line of the place and the one before it."""
        if place.file not in self.files:
            self.files[place.file] = self._masked(place.file)
        found = self.files[place.file]
        numbers = range(max(1, place.line - 1), place.line + 1)
        return [(n, found[n - 1][:300]) for n in numbers if n <= len(found)] if place.line <= len(found) else []

    def _masked(self, name: str) -> list[str]:
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root) or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return []
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return []
        lines = text.split("\n")
        try:
            places = load_yaml(raw, marks=True)[1]
        except Problem:
            return [_keys_only(line) for line in lines]  # without a structure nothing is known to be harmless
        for document in places:
            for span in _secret_spans(document):
                _mask(lines, span)
        lines = [re.sub(r"(^|\s)#.*", r"\1#", line) if "#" in line and _is_comment(line) else line for line in lines]
        return [clean(line.replace("\t", " ")) for line in lines]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _keys_only(line: str) -> str:
    found = re.match(r"\s*(?:- )*[A-Za-z0-9_.$-]{1,60}:(?=\s|$)", line)
    shown = found[0] if found else ""
    return clean(shown + re.sub(r"\S", "*", line[len(shown) :]))


def _secret_spans(document: Marked) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give the span of every scalar under warehouses and credentials: a misspelt key has no type that says secret."""
    stack = [(document, False)]
    while stack:
        node, guarded = stack.pop()
        if isinstance(node.children, dict):
            stack += [(child, guarded or key in _GUARDED) for key, (_, child) in node.children.items()]
        elif isinstance(node.children, list):
            stack += [(child, guarded) for child in node.children]
        elif guarded:
            yield node.span


def _mask(lines: list[str], span: tuple[tuple[int, int], tuple[int, int]]) -> None:
    (line, column), (end_line, end_column) = span
    for number in range(line, min(end_line, len(lines)) + 1):
        text = lines[number - 1]
        start = column - 1 if number == line else 0
        end = end_column - 1 if number == end_line else len(text)
        lines[number - 1] = text[:start] + re.sub(r"\S", "*", text[start:end]) + text[end:]
