"""The progress of a sync: one moving line on a terminal, nothing elsewhere."""

from engagectl.show.terminal import Terminal


class Loading:
    """Shows what sync tells it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def __call__(self, *what: object) -> None:
        self.terminal.tick(" ".join(str(part) for part in what))
