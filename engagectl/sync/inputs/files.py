"""Which files an input is, and what each is made of. What a listing says is enough for one that is read already."""

import contextlib
import functools
import glob
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from time import time_ns
from typing import IO, Literal, cast

from engagectl.config.regular import is_regular, open_regular
from engagectl.config.space import InputSpec
from engagectl.sync.inputs.layout import is_from
from engagectl.sync.inputs.objects import Object, is_url, list_objects
from engagectl.sync.inputs.ranges import Ranges
from engagectl.sync.inputs.shape import SEGMENT, Shape, shape_of

Format = Literal["ndjson", "gzip", "zstd", "parquet", "stdin"]
# A file that was written this lately may be written again within one tick of its disk's clock.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """`key` is the path relative to the project root with /, the whole path outside it, or the URL of an object.

    `bytes` as stored. `version` is another one when the content is; "" where that cannot be told.
    """

    key: str
    path: Path | None = None
    object: Object | None = None
    bytes: int | None = None
    version: str = ""
    shape: Shape = field(default=SEGMENT, compare=False)

    @property
    def is_standard_input(self) -> bool:
        return self.path is None and self.object is None

    @functools.cached_property
    def format(self) -> Format:
        """By the first bytes, read when first asked: some clients hand gzip files over already decompressed."""
        if self.is_standard_input:
            return "stdin"
        try:
            with open_stored(self) as file:
                head = file.read(4)
        except OSError:
            return "ndjson"  # reading it will say why it cannot be read
        if head[:2] == b"\x1f\x8b":
            return "gzip"
        if head == b"\x28\xb5\x2f\xfd":
            return "zstd"
        return "parquet" if head == b"PAR1" else "ndjson"


STANDARD_INPUT = InputFile(key="-")


def by_name(file: InputFile) -> InputFile:
    """Return an object that is known by its name to be gzip or plain: nothing of it is read to learn its format."""
    known = replace(file)
    vars(known)["format"] = "gzip" if file.key.endswith(".gz") else "ndjson"
    return known


def open_stored(file: InputFile) -> IO[bytes]:
    """Open the bytes of a file as they are stored."""
    if file.object is not None:
        return cast(IO[bytes], Ranges(file.object))
    if file.path is None:
        return cast(IO[bytes], sys.stdin.buffer)
    return open_regular(file.path, buffering=0)


def input_files(spec: InputSpec, *, root: Path, odd: list[str] | None = None) -> tuple[InputFile, ...]:
    """Return the files of an input, in the shape and from the day that it says. Raises Unreadable."""
    first = date.fromisoformat(spec.from_) if spec.from_ is not None else None
    shape = shape_of(spec)
    return tuple(
        replace(file, shape=shape)
        for file in list_files(spec.files, root=root, odd=odd)
        if is_from(file.key, first) and not (spec.format == "segment_s3" and file.key.endswith("/dummy-object.txt"))
    )


def list_files(
    patterns: Sequence[str], *, root: Path, folder: Path | None = None, odd: list[str] | None = None
) -> tuple[InputFile, ...]:
    """Return the regular files and objects that globs name, by key. Relative globs start in `folder`, else in the root.
    `odd` gets what they name and is no regular file: a pipe, a device, a folder (not of `**`, which goes through them).

    Raises Unreadable where a store cannot be listed.
    """
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        if is_url(pattern):
            for key, item in list_objects(pattern):
                if not key.endswith("/_SUCCESS"):
                    found[key] = InputFile(key=key, object=item, bytes=item.bytes, version=item.version)
            continue
        for name in glob.glob(str((folder or root) / pattern), recursive=True):  # noqa: PTH207  absolute globs too
            path = Path(name)
            with contextlib.suppress(OSError):  # it went away while we looked
                facts = path.stat()
                key = _key(path, root)
                if path.name != "_SUCCESS" and is_regular(facts):
                    found[key] = InputFile(key=key, path=path, bytes=facts.st_size, version=_version(facts))
                elif odd is not None and not (stat.S_ISDIR(facts.st_mode) and "**" in pattern):
                    odd.append(key)
    return tuple(found[key] for key in sorted(found))


def _version(facts: os.stat_result) -> str:
    if time_ns() - facts.st_mtime_ns < _SETTLED_NS:
        return ""
    return f"{facts.st_size}:{facts.st_mtime_ns}"


def _key(path: Path, root: Path) -> str:
    absolute = path.absolute()
    try:
        return absolute.relative_to(root.absolute()).as_posix()
    except ValueError:
        return absolute.as_posix()
