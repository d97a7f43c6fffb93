"""An object as a stream: one request a block, and where blocks are read one after the other the next ones meanwhile."""

import io
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engagectl.sync.inputs.objects import Object

BLOCK_BYTES = 8 << 20
BLOCKS_AHEAD = 2


class Ranges(io.RawIOBase):
    """An object that can be sought. Its beginning is read alone: often it is all that is looked at."""

    def __init__(self, item: "Object") -> None:
        self._item = item
        self._at = 0
        self._block = b""
        self._block_at = 0
        self._coming: deque[_Coming] = deque()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._item.bytes}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        inside = self._at - self._block_at
        if not 0 <= inside < len(self._block):
            self._block, self._block_at, inside = self._read(self._at), self._at, 0
        part = self._block[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _read(self, start: int) -> bytes:
        coming = self._coming.popleft() if self._coming and self._coming[0].start == start else None
        if coming is None:
            self._coming.clear()
        if self._block and start == self._block_at + len(self._block):
            self._ask(self._coming[-1].end if self._coming else _end(start))
        return coming.wait() if coming is not None else self._item.store.range(self._item, start, _end(start))

    def _ask(self, start: int) -> None:
        while len(self._coming) < BLOCKS_AHEAD and start < self._item.bytes:
            self._coming.append(_Coming(self._item, start))
            start = _end(start)


class _Coming:
    """A block that is being read in a thread."""

    def __init__(self, item: "Object", start: int) -> None:
        self.start, self.end = start, _end(start)
        self._item = item
        self._found = b""
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._read, daemon=True, name="block ahead")
        self._thread.start()

    def wait(self) -> bytes:
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._found

    def _read(self) -> None:
        try:
            self._found = self._item.store.range(self._item, self.start, self.end)
        except OSError as error:
            self._failed = error


def _end(start: int) -> int:
    """Return where a block ends: the first one where blocks do, so that it is the one that is kept."""
    return BLOCK_BYTES if start < BLOCK_BYTES else start + BLOCK_BYTES
