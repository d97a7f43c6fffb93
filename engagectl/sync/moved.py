"""Files that were given another name: what was read of them under the old one counts under the new one."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from engagectl.journal.checkpoints import Checkpoint
from engagectl.sync.inputs import InputFile, Unreadable, identity, readable
from engagectl.sync.inputs.identity import HEAD_BYTES, head_of
from engagectl.sync.inputs.objects import is_url


def moved_files(files: Sequence[InputFile], points: Iterable[Checkpoint], *, root: Path) -> dict[str, str]:
    """Return new key -> old key, for files that nobody has begun and that begin as one did that is gone.

    An object is known by its URL alone: that it is not listed says nothing of where it went.

    A head is read once for each new file, and the rest only where the head fits.
    """
    begun = {point.file: point for point in points if point.offset > 0 and point.identity}
    keys = {file.key for file in files}
    gone = [point for key, point in begun.items() if key not in keys and not is_url(key) and not (root / key).exists()]
    found: dict[str, str] = {}
    for file in files if gone else ():
        if file.key in begun or file.path is None:
            continue
        try:
            with readable(file):
                old = _same(file, [point for point in gone if point.file not in found.values()])
        except Unreadable:
            continue  # reading it will say so
        if old is not None:
            found[file.key] = old
    return found


def _same(file: InputFile, gone: Sequence[Checkpoint]) -> str | None:
    head = head_of(file)
    heads: dict[int, str] = {}
    for point in gone:
        size = min(HEAD_BYTES, point.offset)
        if file.format != "parquet":
            if len(head) < size:
                continue
            if size not in heads:
                heads[size] = hashlib.sha256(head[:size]).hexdigest()
            if heads[size] != point.identity.partition(":")[0]:
                continue
        if identity(file, point.offset) == point.identity:
            return point.file
    return None
