"""The progress of a sync: one moving line on a terminal, a line per phase elsewhere."""

from time import monotonic

from engagectl.show.terminal import Terminal


class Loading:
    """Shows what sync tells it, on stderr."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.told_at = 0.0

    def phase(self, text: str) -> None:
        """Tell that something begins."""
        self.terminal.event("phase_started", text, phase=text)

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Show how far a file is, in bytes; without a total, how much was read. The log hears of it once a second."""
        if monotonic() - self.told_at >= 1 or done == total:
            self.told_at = monotonic()
            self.terminal.event("sync_progress", file=file, bytes=done, total_bytes=total)
        if total:
            self.terminal.tick(f"{min(100, done * 100 // total):3d}% of {file}")
        else:
            self.terminal.tick(f"{done / 1e6:,.1f} MB of {file}")
