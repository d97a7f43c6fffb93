"""The order of JSON documents: by their text with sorted keys, no white space and numbers in plain digits.

A warehouse keeps a document in its own way (PostgreSQL with its keys in another order), so no engine's own order of
texts is asked. Only documents that stand against each other at one instant come here.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any


def canonical(text: str) -> str:
    """Return the text by which a document is compared; the same for all that say the same."""
    return _written(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def kept(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return of (new, stored) documents of one instant those of which the stored one stays."""
    return [(new, old) for new, old in pairs if (canonical(old), old) > (canonical(new), new)]


def _written(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{_text(key)}:{_written(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_written, value)) + "]"
        case Decimal():
            return format(abs(value) if value == 0 else value, "f")
        case _:
            return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
