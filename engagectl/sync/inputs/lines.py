"""Bytes -> chunks of whole lines. Offsets count uncompressed bytes; what is odd about a line is found here once."""

import io
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import IO

from engagectl.sync.inputs.content import open_bytes, readable
from engagectl.sync.inputs.files import InputFile
from engagectl.sync.inputs.parquet import json_lines

_READ_BYTES = 4 << 20
_NEAR = 64 << 10
_UTF8_PIECE = 64 << 10
_DIGIT_PIECE = 256 << 10
_FLAT = bytes(48 if 48 <= code <= 57 or code == 46 else code for code in range(256))
_RUN = b"0" * 16
DEPTH_MAX = 128
_NO_OPENING = bytes(code for code in range(256) if code not in b"[{\n")
_STRING = re.compile(rb'"(?:\\.|[^"\\])*"')
_NUMBER = re.compile(rb"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line longer than the limit: it was passed over while it streamed by; `head` is its first KiB."""

    line: int
    offset: int
    length: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one file. `offsets` are n + 1 starts within the buffer; `offset` and `line` are of its first byte.

    `not_utf8`, `long_numbers`, `deep` and `too_long` are line numbers within the chunk: lines that are not UTF-8, that
    hold a number which a double may not carry, that nest deeper than DEPTH_MAX, and that are longer than the limit.
    """

    buffer: bytes
    offsets: "array[int]"
    offset: int
    line: int
    end: int
    overlong: tuple[Overlong, ...]
    not_utf8: tuple[int, ...]
    long_numbers: tuple[int, ...]
    deep: tuple[int, ...] = ()
    too_long: tuple[int, ...] = ()
    counts_rows: bool = False  # offsets of Parquet are rows
    is_last: bool = False  # the file ended with it, as far as is known

    @property
    def lines(self) -> int:
        return len(self.offsets) - 1

    def place(self, line: int) -> int:
        """Return the offset of a line of the chunk within the file."""
        return self.offset + (line if self.counts_rows else self.offsets[line])

    @property
    def begin(self) -> int:
        """The offset of its first line: lines that are too long stand before the buffer."""
        return self.overlong[0].offset if self.overlong else self.offset


def chunks(
    file: InputFile,
    *,
    offset: int = 0,
    line: int = 0,
    chunk_bytes: int = 64 << 20,
    until: int | None = None,
    complete: bool = False,
    line_bytes_max: int = 16 << 20,
    stops: Sequence[int] = (),
) -> Iterator[Chunk]:
    """Yield the file from an offset on, to its end or `until` another, which is the end of a line.

    An unfinished last line waits for the next run, unless the file is complete. A chunk ends at each of `stops`: these
    are ends of lines, with or without a line break. Raises Unreadable.
    """
    if file.format == "parquet":
        with readable(file):
            rows = json_lines(file, start=offset, until=until)
            yield from _of_rows(rows, offset, chunk_bytes, line_bytes_max, stops, until=until)
        return
    with readable(file), open_bytes(file, offset=offset) as whole:
        stream = whole if until is None else _Part(whole, until - offset)
        is_local = file.path is not None and file.format == "ndjson" and until is None
        carry = b""
        overlong: list[Overlong] = []
        at_end = False
        while not at_end:
            stop = min((stop for stop in stops if stop > offset), default=None)
            parts, size = [carry] if carry else [], len(carry)
            wanted = max(chunk_bytes, 2 * len(carry))  # a line longer than a chunk must still grow
            if is_local and not carry:  # nothing has to be put together, or cut off
                wanted = _to_line_end(whole, wanted)
            if stop is not None:
                wanted = min(wanted, stop - offset)
            while size < wanted:
                part = stream.read(wanted - size if is_local else min(_READ_BYTES, wanted - size))
                if not part:
                    at_end = True
                    break
                parts.append(part)
                size += len(part)
            buffer, beyond = b"".join(parts), b""
            if stop is not None and offset + len(buffer) >= stop:
                buffer, beyond = buffer[: stop - offset], buffer[stop - offset :]
                at_end = at_end and not beyond
            ends_here = (at_end and complete) or (stop is not None and offset + len(buffer) == stop)
            cut = len(buffer) if ends_here else buffer.rfind(b"\n") + 1
            carry = buffer[cut:] + beyond
            if not cut and not at_end and len(carry) >= line_bytes_max:
                passed, carry, at_end = _pass_over(stream, carry)
                if complete or not at_end:
                    overlong.append(Overlong(line, offset, passed, buffer[:1024]))
                    offset, line = offset + passed, line + 1
                if overlong and (at_end or offset in stops):
                    yield _chunk(b"", offset, line, tuple(overlong), line_bytes_max, end=offset)
                    overlong = []
                continue
            text = buffer if cut == len(buffer) else buffer[:cut]
            if ends_here and text and not text.endswith(b"\n"):
                text += b"\n"
            parts, buffer, beyond = [], b"", b""  # a chunk is loaded meanwhile: nothing of it is held twice
            begin, offset = offset, offset + cut
            if cut or overlong:
                made = _chunk(text, begin, line, tuple(overlong), line_bytes_max, end=offset)
                text, line, overlong = b"", line + made.lines, []
                made = replace(made, is_last=at_end and not carry and until is None)
                yield made
                del made


def _to_line_end(stream: IO[bytes], size: int) -> int:
    """Return how far it is from here to the first end of a line after `size` bytes; `size` where none is near."""
    at = stream.tell()
    stream.seek(at + size - 1)
    found = stream.read(min(_NEAR, size // 16)).find(b"\n")
    stream.seek(at)
    return size + max(found, 0)


def _of_rows(
    rows: Iterator[list[bytes]],
    offset: int,
    chunk_bytes: int,
    line_bytes_max: int,
    stops: Sequence[int],
    *,
    until: int | None,
) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file as lines; offsets, stops and line numbers all count rows."""
    held: list[bytes] = []
    size = 0
    for batch in rows:
        for row in batch:
            held.append(row)
            size += len(row)
            end = offset + len(held)
            if size >= chunk_bytes or end in stops:
                yield _rows_chunk(held, offset, line_bytes_max)
                offset, held, size = end, [], 0
    if held:
        yield replace(_rows_chunk(held, offset, line_bytes_max), is_last=until is None)


def _rows_chunk(held: list[bytes], offset: int, line_bytes_max: int) -> Chunk:
    made = _chunk(b"".join(held), offset, offset, (), line_bytes_max, end=offset + len(held))
    return replace(made, counts_rows=True)


def chunk_of(lines: Sequence[bytes]) -> Chunk:
    """Return lines that come from no file as a chunk."""
    buffer = b"".join(line.rstrip(b"\r\n") + b"\n" for line in lines)
    return _chunk(buffer, 0, 0, (), max(len(buffer), 1), end=len(buffer))


def read_line(file: InputFile, offset: int) -> bytes:
    """Return the line, or the row, that stands at an offset."""
    if file.format == "parquet":
        return next(json_lines(file, start=offset, until=offset + 1))[0]
    with open_bytes(file, offset=offset) as stream:
        parts = []
        while part := stream.read(1 << 16):
            end = part.find(b"\n") + 1
            parts.append(part[:end] if end else part)
            if end:
                break
        return b"".join(parts)


class _Part:
    """The first bytes of a stream."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = max(size, 0)

    def read(self, size: int) -> bytes:
        part = self._stream.read(min(size, self._left))
        self._left -= len(part)
        return part


def _pass_over(stream: "io.RawIOBase | io.BufferedIOBase | object", head: bytes) -> tuple[int, bytes, bool]:
    """Read on to the end of an over-long line; return its length, what follows of the last read, and end of file."""
    size = len(head)
    while True:
        part: bytes = stream.read(_READ_BYTES)  # type: ignore[union-attr]  # every stream of ours has read()
        if not part:
            return size, b"", True
        end = part.find(b"\n") + 1
        if end:
            return size + end, part[end:], False
        size += len(part)


def _chunk(
    buffer: bytes, offset: int, line: int, overlong: tuple[Overlong, ...], line_bytes_max: int, *, end: int
) -> Chunk:
    lengths = list(map(len, io.BytesIO(buffer)))
    offsets = array("i", accumulate(lengths, initial=0))
    longest = max(lengths, default=0)
    return Chunk(
        buffer=buffer,
        offsets=offsets,
        offset=offset,
        line=line,
        end=end,
        overlong=overlong,
        not_utf8=tuple(_not_utf8(buffer, offsets)),
        long_numbers=tuple(_long_numbers(buffer, offsets)),
        deep=tuple(_deep(buffer)),
        too_long=tuple(n for n, length in enumerate(lengths) if length > line_bytes_max)
        if longest > line_bytes_max
        else (),
    )


def _not_utf8(buffer: bytes, offsets: "array[int]") -> Iterator[int]:
    """64 KiB at a time, so that nothing large is built; only failing pieces are looked at line by line."""
    start, end = 0, len(buffer)
    view = memoryview(buffer)
    while start < end:
        stop = buffer.rfind(b"\n", start, start + _UTF8_PIECE) + 1 or buffer.find(b"\n", start + _UTF8_PIECE) + 1 or end
        try:
            str(view[start:stop], "utf-8")
        except UnicodeDecodeError:
            first = bisect_right(offsets, start) - 1
            for number in range(first, len(offsets) - 1):
                if offsets[number] >= stop:
                    break
                piece = view[offsets[number] : offsets[number + 1]]
                try:
                    str(piece, "utf-8")
                except UnicodeDecodeError:
                    yield number
        start = stop


def _deep(buffer: bytes) -> Iterator[int]:
    """Lines that nest too deep. Only one with more than DEPTH_MAX brackets can; of those the strings are left out."""
    brackets = buffer.translate(None, _NO_OPENING).split(b"\n")
    if max(map(len, brackets)) <= DEPTH_MAX:
        return
    suspects = {number for number, opened in enumerate(brackets) if len(opened) > DEPTH_MAX}
    for number, line in enumerate(io.BytesIO(buffer)):
        if number in suspects:
            depth = deepest = 0
            for code in _STRING.sub(b"", line):
                if code in b"[{":
                    depth += 1
                    deepest = max(deepest, depth)
                elif code in b"]}":
                    depth -= 1
            if deepest > DEPTH_MAX:
                yield number


def _long_numbers(buffer: bytes, offsets: "array[int]") -> Iterator[int]:
    """Lines with a fraction or exponent and more than 15 digits: DuckDB's JSON would carry it through a double."""
    start, end = 0, len(buffer)
    while start < end:
        stop = buffer.rfind(b"\n", start, start + _DIGIT_PIECE) + 1
        stop = stop or buffer.find(b"\n", start + _DIGIT_PIECE) + 1 or end
        flat = buffer[start:stop].translate(_FLAT)
        at = flat.find(_RUN)
        while at >= 0:
            number = bisect_right(offsets, start + at) - 1
            if _is_long(buffer[offsets[number] : offsets[number + 1]]):
                yield number
            at = flat.find(_RUN, offsets[number + 1] - start)
        start = stop


def _is_long(line: bytes) -> bool:
    """Ids of many digits are common and look like numbers: only where the line holds such are its strings left out."""
    return _holds_long(line) and _holds_long(_STRING.sub(b"", line))


def _holds_long(line: bytes) -> bool:
    for token in _NUMBER.findall(line):
        if (b"." in token or b"e" in token or b"E" in token) and (
            sum(48 <= code <= 57 for code in re.split(b"[eE]", token)[0]) > 15
        ):
            return True
    return False
