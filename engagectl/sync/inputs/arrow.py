"""One chunk's bytes handed to DuckDB as an Arrow stream of (line_no, line), without a copy."""

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
        self._arrow = nanoarrow
        self._stream = CArrayStream

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        na = self._arrow
        rows = self._chunk.lines
        lines = na.c_array_from_buffers(na.string(), rows, [None, self._chunk.offsets, self._chunk.buffer])
        numbers = na.c_array_from_buffers(na.int32(), rows, [None, self._numbers])
        schema = na.struct({"line_no": na.int32(), "line": na.string()})
        table = na.c_array_from_buffers(schema, rows, [None], children=[numbers, lines])
        return self._stream.from_c_arrays([table], na.c_schema(schema)).__arrow_c_stream__(requested_schema)


def as_relation(chunk: Chunk) -> Relation:
    """Return the chunk as (line_no INTEGER, line VARCHAR) for `connection.register(name, ...)`; unregister it after."""
    return Relation(chunk)
