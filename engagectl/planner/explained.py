"""What differs between a feed as it was applied and as it would be, in words for people."""

from collections.abc import Iterator
from typing import Any

from engagectl.model.codec import encode
from engagectl.model.feed import Feed

_NAMED = 3


def explained(before: Feed, feed: Feed) -> str:
    """Return the first differences and how many more there are. Values are shown for plain settings alone."""
    from deepdiff import DeepDiff  # a quarter of a second to import: only when something differs

    found = sorted(set(_lines(DeepDiff(_by_name(encode(before)), _by_name(encode(feed)), view="tree"))))
    more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _lines(difference: Any) -> Iterator[str]:
    words = {"added": "added", "removed": "removed"}
    for kind, items in difference.items():
        word = next((said for end, said in words.items() if kind.endswith(end)), "changed")
        for item in items:
            path = [str(part) for part in item.path(output_format="list")]
            yield f"{'.'.join(path)} {word}"


def _by_name(data: Any) -> Any:
    """Turn lists of things with a name or an id into mappings, so that a path names them and not their places."""
    if isinstance(data, dict):
        return {key: _by_name(value) for key, value in data.items() if key not in ("origin", "stopped", "owner")}
    if isinstance(data, list) and data and all(isinstance(item, dict) and _name(item) for item in data):
        return {_name(item): _by_name(item) for item in data}
    return [_by_name(item) for item in data] if isinstance(data, list) else data


def _name(item: dict[str, Any]) -> str:
    name = item.get("name", item.get("id", item.get("kind", "")))
    return str(name["table"]) if isinstance(name, dict) and "table" in name else str(name)
