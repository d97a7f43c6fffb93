"""How to know a file again: by the head of what was committed, and by the last bytes before the offset."""

import hashlib
from typing import IO, Literal

from engagectl.sync.inputs.content import open_bytes
from engagectl.sync.inputs.files import InputFile, open_stored
from engagectl.sync.inputs.parquet import footer_identity

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4 * 1024
LISTED = "listed:"


def identity(file: InputFile, offset: int, *, head: bytes = b"", before: bytes = b"") -> str:
    """Return what a file is known by at an offset.

    `head` are its first bytes and `before` bytes that end at the offset, where they are known: with both of them
    nothing is read again.
    """
    if file.is_standard_input or offset <= 0:
        return ""
    if file.format == "parquet":
        with open_stored(file) as stored:
            return footer_identity(stored)
    size = min(TAIL_BYTES, offset)
    head, tail = head[: min(HEAD_BYTES, offset)], before[-size:]
    if len(head) < min(HEAD_BYTES, offset) or len(before) < size:
        with open_bytes(file) as stream:
            head = _read(stream, min(HEAD_BYTES, offset))
            if len(before) < size and file.format == "ndjson" and offset - size > len(head):
                stream.seek(offset - size)
                tail = _read(stream, size)
            elif len(before) < size:
                tail = (head + _skip_then_read(stream, len(head), offset))[-size:]
    if len(head) < min(HEAD_BYTES, offset):
        return "short"
    return f"{hashlib.sha256(head).hexdigest()}:{hashlib.sha256(tail).hexdigest()}"


def listed_identity(file: InputFile) -> str:
    """Return what an object is known by that the warehouse has loaded: what its store says of it."""
    return f"{LISTED}{file.bytes}:{file.version}"


def head_of(file: InputFile) -> bytes:
    """Return the first bytes that a file is known by."""
    if file.format == "parquet":
        return b""
    with open_bytes(file) as stream:
        return _read(stream, HEAD_BYTES)


def verify(file: InputFile, offset: int, known: str) -> Literal["same", "shorter", "rewritten"]:
    """Tell whether the file still begins with what was committed."""
    if file.is_standard_input or offset <= 0 or not known:
        return "same"
    if file.format == "ndjson" and _stored_bytes(file) < offset:
        return "shorter"
    if known.startswith(LISTED):
        return "same" if known == listed_identity(file) else "rewritten"
    found = identity(file, offset)
    if found == "short":
        return "shorter"
    return "same" if found == known else "rewritten"


def _stored_bytes(file: InputFile) -> int:
    return file.path.stat().st_size if file.path is not None else file.bytes or 0


def _read(stream: IO[bytes], size: int) -> bytes:
    parts = []
    while size > 0:
        part = stream.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _skip_then_read(stream: IO[bytes], position: int, offset: int) -> bytes:
    """Return the last TAIL_BYTES (or fewer) between position and offset."""
    keep = b""
    while position < offset:
        part = stream.read(min(1 << 20, offset - position))
        if not part:
            break
        position += len(part)
        keep = (keep + part)[-TAIL_BYTES:]
    return keep
