"""The one sink of output: results on stdout, the story on stderr, and nothing that could drive the terminal.

Colour: only on a terminal, never with NO_COLOR, always with FORCE_COLOR or CLICOLOR_FORCE; the flag wins over all.
Progress: only when stderr is a terminal and CI is unset.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from engagectl.show.commands import unarmed
from engagectl.show.log import Log

_SGR = re.compile("(\x1b\\[[0-9;]*m)")
# control characters (but tab and line feed), zero-width and bidirectional ones, line separators, surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
STYLES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}


def _escape_one(found: re.Match[str]) -> str:
    number = ord(found.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def escape(text: str) -> str:
    """Return text with every character that could hide or forge something written as its escape."""
    return _UNSAFE.sub(_escape_one, text)


def wants_colour(flag: str, stream: TextIO, env: Mapping[str, str]) -> bool:
    """Decide on colour for a stream: flag, then the environment, then whether it is a terminal."""
    if flag != "auto":
        return flag == "always"
    if env.get("NO_COLOR"):
        return False
    if any(env.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and env.get("TERM") != "dumb"


class Terminal:
    """stdout and stderr of one command. With a log in JSON, stderr holds events and nothing else."""

    def __init__(
        self, *, color: str = "auto", quiet: bool = False, progress: bool = True, log: Log | None = None
    ) -> None:
        self.out, self.err = _stream(sys.stdout), _stream(sys.stderr)
        self.log = log or Log(self.err)
        self.colour = wants_colour(color, self.out, os.environ)
        self.colour_err = wants_colour(color, self.err, os.environ)
        self.quiet = quiet
        self.progress = progress and not quiet and not self.log.json and self.err.isatty() and not os.environ.get("CI")
        self._line = False

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((100, 24)).columns if self.out.isatty() else 100

    def folded(self, text: str) -> str:
        """Return text that fits a terminal; a pipe and a file get each line whole."""
        return fold(text, self.width) if self.out.isatty() else text

    @property
    def can_ask(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty() and self.out.isatty()

    def paint(self, text: str, style: str) -> str:
        """Return safe text in a style, for `result(..., styled=True)`."""
        return f"\x1b[{STYLES[style]}m{escape(text)}\x1b[0m" if self.colour else escape(text)

    def result(self, text: str, *, styled: bool = False) -> None:
        """Print what was asked for. `styled` text may hold colour codes of ours; all else is escaped."""
        self.done()
        _write(self.out, _safe(text, styled=styled, colour=self.colour).rstrip("\n") + "\n")

    def annotations(self, text: str) -> None:
        """Print commands for the runner of a job; what in them came from data is escaped in their own way."""
        self.done()
        _write(self.out, escape(text).rstrip("\n") + "\n")

    def story(self, text: str) -> None:
        """Tell what happens, on stderr; silent with --quiet."""
        self.event("message", text, message=text)

    def event(self, name: str, text: str = "", /, **facts: Any) -> None:
        """Tell the log that something happened; where stderr is for people, print the text, if there is one."""
        if text and not self.quiet and not self.log.json:
            self.complain(text)
        self.log.event(name, shown=not self.quiet, **facts)

    def complain(self, text: str, *, styled: bool = False) -> None:
        """Print to stderr whatever the flags say."""
        self.done()
        _write(self.err, _safe(text, styled=styled, colour=self.colour_err).rstrip("\n") + "\n")

    def tick(self, text: str) -> None:
        """Replace the progress line."""
        if self.progress:
            width = shutil.get_terminal_size((100, 24)).columns - 1
            _write(self.err, f"\r\x1b[2K{escape(text)[:width]}")
            self._line = True

    def done(self) -> None:
        """Clear the progress line."""
        if self._line:
            _write(self.err, "\r\x1b[2K")
            self._line = False

    def ask(self, question: str) -> bool:
        """Ask on the terminal; only `yes` is yes."""
        self.done()
        _write(self.err, f"{escape(question)} ")
        return sys.stdin.readline().strip().lower() == "yes"


def _stream(stream: TextIO | None) -> TextIO:
    """Return the stream, or one into nothing: a caller may have closed it (`>&-`)."""
    return stream if stream is not None else Path(os.devnull).open("w", encoding="utf-8")


def _safe(text: str, *, styled: bool, colour: bool) -> str:
    if not styled:
        return unarmed(escape(text))
    text = unarmed(text)
    if not colour:
        return escape(_SGR.sub("", text))
    return "".join(part if _SGR.fullmatch(part) else escape(part) for part in _SGR.split(text))


def _write(stream: TextIO, text: str) -> None:
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:  # a terminal in an encoding of its own
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _drop(stream)  # the reader (head, less) went away; the work goes on, and its exit code is its own
    except OSError as error:
        _drop(stream)
        raise OSError(error.errno, error.strerror, f"<{stream.name.strip('<>')}>") from None


def _drop(stream: TextIO) -> None:
    """Send what is left in a stream to nowhere: the interpreter would flush it once more at its end, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fold(text: str, width: int) -> str:
    """Break the lines that are longer than a terminal is wide, between cells or words. No name is cut."""
    return "\n".join(part for line in text.splitlines() for part in _fold_line(line, width))


def _fold_line(line: str, width: int) -> list[str]:
    if _shown(line) <= width:
        return [line]
    indent = len(line) - len(line.lstrip()) + 4
    pieces: list[str] = []
    for piece in re.split(r"( {2,})", line.lstrip()):  # a cell stays whole where it has room
        pieces += [piece] if not piece.strip() or _shown(piece) <= width - indent else re.split(r"( )", piece)
    first, *rest = pieces
    lines = [" " * (indent - 4) + first]
    for gap, word in zip(rest[::2], rest[1::2], strict=True):
        if _shown(lines[-1] + gap + word) <= width:
            lines[-1] += gap + word
        else:
            lines.append(" " * indent + word)
    return lines


def _shown(text: str) -> int:
    return len(_SGR.sub("", text))


def columns(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under heads, aligned; numbers to the right. Nothing is cut."""
    numeric = [all(isinstance(row[i], int) for row in rows) and bool(rows) for i in range(len(heads))]
    lines = [tuple(heads), *(tuple(_cell(value) for value in row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(str(value)).replace("\n", "\\n").replace("\t", "\\t")
