"""A large object is read block by block, the next ones ahead: the same bytes, and never those of two versions."""

import io
import threading
from typing import Any
from urllib.parse import quote

import fsspec
import pytest

from engagectl.sync.inputs.objects import Failed, Object, Store
from engagectl.sync.inputs.ranges import BLOCK_BYTES, Ranges

CONTENT = b"".join(b"%07d\n" % number for number in range(5 * BLOCK_BYTES // 8)) + b"the end"


class Counted(Store):
    """The store of fsspec in memory, which tells what was asked of it, and in which thread."""

    def __init__(self) -> None:
        super().__init__("memory", fsspec.filesystem("memory"))
        self.asked: list[tuple[int, bool]] = []

    def range(self, item: Object, start: int, end: int) -> bytes:
        self.asked.append((start, threading.current_thread() is threading.main_thread()))
        return super().range(item, start, end)


@pytest.fixture
def item(request: pytest.FixtureRequest) -> Object:
    path = f"/ranges/{quote(request.node.name)}"
    fsspec.filesystem("memory").pipe_file(path, CONTENT)
    (found,) = Counted().list(path.lstrip("/"))
    return found


def asked(item: Object) -> Any:
    assert isinstance(item.store, Counted)
    return item.store.asked


def test_all_of_it_is_read_once_and_most_of_it_ahead(item: Object) -> None:
    stream = io.BufferedReader(Ranges(item), buffer_size=1 << 20)
    assert stream.read() == CONTENT
    starts = sorted(start for start, _ in asked(item) if start < len(CONTENT))
    assert starts == [number * BLOCK_BYTES for number in range(6)]
    assert sorted(start for start, is_main in asked(item) if is_main)[:2] == [0, BLOCK_BYTES]
    assert sum(not is_main for _, is_main in asked(item)) == 4


def test_a_look_at_its_beginning_and_its_end_reads_nothing_ahead(item: Object) -> None:
    stream = Ranges(item)
    assert stream.read(8) == CONTENT[:8]
    stream.seek(-7, io.SEEK_END)
    assert stream.read(7) == b"the end"
    assert all(is_main for _, is_main in asked(item))
    stream.seek(3 * BLOCK_BYTES)
    assert stream.read(8) == CONTENT[3 * BLOCK_BYTES :][:8]


def test_a_seek_leaves_what_was_coming(item: Object) -> None:
    stream = io.BufferedReader(Ranges(item), buffer_size=1 << 16)
    assert stream.read(BLOCK_BYTES + 8) == CONTENT[: BLOCK_BYTES + 8]
    stream.seek(8)
    assert stream.read() == CONTENT[8:]


def test_an_object_that_is_replaced_meanwhile_fails_where_it_is_read(item: Object) -> None:
    stream = Ranges(item)
    stream.read(8)
    fsspec.filesystem("memory").pipe_file("/" + item.path, b"other" + CONTENT)
    with pytest.raises(Failed):
        io.BufferedReader(stream).read()
