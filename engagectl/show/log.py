"""The log of a command: events, each a line of JSON or of text, on stderr or in a file.

An event holds names, counts and hashes; it never holds a statement or a value of the data.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from engagectl.show.commands import unarmed_json


def _now() -> datetime:
    return datetime.now(UTC)


class Log:
    """Where events go: to `stream` when `format` is json (as text, what is for people stands there), and to `file`."""

    def __init__(
        self,
        stream: TextIO,
        *,
        format: str = "text",
        file: TextIO | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.stream, self.file, self.clock = stream, file, clock
        self.json = format == "json"

    @property
    def wanted(self) -> bool:
        """Tell whether anybody reads events."""
        return self.json or self.file is not None

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def event(self, name: str, *, shown: bool = True, **facts: Any) -> None:
        """Write one event; with `shown` false only into the file."""
        if not self.wanted:
            return
        at = self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = unarmed_json(json.dumps({"at": at, "event": name, **facts}, default=str))
        if self.json and shown:
            _put(self.stream, line)
        if self.file is not None:
            told = " ".join(f"{key}={json.dumps(value, default=str)}" for key, value in facts.items())
            _put(self.file, line if self.json else f"{at} {name} {told}".rstrip())


def _put(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()
