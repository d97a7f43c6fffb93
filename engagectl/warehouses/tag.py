"""What a session says of itself to its engine, so that whoever looks at the engine sees whose query it is."""

import re
from dataclasses import dataclass

_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_.-]")
COMMIT_CHARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """The command, the target and the commit that is checked out. `pid` and `host` name the holder of a lock."""

    command: str
    target: str = ""
    commit: str = ""
    pid: int = 0
    host: str = ""

    def text(self, max_bytes: int) -> str:
        """Return one line for an application name or a query tag. What has no room is left out whole, the host cut."""
        line = f"engagectl {self.command}"[:max_bytes]
        for word, value in self._facts():
            part = f" {word}={value}"
            room = max_bytes - len(line)
            if word == "host" and room > len(" host="):
                part = part[:room]
            if len(part) <= room:
                line += part
        return line

    def labels(self, max_chars: int = 63) -> tuple[tuple[str, str], ...]:
        """Return names and values for engines that label jobs: lower case, of letters, digits, `_` and `-`."""
        facts = (("engagectl", self.command), *self._facts())
        return tuple((name, value.lower().replace(".", "_").replace(" ", "_")[:max_chars]) for name, value in facts)

    def _facts(self) -> tuple[tuple[str, str], ...]:
        facts = (
            ("pid", str(self.pid) if self.pid else ""),
            ("target", self.target),
            ("commit", self.commit[:COMMIT_CHARS]),
            ("host", self.host),
        )
        return tuple((word, _NOT_A_WORD.sub("_", value)) for word, value in facts if value)
