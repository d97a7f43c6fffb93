"""What each trial of a long run came to, a line each in a file, so that a run can go on where another ended."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

ENGINES = {"duckdb": "DuckDB", "postgres": "PostgreSQL"}
Group = Literal["trials", "cuts", "stops"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """Names a trial. `point` is where it is hurt: a point of the program, or where a connection is cut."""

    group: Group
    kind: str
    engine: str
    point: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`problem` is empty where all was right. An unreached trial had nothing to hurt and counts for nothing: with that
    seed its point came up less often. `code` is that of the rooms which the trial hurts.
    """

    key: Key
    nth: int = 0
    problem: str = ""
    is_unreached: bool = False
    cpu_s: float = 0.0
    commit: str
    code: str

    @property
    def is_current(self) -> bool:
        return self.code == code_of(self.key)


class Outcomes:
    """The file, and what is in it. A trial done again counts as it went last; that it had failed stays in `failed`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.all: dict[Key, Outcome] = {}
        self.failed: list[Outcome] = []
        if path.exists():
            for line in path.read_text().splitlines():
                said = json.loads(line)
                self._take(Outcome(**{**said, "key": Key(**said["key"])}))

    def _take(self, outcome: Outcome) -> None:
        self.all[outcome.key] = outcome
        if outcome.problem:
            self.failed.append(outcome)

    def add(self, outcome: Outcome) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        self._take(outcome)

    def is_done(self, key: Key) -> bool:
        """Tell whether a trial was done with the code of today."""
        return key in self.all and self.all[key].is_current

    def counted(self) -> Iterator[Outcome]:
        return (one for one in self.all.values() if not one.is_unreached)

    def done(self) -> Mapping[Group, int]:
        found: dict[Group, int] = defaultdict(int)
        for one in self.counted():
            found[one.key.group] += one.is_current
        return found


_ROOMS = {"apply": ("apply", "journal"), "erase": ("erase",), "sync": ("sync",)}


def code_of(key: Key) -> str:
    """Return what names the code that a trial hurts: when that changes, the trial counts no more."""
    rooms = [room for word, those in _ROOMS.items() if word in key.kind.split() for room in those]
    return "-".join(_tree(room) for room in (*(rooms or _ROOMS["sync"]), f"warehouses/{key.engine}"))


@cache
def _tree(room: str) -> str:
    return _git("rev-parse", f"HEAD:engagectl/{room}")[:10]


@cache
def commit() -> str:
    return _git("describe", "--always", "--dirty", "--abbrev=12")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
