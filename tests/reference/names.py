"""The rule of names, by a regular expression: runs of capitals and digits, then runs of small letters and digits."""

import hashlib
import re

_WORD = re.compile(rb"[A-Z0-9]*[a-z0-9]*")


def column_name(key: str) -> str:
    """Return the name under which a key of the data is compared and stored."""
    data = key.encode("utf-8", "surrogatepass")
    words = [word.decode().lower() for word in _WORD.findall(data) if word]
    return "_".join(words) or "_" + hashlib.sha256(data).hexdigest()[:8]
