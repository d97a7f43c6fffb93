"""Files that were given another name: what was read of them under the old one counts under the new one.

A log that is rotated is such a file: `a.jsonl` becomes `a.jsonl.1`, and another file begins under its name.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from engagectl.journal.checkpoints import Checkpoint
from engagectl.sync.inputs import InputFile, Unreadable, identity, readable, verify
from engagectl.sync.inputs.identity import HEAD_BYTES, head_of
from engagectl.sync.inputs.objects import is_url
from engagectl.sync.places import is_read


def moved_files(files: Sequence[InputFile], points: Iterable[Checkpoint], *, root: Path) -> dict[str, str]:
    """Return new key -> old key, for files that begin as one did that is gone, or that is another one now; in the order
    in which the names become free.

    An object is known by its URL alone: that it is not listed says nothing of where it went.

    A head is read once for each new file, and the rest only where the head fits.
    """
    begun = {point.file: point for point in points if point.offset > 0 and point.identity and not is_url(point.file)}
    listed = {file.key: file for file in files if file.path is not None}
    fresh = [file for key, file in listed.items() if key not in begun]
    if not fresh:
        return {}
    other = [key for key, point in begun.items() if key in listed and _is_another(listed[key], point)]
    left = [key for key in begun if key not in listed and not (root / key).exists()] + other
    found: dict[str, str] = {}
    for file in [*fresh, *(listed[key] for key in other)] if left else ():
        try:
            with readable(file):
                taken = {file.key, *found.values()}
                old = _same(file, [begun[key] for key in left if key not in taken])
        except Unreadable:
            continue  # reading it will say so
        if old is not None:
            found[file.key] = old
    return dict(_in_order(found))


def _is_another(file: InputFile, point: Checkpoint) -> bool:
    """Tell whether a file that was begun has not the content any more that was read."""
    if is_read(point, file):
        return False
    try:
        with readable(file):
            return verify(file, point.offset, point.identity) != "same"
    except Unreadable:
        return False


def _in_order(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield first the names that nobody has to give up; files that have swapped theirs stay as they are."""
    left = dict(names)
    while free := {after: before for after, before in left.items() if after not in left.values()}:
        yield from free.items()
        left = {after: before for after, before in left.items() if after not in free}


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
