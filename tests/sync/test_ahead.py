"""Small objects are read ahead: many at once, in a thread, in the order of their use, and never too many."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from engagectl.sync.inputs.ahead import BYTES_AT_ONCE, OBJECTS_AT_ONCE, Ahead


@dataclass(frozen=True)
class Item:
    number: int
    bytes: int = 10


def content(item: Item) -> bytes:
    return b"%d" % item.number


@dataclass
class Shelf:
    """What is read from: `lost` cannot be, and `asked` tells which were asked for together."""

    lost: frozenset[int] = frozenset()
    asked: list[tuple[int, ...]] = field(default_factory=list)
    threads: set[int | None] = field(default_factory=set)

    def read(self, items: Sequence[Item]) -> list[bytes | None]:
        self.asked.append(tuple(item.number for item in items))
        self.threads.add(threading.current_thread().ident)
        return [None if item.number in self.lost else content(item) for item in items]


def items(count: int, **more: int) -> list[Item]:
    return [Item(number, **more) for number in range(count)]


def test_what_is_expected_is_read_once_and_together() -> None:
    shelf = Shelf()
    ahead = Ahead(shelf.read)
    wanted = items(2 * OBJECTS_AT_ONCE + 5)
    ahead.expect(wanted)
    assert [ahead.take(item) for item in wanted] == [content(item) for item in wanted]
    assert [len(each) for each in shelf.asked] == [OBJECTS_AT_ONCE, OBJECTS_AT_ONCE, 5]
    assert threading.current_thread().ident not in shelf.threads
    assert ahead.take(wanted[0]) is None, "it was handed out"


def test_no_more_is_held_than_two_batches() -> None:
    shelf = Shelf()
    ahead = Ahead(shelf.read)
    wanted = items(100, bytes=1 << 20)
    ahead.expect(wanted)
    assert ahead.take(wanted[0]) == b"0"
    assert ahead.take(wanted[1]) == b"1"
    assert sum(len(each) for each in shelf.asked) <= 2 * BYTES_AT_ONCE >> 20


def test_what_cannot_be_read_is_left_to_whoever_needs_it() -> None:
    ahead = Ahead(Shelf(lost=frozenset({1})).read)
    wanted = items(3)
    ahead.expect(wanted)
    assert [ahead.take(item) for item in wanted] == [b"0", None, b"2"]


def test_items_may_be_passed_over_and_large_ones_are_not_read_ahead() -> None:
    shelf = Shelf()
    ahead = Ahead(shelf.read)
    wanted = items(3 * OBJECTS_AT_ONCE)
    ahead.expect([Item(999, bytes=1 << 30), *wanted])
    last = wanted[-1]
    for item in wanted[:: OBJECTS_AT_ONCE - 1]:
        assert ahead.take(item) == content(item)
    assert ahead.take(last) == content(last)
    assert ahead.take(Item(999, bytes=1 << 30)) is None
    assert all(999 not in each for each in shelf.asked)
