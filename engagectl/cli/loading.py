"""The progress of a sync: one moving line on a terminal, a line per phase elsewhere."""

from engagectl.show.terminal import Terminal


class Loading:
    """Shows what sync tells it, on stderr."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def phase(self, text: str) -> None:
        """Tell that something begins."""
        self.terminal.story(text)

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Show how far a file is, in bytes; without a total, how much was read."""
        if total:
            self.terminal.tick(f"{min(100, done * 100 // total):3d}% of {file}")
        else:
            self.terminal.tick(f"{done / 1e6:,.1f} MB of {file}")
