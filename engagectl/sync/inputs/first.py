"""The first lines of a file, however it is stored: for looking at it before anything is declared."""

from collections.abc import Iterator

from engagectl.sync.inputs.files import InputFile
from engagectl.sync.inputs.lines import chunks

_CHUNK_BYTES = 1 << 20


def first_lines(file: InputFile) -> Iterator[bytes]:
    """Yield the lines of a file, or the rows of a Parquet file as JSON, from its beginning on. Raises Unreadable.

    Lines that are longer than a sync would take are left out.
    """
    for chunk in chunks(file, chunk_bytes=_CHUNK_BYTES, complete=True):
        for number in range(chunk.lines):
            yield chunk.buffer[chunk.offsets[number] : chunk.offsets[number + 1]]
