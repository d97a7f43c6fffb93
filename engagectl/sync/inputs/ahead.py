"""Beginnings of the objects that come next, read many at a time in a thread while what came before is loaded."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

OBJECTS_AT_ONCE = 64
BYTES_AT_ONCE = 8 << 20  # twice as much is held at most: what is taken now, and what comes after it
_LARGEST = 1 << 20


class Sized(Protocol):
    @property
    def bytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


@dataclass(frozen=True)
class _Batch(Generic[T]):
    items: tuple[T, ...]
    thread: threading.Thread
    found: dict[T, bytes]


class Ahead(Generic[T]):
    """`read` returns the content of several items, None for one that it could not read: whoever needs it reads it
    again, and is told why.
    """

    def __init__(self, read: Callable[[Sequence[T]], Sequence[bytes | None]]) -> None:
        self._read = read
        self._queue: deque[T] = deque()
        self._batches: deque[_Batch[T]] = deque()

    def expect(self, items: Sequence[T]) -> None:
        """Tell what will be taken, in which order. Large items are not read ahead; what was expected before is not."""
        self._queue = deque(item for item in items if 0 < item.bytes <= _LARGEST)
        self._batches.clear()
        self._begin()

    def take(self, item: T) -> bytes | None:
        """Return what an item holds, when it was expected and could be read; the next ones are read meanwhile."""
        if not any(item in batch.items for batch in self._batches):
            return None
        while item not in self._batches[0].items:  # it was passed over
            self._batches.popleft()
        batch = self._batches[0]
        batch.thread.join()
        if len(self._batches) == 1:
            self._begin()
        return batch.found.pop(item, None)

    def _begin(self) -> None:
        items: list[T] = []
        size = 0
        while self._queue and len(items) < OBJECTS_AT_ONCE and size + self._queue[0].bytes <= BYTES_AT_ONCE:
            size += self._queue[0].bytes
            items.append(self._queue.popleft())
        if len(items) < 2:  # nothing to be read at once
            return
        found: dict[T, bytes] = {}

        def read() -> None:
            contents = zip(items, self._read(items), strict=True)
            found.update((item, content) for item, content in contents if content is not None)

        thread = threading.Thread(target=read, daemon=True, name="objects ahead")
        self._batches.append(_Batch(tuple(items), thread, found))
        thread.start()
