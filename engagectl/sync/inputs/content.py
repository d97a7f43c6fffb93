"""What a file holds: its bytes unpacked, from an offset on, and what may go wrong on the way."""

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, Any, cast

from engagectl.sync.inputs.files import InputFile, open_stored
from engagectl.sync.inputs.objects import reason
from engagectl.sync.inputs.unreadable import Unreadable


def open_bytes(file: InputFile, *, offset: int = 0) -> IO[bytes]:
    """Open a file at an offset of its uncompressed bytes. Raises Unreadable when what it needs is not installed."""
    if file.is_standard_input:
        return open_stored(file)
    if file.format == "ndjson":
        plain = open_stored(file)
        plain.seek(offset)
        return plain
    stream = _unpacked(file)
    while offset > 0:
        passed = stream.read(min(offset, 1 << 20))
        if not passed:
            break
        offset -= len(passed)
    return stream


def _unpacked(file: InputFile) -> IO[bytes]:
    if file.format == "gzip":
        return cast(IO[bytes], _Gzip(open_stored(file)))
    if file.format != "zstd":
        return open_stored(file)
    try:
        import zstandard
    except ModuleNotFoundError:
        raise Unreadable(
            f"{file.key} is compressed with zstd and the zstandard package is not installed",
            code="EC731",
            help="install it: pip install 'engagectl[zstd]'",
        ) from None
    return cast(IO[bytes], io.BufferedReader(_Zstd(open_stored(file), zstandard), buffer_size=1 << 20))


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
    if file.object is not None:
        return f"{file.key} cannot be read: {reason(error)}"
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
