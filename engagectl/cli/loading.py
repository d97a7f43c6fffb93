"""The progress of a sync: one moving line on a terminal, a line per phase elsewhere."""

from collections.abc import Callable
from time import monotonic

from engagectl.show.terminal import Terminal


class Loading:
    """Shows what sync tells it, on stderr: how much of what there was to read is read, how fast, and the time left.

    A compressed file counts when it is passed: how far a place in its messages is in its bytes is not known.
    """

    def __init__(self, terminal: Terminal, clock: Callable[[], float] = monotonic) -> None:
        self.terminal = terminal
        self._clock = clock
        self.told_at = 0.0
        self._began = self._clock()
        self._files = self._size = 0
        self._passed = self._here = 0

    def phase(self, text: str) -> None:
        """Tell that something begins."""
        self.terminal.event("phase_started", text, phase=text)

    def expect(self, files: int, size: int) -> None:
        """Begin to count: so many files, and bytes as they are stored, are to be read."""
        self._began = self._clock()
        self._files, self._size, self._passed, self._here = files, size, 0, 0

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Show how far a file is. The log hears of it once a second."""
        self._here = min(done, total) if total is not None else 0
        if self._clock() - self.told_at < 1 and done != total:
            return
        self.told_at = self._clock()
        rate = self._rate()
        left_s = None if rate is None else max(0, self._size - self._read) / rate
        self.terminal.event(
            "sync_progress",
            file=file,
            bytes=done,
            total_bytes=total,
            read_bytes=self._read,
            expected_bytes=self._size,
            files_left=self._files,
            bytes_per_s=None if rate is None else round(rate),
            seconds_left=None if left_s is None else round(left_s),
        )
        self.terminal.tick(self._line(file, rate, left_s))

    def passed(self, file: str, size: int) -> None:
        """Count a file that is read to its end."""
        del file
        self._passed, self._here = self._passed + size, 0
        self._files = max(0, self._files - 1)

    @property
    def _read(self) -> int:
        return min(self._passed + self._here, self._size)

    def _rate(self) -> float | None:
        """Return the bytes a second so far; None before there is a speed to speak of."""
        elapsed = self._clock() - self._began
        return self._read / elapsed if elapsed >= 0.5 and self._read else None

    def _line(self, file: str, rate: float | None, left_s: float | None) -> str:
        share = self._read * 100 // self._size if self._size else 0
        parts = [f"{share:3d}%", f"{size_text(self._read)} of {size_text(self._size)}"]
        if rate is not None and left_s is not None:
            parts += [f"{size_text(round(rate))}/s", f"{_clock(round(left_s))} left"]
        if self._files > 1:
            parts.append(f"{self._files:,} files")
        return "  ".join([*parts, file])


def size_text(size: int) -> str:
    """Write a number of bytes as people read it."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
