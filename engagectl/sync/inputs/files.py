"""Which files an input is, what each is made of, and how to know one again."""

import contextlib
import glob
import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import IO, Any, Literal, cast

from engagectl.config.regular import is_regular, open_regular
from engagectl.config.space import InputSpec
from engagectl.sync.inputs.layout import is_from
from engagectl.sync.inputs.parquet import footer_identity
from engagectl.sync.inputs.shape import SEGMENT, Shape, shape_of
from engagectl.sync.inputs.unreadable import Unreadable

Format = Literal["ndjson", "gzip", "zstd", "parquet", "stdin"]
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """`key` is the path relative to the project root with /, or the whole path outside it; `bytes` as stored."""

    key: str
    path: Path | None
    format: Format
    bytes: int | None = None
    shape: Shape = field(default=SEGMENT, compare=False)


STANDARD_INPUT = InputFile(key="-", path=None, format="stdin")


def input_files(spec: InputSpec, *, root: Path) -> tuple[InputFile, ...]:
    """Return the files of an input, in the shape and from the day that it says."""
    first = date.fromisoformat(spec.from_) if spec.from_ is not None else None
    shape = shape_of(spec)
    return tuple(
        replace(file, shape=shape)
        for file in list_files(spec.files, root=root)
        if is_from(file.key, first) and not (spec.format == "segment_s3" and file.key.endswith("/dummy-object.txt"))
    )


def list_files(patterns: Sequence[str], *, root: Path, folder: Path | None = None) -> tuple[InputFile, ...]:
    """Return the regular files that the globs name, by key. Relative globs start in `folder`, else in the root."""
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        for name in glob.glob(str((folder or root) / pattern), recursive=True):  # noqa: PTH207  absolute globs too
            path = Path(name)
            if path.name == "_SUCCESS":
                continue
            key = _key(path, root)
            with contextlib.suppress(FileNotFoundError):  # it went away while we looked
                looked = path.stat()
                if is_regular(looked):
                    found[key] = InputFile(key=key, path=path, format=_format(path), bytes=looked.st_size)
    return tuple(found[key] for key in sorted(found))


def _key(path: Path, root: Path) -> str:
    absolute = path.absolute()
    try:
        return absolute.relative_to(root.absolute()).as_posix()
    except ValueError:
        return absolute.as_posix()


def _format(path: Path) -> Format:
    """Return the format by the first bytes: some clients hand gzip files over already decompressed."""
    try:
        with open_regular(path) as file:
            head = file.read(4)
    except FileNotFoundError:
        raise
    except OSError:
        return "ndjson"  # reading it will say why it cannot be read
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head == b"\x28\xb5\x2f\xfd":
        return "zstd"
    return "parquet" if head == b"PAR1" else "ndjson"


def open_bytes(file: InputFile, *, offset: int = 0) -> IO[bytes]:
    """Open a file at an offset of its uncompressed bytes. Raises FailedError when what it needs is not installed."""
    if file.path is None:
        return cast(IO[bytes], sys.stdin.buffer)
    if file.format == "zstd":
        try:
            import zstandard
        except ModuleNotFoundError:
            raise Unreadable(
                f"{file.key} is compressed with zstd and the zstandard package is not installed",
                code="EC731",
                help="install it: pip install 'engagectl[zstd]'",
            ) from None
        stream = cast(
            IO[bytes], io.BufferedReader(_Zstd(open_regular(file.path, buffering=0), zstandard), buffer_size=1 << 20)
        )
    elif file.format == "gzip":
        stream = cast(IO[bytes], _Gzip(open_regular(file.path)))
    else:
        stream = open_regular(file.path, buffering=0)
    if file.format == "ndjson":
        stream.seek(offset)
        return stream
    while offset > 0:
        passed = stream.read(min(offset, 1 << 20))
        if not passed:
            break
        offset -= len(passed)
    return stream


class Damaged(OSError):  # noqa: N818  the names say the problem
    """The bytes of a file are not of its format."""


@contextlib.contextmanager
def readable(file: InputFile) -> Iterator[None]:
    """Turn what reading a file may raise into Unreadable."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        advice = "what was read of it stays; put the file right and run the sync again"
        raise Unreadable(_why(file, error), help=advice) from None


def _why(file: InputFile, error: OSError | EOFError | zlib.error) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{file.key} is not there any more"
    if isinstance(error, PermissionError):
        return f"{file.key} may not be read"
    if isinstance(error, EOFError):
        return f"{file.key} is cut short: its {file.format} data ends in the middle"
    if isinstance(error, gzip.BadGzipFile | zlib.error | Damaged):
        return f"{file.key} is damaged: its {file.format} data cannot be unpacked"
    return f"{file.key} cannot be read" + (f": {error.strerror}" if isinstance(error, OSError) else "")


class _Gzip(gzip.GzipFile):
    """A gzip file that closes the file below, which GzipFile leaves to whoever opened it."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._below = raw

    def close(self) -> None:
        super().close()
        self._below.close()


class _Zstd(io.RawIOBase):
    """The frames of a zstd file one after the other. Raises EOFError where the last one is cut short."""

    def __init__(self, raw: IO[bytes], zstandard: Any) -> None:
        self._raw = raw
        self._zstandard = zstandard
        self._frame: Any = None
        self._rest = self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            part = self._rest or self._raw.read(1 << 17)
            self._rest = b""
            if not part:
                if self._frame is not None:
                    raise EOFError
                return 0
            self._frame = self._frame or self._zstandard.ZstdDecompressor().decompressobj()
            try:
                self._ready = self._frame.decompress(part)
            except self._zstandard.ZstdError:
                raise Damaged from None
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def identity(file: InputFile, offset: int, *, before: bytes = b"") -> str:
    """Return what a file is known by: the head of what was committed, and the last bytes before the offset.

    `before` are bytes that end at the offset, where they are known: a compressed file is then not unpacked again.
    """
    if file.path is None or offset <= 0:
        return ""
    if file.format == "parquet":
        return footer_identity(file.path)
    with open_bytes(file) as stream:
        head = _read(stream, min(HEAD_BYTES, offset))
        size = min(TAIL_BYTES, offset)
        if len(before) >= size:
            tail = before[-size:]
        elif file.format == "ndjson" and offset - size > len(head):
            stream.seek(offset - size)
            tail = _read(stream, size)
        else:
            tail = (head + _skip_then_read(stream, len(head), offset))[-size:]
    if len(head) < min(HEAD_BYTES, offset):
        return "short"
    return f"{hashlib.sha256(head).hexdigest()}:{hashlib.sha256(tail).hexdigest()}"


def head_of(file: InputFile) -> bytes:
    """Return the first bytes that a file is known by."""
    if file.format == "parquet":
        return b""
    with open_bytes(file) as stream:
        return _read(stream, HEAD_BYTES)


def verify(file: InputFile, offset: int, known: str) -> Literal["same", "shorter", "rewritten"]:
    """Tell whether the file still begins with what was committed."""
    if file.path is None or offset <= 0 or not known:
        return "same"
    if file.format == "ndjson" and file.path.stat().st_size < offset:
        return "shorter"
    found = identity(file, offset)
    if found == "short":
        return "shorter"
    return "same" if found == known else "rewritten"


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
