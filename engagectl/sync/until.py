"""How far a feed may load a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Until:
    """How far a feed loads a file: `end` None is all of it, and `closed` makes an unfinished last line count."""

    end: int | None = None
    closed: bool = False
