"""How much of a file is complete: what a feed loads that waits for the end of a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from engagectl.sync.inputs.content import open_bytes
from engagectl.sync.inputs.files import InputFile

_READ_BYTES = 4 << 20
_LINE_BYTES_MAX = 16 << 20
_MARK = b"run_completed"


@dataclass(frozen=True, slots=True)
class RunEnds:
    """Per computation, the end of its last `run_completed` line; `searched_to` is the end of the last whole line."""

    ends: Mapping[str, int]
    searched_to: int


def run_ends(file: InputFile, *, start: int = 0) -> RunEnds:
    """Search a plain file for control lines from the beginning of a line on. Memory is bounded, whatever it holds."""
    ends: dict[str, int] = {}
    searched_to = at = start
    rest = b""
    with open_bytes(file, offset=start) as stream:
        while part := stream.read(_READ_BYTES):
            buffer = rest + part
            cut = buffer.rfind(b"\n") + 1
            hit = buffer.find(_MARK, 0, cut)
            while hit >= 0:
                begin = buffer.rfind(b"\n", 0, hit) + 1
                end = buffer.find(b"\n", hit) + 1
                if (key := _completed(buffer[begin:end])) is not None:
                    ends[key] = at + end
                hit = buffer.find(_MARK, end, cut)
            if cut:
                searched_to = at + cut
            if len(buffer) - cut > _LINE_BYTES_MAX:  # no line of ours: it streams by
                cut = len(buffer)
            at, rest = at + cut, buffer[cut:]
    return RunEnds(ends, searched_to)


def _completed(line: bytes) -> str | None:
    """Return the computation whose run a line ends, None for any other line."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "run_completed":
        return None
    key = message.get("computation_key")
    return key if isinstance(key, str) else None


def is_line_start(file: InputFile, offset: int) -> bool:
    """Tell whether a line begins at an offset: what was remembered of a file that was written anew need not fit it."""
    if offset == 0:
        return True
    if file.path is None or file.path.stat().st_size < offset:
        return False
    with open_bytes(file, offset=offset - 1) as stream:
        return stream.read(1) == b"\n"


def is_closed(file: InputFile, named: Sequence[str] = ()) -> bool:
    """Tell whether nobody writes to a file any more: an unfinished last line of it counts.

    Objects, compressed and Parquet files are whole when they are there; a folder with `_SUCCESS` is finished; `named`
    are globs.
    """
    if file.path is None or file.format != "ndjson":
        return True
    return (file.path.parent / "_SUCCESS").is_file() or any(fnmatchcase(file.key, glob) for glob in named)


def is_quiet(file: InputFile, *, quiet_for_s: int, now: datetime) -> bool:
    """Tell whether a plain file has not grown for so long. Its last line counts when it is finished."""
    if file.path is None:
        return True
    return (now - changed_at(file)).total_seconds() >= quiet_for_s


def changed_at(file: InputFile) -> datetime:
    """Return when a file was written last, by the clock of its disk or store."""
    if file.object is not None and file.object.changed_at is not None:
        return file.object.changed_at
    return datetime.fromtimestamp(file.path.stat().st_mtime if file.path is not None else 0, UTC)


def has_line(file: InputFile, offset: int) -> bool:
    """Tell whether a plain file holds a whole line beyond an offset."""
    with open_bytes(file, offset=offset) as stream:
        while part := stream.read(_READ_BYTES):
            if b"\n" in part:
                return True
    return False
