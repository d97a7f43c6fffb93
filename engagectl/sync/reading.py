"""The files of a pass -> lots: a chunk, which files its lines are of, and the feeds that take it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engagectl.errors import InternalError
from engagectl.model.address import Address
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import Chunk, InputFile, Unreadable, chunks, identity, readable, verify
from engagectl.sync.inputs.complete import is_closed
from engagectl.sync.inputs.identity import HEAD_BYTES, TAIL_BYTES
from engagectl.sync.inputs.joined import Part, Small, joined, part_of
from engagectl.sync.inputs.layout import is_from
from engagectl.sync.inputs.objects import expect
from engagectl.sync.options import Progress, SyncOptions
from engagectl.sync.places import Pass, Places, Reader, readers, stops
from engagectl.sync.report import LeftOut

if TYPE_CHECKING:
    from engagectl.sync.landing.landed import Landed


@dataclass(frozen=True, slots=True)
class Lot:
    """Whole lines of one file, or of many small ones, that are loaded together; without takers nothing is. What the
    warehouse has `landed` of the parts is not in the chunk.
    """

    chunk: Chunk
    parts: tuple[Part, ...]
    takers: tuple[Reader, ...]
    landed: "Landed | None" = None

    def progress(self) -> Iterator[tuple[str, int, int | None]]:
        """Yield how far each file is read, and of how many bytes where that is known."""
        for part in self.parts:
            size = part.file.bytes if part.file.format == "ndjson" else None
            yield part.file.key, part.end, part.end if len(self.parts) > 1 else size


@dataclass
class Reading:
    """Reads the files of passes. `at_work` tells which feeds are at work still; those that go without a file are named
    in `left_out`; `ended` is where feeds stand in files that they have read to the end.
    """

    options: SyncOptions
    places: Places
    progress: Progress
    at_work: Callable[[], Sequence[Work]]
    address: Callable[[Work], Address]
    left_out: list[LeftOut]
    ended: list[tuple[Reader, InputFile]] = field(default_factory=list)

    def lots(self, item: Pass) -> Iterator[Lot]:
        """Yield what a pass has to load. A lot counts as loaded when the next one is asked for."""
        small = Small(self.options.chunk_bytes)
        expect(file.object for file in item.files if file.object is not None and self.is_left(file, item))
        for file in item.files:
            again = self._is_again(file)
            works = [work for work in self.at_work() if work in item.works]
            if not again:
                works = self._not_read(file, works)
            if not works:
                continue
            closed = is_closed(file, self.options.complete)
            group = readers(works, file, self.places, closed=closed, again=again)
            try:
                with readable(file):
                    group = self._verified(file, group)
                if self._begins(file, group, item) and small.take(file, complete=any(one.closed for one in group)):
                    if small.is_full:
                        yield from self._together(small, item)
                    continue
                yield from self._together(small, item)  # what comes first is loaded first
                if group:
                    yield from self._file(file, group)
                self.progress.passed(file.key, file.bytes or 0)
            except Unreadable as error:
                self.unread([reader.work for reader in group], error)
        yield from self._together(small, item)

    def is_left(self, file: InputFile, item: Pass) -> bool:
        """Tell whether a pass will look into a file, for the progress."""
        return self._is_again(file) or not all(self.places.is_read(work, file) for work in item.works)

    def unread(self, works: Sequence[Work], error: Unreadable) -> None:
        """Name the feeds that go without a file, or without an input."""
        self.left_out += [
            LeftOut(self.address(work), error.code, error.message, "; ".join(error.help)) for work in works
        ]

    def _is_again(self, file: InputFile) -> bool:
        return self.options.reread and is_from(file.key, self.options.since)

    def _begins(self, file: InputFile, group: Sequence[Reader], item: Pass) -> bool:
        """Tell whether all feeds of the pass that are still at work begin a file, each to read all of it."""
        at_work = sum(work in item.works for work in self.at_work())
        return len(group) == at_work and all(reader.is_fresh for reader in group) and not file.is_standard_input

    def _together(self, small: Small, item: Pass) -> Iterator[Lot]:
        """Yield the small files that wait, as one chunk for all the feeds of the pass that are still at work."""
        read, small.read, small.size = small.read, [], 0
        if not read:
            return
        whole, parts = joined(read)
        del read
        yield Lot(whole, parts, tuple(Reader(work, 0, 0) for work in self.at_work() if work in item.works))
        for part in parts:
            self.progress.passed(part.file.key, part.file.bytes or 0)

    def _not_read(self, file: InputFile, works: Sequence[Work]) -> list[Work]:
        """Return the feeds that have not read all of a file, as its listing tells."""
        left = [work for work in works if not self.places.is_read(work, file)]
        for work in works:
            if work not in left and (point := self.places.at(work, file)) is not None:
                self.ended.append((Reader(work, point.offset, point.line), file))
        return left

    def _verified(self, file: InputFile, group: list[Reader]) -> list[Reader]:
        """Leave out the feeds for which the file is not the one that they have read."""
        known: dict[tuple[int, str], str] = {}
        same = []
        for reader in group:
            point = self.places.at(reader.work, file)
            if point is None:
                same.append(reader)
                continue
            key = (point.offset, point.identity)
            if key not in known:
                known[key] = verify(file, *key)
            if known[key] == "same":
                same.append(reader)
                continue
            reason = (
                f"{file.key} is shorter than the {point.offset:,} bytes that were read of it"
                if known[key] == "shorter"
                else f"{file.key} does not begin with the {point.offset:,} bytes that were read of it"
            )
            advice = f"if it is a new file under an old name: engagectl sync --as-new {file.key}"
            self.left_out.append(LeftOut(self.address(reader.work), "EC720", reason, advice))
        return same

    def _file(self, file: InputFile, group: list[Reader]) -> Iterator[Lot]:
        """Read a file once, from where the last of the feeds stands; each takes what lies beyond its own offset."""
        first = min(group, key=lambda reader: reader.offset)
        ends = [reader.end for reader in group]
        head = b""
        for chunk in chunks(
            file,
            offset=first.offset,
            line=first.line,
            chunk_bytes=self.options.chunk_bytes,
            until=max(end for end in ends if end is not None) if None not in ends else None,
            complete=any(reader.closed for reader in group),
            stops=stops(group),
        ):
            if any(chunk.begin < reader.offset < chunk.end for reader in group):
                raise InternalError(f"a chunk of {file.key} runs over the offset of a feed")
            at_work = self.at_work()
            takers = tuple(reader for reader in group if reader.takes(chunk.begin) and reader.work in at_work)
            if chunk.offset == 0:
                head = chunk.buffer[:HEAD_BYTES]
            lot = Lot(chunk, (_part(file, chunk, head) if takers else part_of(file, chunk, known=""),), takers)
            end, line = chunk.end, chunk.line + chunk.lines
            del chunk  # the next is read in its place, not beside it
            yield lot
            del lot
            for reader in takers:
                reader.offset, reader.line = end, line
        self.ended += [(reader, file) for reader in group if reader.end is None]


def _part(file: InputFile, chunk: Chunk, head: bytes) -> Part:
    size = chunk.end - chunk.offset
    with readable(file):
        known = identity(file, chunk.end, head=head, before=chunk.buffer[max(0, size - TAIL_BYTES) : size])
    return part_of(file, chunk, known=known)
