"""Names of schemas, tables and columns, derived from names in the data. Pure text, no quoting.

The rule is Segment's: go-snakecase, byte for byte (segmentio/go-snakecase, snake.go).
"""

import hashlib
import re
from collections.abc import Collection
from functools import lru_cache

_NORMAL = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_DIGIT = frozenset(b"0123456789")


def snake_case(name: str) -> str:
    """Return the name as Segment's warehouses store it; empty when nothing of it is a letter or digit of ASCII.

    A word is a run of capitals or digits followed by a run of small letters or digits; every other byte separates.
    """
    if _NORMAL.fullmatch(name):
        return name
    data = name.encode("utf-8", "surrogatepass")
    words: list[str] = []
    position, end = 0, len(data)
    while position < end:
        start = position
        while position < end and (data[position] in _UPPER or data[position] in _DIGIT):
            position += 1
        while position < end and (data[position] in _LOWER or data[position] in _DIGIT):
            position += 1
        if position > start:
            words.append(data[start:position].decode("ascii").lower())
        else:
            position += 1
    return "_".join(words)


def short_hash(original: str) -> str:
    """Return 8 hex digits of the SHA-256 of the original name: what makes a shortened or colliding name unique."""
    return hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:8]


@lru_cache(maxsize=65_536)
def stored_name(original: str) -> str:
    """Return the normalised name, or `_` and a hash when nothing of it is left."""
    return snake_case(original) or f"_{short_hash(original)}"


def fit(name: str, original: str, *, identifier_bytes: int | None, reserved: Collection[str] = ()) -> str:
    """Return the name as the warehouse takes it: where it is too long in bytes or reserved a readable prefix and the
    hash of the original name.
    """
    if name not in reserved and (identifier_bytes is None or len(name.encode()) <= identifier_bytes):
        return name
    prefix = name if identifier_bytes is None else name.encode()[: identifier_bytes - 9].decode("utf-8", "ignore")
    return f"{prefix}_{short_hash(original)}"
