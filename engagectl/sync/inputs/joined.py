"""Many small files in one chunk: staging and committing cost a chunk, not a file."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from engagectl.sync.inputs.files import InputFile
from engagectl.sync.inputs.identity import HEAD_BYTES, TAIL_BYTES, identity
from engagectl.sync.inputs.lines import Chunk, chunks

FILES_MAX = 500
_FILE_BYTES_MAX = 1 << 20
_BYTES_MAX = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a chunk holds of one file: the lines of the chunk from `first` on, bytes of its buffer from `start` on.

    `begin` and `end` are offsets in the file, `line` the number of its lines up to there.
    """

    file: InputFile
    begin: int
    end: int
    line: int
    identity: str
    is_last: bool
    first: int = 0
    start: int = 0


def part_of(file: InputFile, chunk: Chunk, *, known: str) -> Part:
    """Return a chunk of one file as its only part."""
    return Part(
        file=file,
        begin=chunk.begin,
        end=chunk.end,
        line=chunk.line + chunk.lines,
        identity=known,
        is_last=chunk.is_last,
    )


@dataclass
class Small:
    """Small files that wait to be loaded together, each read whole."""

    chunk_bytes: int
    read: list[tuple[InputFile, Chunk]] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.read) >= FILES_MAX or self.size >= min(_BYTES_MAX, self.chunk_bytes // 2)

    def take(self, file: InputFile, *, complete: bool) -> bool:
        """Read a file that nobody has begun, and keep what it holds; tell whether it goes with others.

        A file that ends in an unfinished line, or has a line that is too long, goes alone. Raises Unreadable.
        """
        limit = max(1, min(_FILE_BYTES_MAX, self.chunk_bytes // 8))
        if file.is_standard_input or (file.bytes or 0) > limit or file.format == "parquet":
            return False
        found = list(islice(chunks(file, chunk_bytes=limit, complete=complete), 2))
        if not found:
            return True  # no line yet
        if len(found) != 1 or not found[0].is_last or found[0].overlong:
            return False
        self.read.append((file, found[0]))
        self.size += len(found[0].buffer)
        return True


def joined(read: Sequence[tuple[InputFile, Chunk]]) -> tuple[Chunk, tuple[Part, ...]]:
    """Return the lines of whole files as one chunk, in their order, and which of them are whose."""
    parts = []
    offsets = array("i", [0])
    odd: dict[str, list[int]] = {"not_utf8": [], "long_numbers": [], "deep": [], "too_long": []}
    first = start = 0
    for file, chunk in read:
        known = identity(file, chunk.end, head=chunk.buffer[:HEAD_BYTES], before=_before(chunk))
        parts.append(
            Part(
                file=file,
                begin=0,
                end=chunk.end,
                line=chunk.lines,
                identity=known,
                is_last=True,
                first=first,
                start=start,
            )
        )
        offsets.extend(start + at for at in chunk.offsets[1:])
        for name, lines in odd.items():
            lines += [first + line for line in getattr(chunk, name)]
        first, start = first + chunk.lines, start + len(chunk.buffer)
    whole = Chunk(
        buffer=b"".join(chunk.buffer for _, chunk in read),
        offsets=offsets,
        offset=0,
        line=0,
        end=start,
        overlong=(),
        not_utf8=tuple(odd["not_utf8"]),
        long_numbers=tuple(odd["long_numbers"]),
        deep=tuple(odd["deep"]),
        too_long=tuple(odd["too_long"]),
    )
    return whole, tuple(parts)


def _before(chunk: Chunk) -> bytes:
    """Return bytes that end where the file was read to; a line break that was added to the last line is not of it."""
    size = chunk.end - chunk.offset
    return chunk.buffer[max(0, size - TAIL_BYTES) : size]
