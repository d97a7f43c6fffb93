"""One chunk's bytes handed to DuckDB as an Arrow stream of (line_no, line, start), without a copy."""

from array import array
from typing import Any

from engagectl.sync.inputs.lines import Chunk


class Relation:
    """What DuckDB registers: each scan gets a new stream over the chunk's own bytes, which live as long as it does."""

    def __init__(self, chunk: Chunk) -> None:
        import nanoarrow
        from nanoarrow.c_array_stream import CArrayStream

        self._chunk = chunk
        self._numbers = array("i", range(chunk.lines))
        self._valid = _valid(chunk)
        self._arrow = nanoarrow
        self._stream = CArrayStream

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        na = self._arrow
        rows = self._chunk.lines
        text = [self._valid, self._chunk.offsets, self._chunk.buffer]
        lines = na.c_array_from_buffers(na.string(), rows, text, null_count=-1 if self._valid else 0)
        numbers = na.c_array_from_buffers(na.int32(), rows, [None, self._numbers])
        starts = na.c_array_from_buffers(na.int32(), rows, [None, self._chunk.offsets])
        schema = na.struct({"line_no": na.int32(), "line": na.string(), "start": na.int32()})
        table = na.c_array_from_buffers(schema, rows, [None], children=[numbers, lines, starts])
        return self._stream.from_c_arrays([table], na.c_schema(schema)).__arrow_c_stream__(requested_schema)


def _valid(chunk: Chunk) -> bytes | None:
    """Return the bitmap of lines that DuckDB shall read; it refuses a whole relation for one that is not UTF-8."""
    unread = (*chunk.not_utf8, *chunk.too_long)
    if not unread:
        return None
    bits = bytearray(b"\xff" * ((chunk.lines + 7) // 8))
    for line in unread:
        bits[line >> 3] &= ~(1 << (line & 7)) & 0xFF
    return bytes(bits)


def as_relation(chunk: Chunk) -> Relation:
    """Return the chunk as (line_no INTEGER, line VARCHAR, start INTEGER) for `connection.register(name, ...)`;
    unregister it after. A line that is not UTF-8 or too long is NULL.
    """
    return Relation(chunk)
