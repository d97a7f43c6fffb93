"""What `inspect FILES` found, as text and as JSON data."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from engagectl.inspect.files import FileFacts
from engagectl.show.terminal import escape

_LISTED = 40


def file_facts_text(found: tuple[FileFacts, ...]) -> str:
    """Return a paragraph a file."""
    return "\n\n".join("\n".join(_file(one)) for one in found)


def _file(one: FileFacts) -> Iterator[str]:
    part = "" if one.whole else ", the first ones"
    bad = f", {one.bad:,} of them no messages" if one.bad else ""
    yield escape(f"{one.file}: {one.lines:,} lines read{part}{bad}")
    if one.first_at:
        yield escape(f"  received {one.first_at} to {one.last_at}")
    for title, counts in (("calls", one.calls), ("events", one.events), ("spaces", one.spaces)):
        if counts:
            yield f"  {title}: {_counted(counts)}"
    if one.computations:
        named = Counter({f"{kind} {key}".strip(): number for (kind, key), number in one.computations.items()})
        yield f"  computations: {_counted(named)}"
    if one.keys:
        keys = sorted(one.keys.items())
        told = [f"{key} {'|'.join(sorted(seen['types']))}" for key, seen in keys[:_LISTED]]
        more = f", and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
        yield escape(f"  keys: {', '.join(told)}{more}")
        for key, seen in keys:
            if len(seen["spellings"]) > 1:
                yield escape(f"  two spellings: {' and '.join(sorted(seen['spellings']))} both become {key}")


def _counted(counts: Counter[str]) -> str:
    listed = counts.most_common(_LISTED)
    more = f", and {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
    return escape(", ".join(f"{name} ({number:,})" for name, number in listed) + more)


def file_facts_data(found: tuple[FileFacts, ...]) -> list[dict[str, Any]]:
    """Return the files of the JSON document."""
    return [
        {
            "file": one.file,
            "lines": one.lines,
            "whole": one.whole,
            "bad": one.bad,
            "first_at": one.first_at,
            "last_at": one.last_at,
            "calls": dict(one.calls),
            "events": dict(one.events),
            "spaces": dict(one.spaces),
            "computations": [
                {"class": kind, "key": key, "messages": number} for (kind, key), number in one.computations.items()
            ],
            "keys": {
                key: {"types": sorted(seen["types"]), "spellings": sorted(seen["spellings"])}
                for key, seen in sorted(one.keys.items())
            },
        }
        for one in found
    ]
