"""Diagnostics as text and JSON data. Source lines come from the files; what could be a secret is masked."""

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engagectl.errors import Diagnostic, Place

MOST = 100
_WIDEST = 160
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m"}


def as_full(diagnostics: Sequence[Diagnostic], root: Path, *, colour: bool = False) -> str:
    """Return diagnostics with their source lines and carets, as people read them: the first hundred."""
    snippets = _Snippets(root)
    told = ["\n".join(_full(item, snippets, colour=colour)) for item in diagnostics[:MOST]]
    if len(diagnostics) > MOST:
        told.append(f"... and {len(diagnostics) - MOST:,} more: engagectl validate --output-format concise lists all")
    return "\n\n".join(told)


def footer(diagnostics: Sequence[Diagnostic]) -> str:
    """Return the last line under diagnostics: how many of what, in how many files."""
    counts = {kind: sum(one.severity == kind for one in diagnostics) for kind in ("error", "warning", "info")}
    told = [f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counts.items() if number]
    if not counts["error"]:
        return f"Valid: {', '.join(told)}." if told else "Valid."
    files = len({one.place.file for one in diagnostics if one.place is not None})
    where = f" in {files} file{'' if files == 1 else 's'}" if files else ""
    return f"Found {', '.join(told)}{where}. Nothing was sent to a warehouse."


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
            start, end = _marked(item.place, lines[-1][1])
            cut = max(0, start - _WIDEST // 2) if end > _WIDEST else 0  # a long line is shown around the caret
            yield f"{' ' * width} |"
            yield from (f"{number:>{width}} | {_window(text, cut)}" for number, text in lines)
            shown = _window(lines[-1][1], cut)
            start, end = start - cut + 3 * bool(cut), min(end - cut + 3 * bool(cut), len(shown))
            yield f"{' ' * width} | {_underline(shown, start, end)} {clean(item.label)}".rstrip()
    if item.help or item.related:
        yield f"{' ' * width} |"
    for place, text in item.related:
        yield f"{' ' * width} = {clean(text)}: {clean(str(place))}"
    for text in item.help:
        yield f"{' ' * width} = help: {clean(text)}"
    yield f"{' ' * width} = docs: engagectl explain {item.code}"


def _marked(place: Place, line: str) -> tuple[int, int]:
    """Return the part of a line that is marked, from 0, its end exclusive and after its start."""
    start = min(place.column - 1, len(line))
    end = place.end_column - 1 if place.end_line in (0, place.line) and place.end_column else len(line.rstrip())
    return start, max(min(end, len(line)), start + 1)


def _window(line: str, cut: int) -> str:
    shown = line[cut : cut + _WIDEST]
    return ("..." if cut else "") + shown + ("..." if cut + _WIDEST < len(line) else "")


def _underline(line: str, start: int, end: int) -> str:
    return " " * _cells(line[:start]) + "^" * max(1, _cells(line[start:end].rstrip()))


def _cells(text: str) -> int:
    """Return the cells that text takes on a terminal: two for wide characters and emoji, none for marks."""
    cells = 0
    for character in text:
        if character == _EMOJI_STYLE:  # makes the character before it wide
            cells += 1
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


class _Snippets:
    """Lines of the project's files, masked, each file read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, list[str]] = {}

    def lines(self, place: Place) -> list[tuple[int, str]]:
        """Return the line of the place and the one before it."""
        if place.file not in self.files:
            self.files[place.file] = self._masked(place.file)
        found = self.files[place.file]
        numbers = range(max(1, place.line - 1), place.line + 1)
        return [(n, found[n - 1]) for n in numbers if n <= len(found)] if place.line <= len(found) else []

    def _masked(self, name: str) -> list[str]:
        from engagectl.config.load import MAX_BYTES  # a wrong word needs no reader of YAML
        from engagectl.config.mask import masked
        from engagectl.config.regular import open_inside

        try:
            with open_inside(self.root, name) as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError:
            return []
        return [clean(line.replace("\t", " ")) for line in masked(raw)] if len(raw) <= MAX_BYTES else []
