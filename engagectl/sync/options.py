"""What one sync is asked to do, and what it tells while it works."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from engagectl.config.resolve import Secret

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Limit:
    """A number, or a share of what was read, in percent."""

    value: float
    is_share: bool = False

    def is_passed(self, number: int, of: int) -> bool:
        return number * 100 > self.value * of if self.is_share else number > self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """`select` are addresses or globs of feeds; none means all. `due` takes only what is due by schedule and run ends.

    `complete` are globs of files that nobody writes to any more: an unfinished last line of them counts. `fold_rows`
    identifies wait for users at most, fewer where its rows are wide; and what was read into `fold_bytes` of an input,
    for a sync that goes on after a crash reads it again.

    `changed` are the feeds that the patterns `changed:REF` of `select` stand for.

    `dry_run` counts and commits nothing. `standard_input` is the id of an input that standard input stands in for, ""
    for the only one that there is.

    `reread` reads the inputs from the beginning (of the files since a day) and moves no checkpoint back; `as_new` are
    keys of files whose checkpoints are forgotten first. `stop` is asked between chunks.
    """

    select: Sequence[str] = ()
    changed: Sequence[str] = ()
    due: bool = False
    complete: Sequence[str] = ()
    chunk_bytes: int = 128 << 20
    memory_mb: int = 384
    fold_rows: int = 400_000
    fold_bytes: int = 240 << 20  # two chunks
    dry_run: bool = False
    standard_input: str | None = None
    reread: bool = False
    since: date | None = None
    as_new: Sequence[str] = ()
    max_time_s: float | None = None
    max_quarantine: Limit | None = None
    stop: Callable[[], bool] = lambda: False
    lock_timeout_s: float = 10.0
    retry_wait_s: float = 0.8  # before the second try of a transaction; it doubles from try to try
    keys: Mapping[str, Secret] = field(default_factory=dict)  # of hmac_sha256, by the id of their credentials


class Progress(Protocol):
    """What a sync tells while it works. Sizes are bytes as stored; those of `advance` are bytes of messages."""

    def phase(self, text: str) -> None: ...
    def expect(self, files: int, size: int) -> None: ...
    def advance(self, file: str, done: int, total: int | None) -> None: ...
    def passed(self, file: str, size: int) -> None: ...


class Silent:
    """A progress that shows nothing."""

    def phase(self, text: str) -> None:
        """Say nothing."""

    def expect(self, files: int, size: int) -> None:
        """Say nothing."""

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def passed(self, file: str, size: int) -> None:
        """Say nothing."""
