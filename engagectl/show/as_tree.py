"""Plain data as indented text."""

from collections.abc import Mapping, Sequence
from typing import Any


def tree(data: Mapping[str, Any], indent: str = "") -> str:
    """Return `key: value` lines; what is empty is left out."""
    lines = []
    for key, value in data.items():
        if value is None or value in ("", [], (), {}):
            continue
        if isinstance(value, Mapping):
            lines += [f"{indent}{key}:", tree(value, indent + "  ")]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            lines.append(f"{indent}{key}:")
            lines += [_item(item, indent + "  ") for item in value]
        else:
            lines.append(f"{indent}{key}: {value}")
    return "\n".join(lines)


def _item(item: Any, indent: str) -> str:
    if isinstance(item, Mapping):
        return f"{indent}- {tree(item, indent + '  ').lstrip()}"
    return f"{indent}- {item}"
