"""Ctrl-C and SIGTERM: the first lets the chunk at work end, the second ends at once."""

import os
import signal
from types import FrameType, TracebackType
from typing import Self

from engagectl.show.terminal import Terminal

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """While it is entered, signals are taken here. Before anything loads, the first one ends the command."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.asked = False
        self.is_loading = False

    def stop(self) -> bool:
        """Tell whether to stop: what a sync asks between chunks."""
        self.is_loading = True
        return self.asked

    def __enter__(self) -> Self:
        self.before = {number: signal.signal(number, self._taken) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _taken(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            os._exit(INTERRUPTED)
        if not self.is_loading:
            raise KeyboardInterrupt
        self.asked = True
        self.terminal.story("stopping after this chunk; once more ends at once, and the chunk is read again next time")
