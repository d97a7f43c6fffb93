"""Neutral names and stored names: what an engine that folds to upper case does to letters."""

import re
from functools import lru_cache

_TURNED = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_MIXED = re.compile(r"[a-z].*[A-Z]|[A-Z].*[a-z]", re.DOTALL)


@lru_cache(maxsize=65_536)
def turned(name: str) -> str:
    """Return a neutral name as an engine of upper case stores it, and a name that it stores as the neutral one.

    A name of one case is turned, `vip` <-> `VIP`; one of both cases stays as it is. So turning twice gives the name
    back, and no two names ever meet. ASCII only: an unquoted name has no other letters.
    """
    return name if _MIXED.search(name) else name.translate(_TURNED)
