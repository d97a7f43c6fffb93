"""What `inspect FILES` found, as text and as JSON data."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from engagectl.inspect.files import FileFacts, merged
from engagectl.inspect.values import Values
from engagectl.show.terminal import escape

_LISTED = 40


def file_facts_text(found: tuple[FileFacts, ...]) -> str:
    """Return a line a file, then what all of them hold together."""
    lines = [line for one in found[:_LISTED] for line in _file(one)]
    if len(found) > _LISTED:
        lines.append(f"and {len(found) - _LISTED:,} more files")
    return "\n".join([*lines, *_all(merged(found))])


def _file(one: FileFacts) -> Iterator[str]:
    part = "" if one.whole else ", the first ones"
    bad = f", {one.bad:,} of them no messages" if one.bad else ""
    kind = "" if one.format == "ndjson" else f" ({one.format})"
    yield escape(f"{one.file}{kind}: {one.lines:,} lines read{part}{bad}")
    if one.other:
        named = ", ".join(name for name, _ in one.fields.most_common(_LISTED))
        yield escape(f"  {one.other:,} lines say no call; their keys: {named}")
    if one.problem:
        yield escape(f"  {one.problem}")


def _all(one: FileFacts) -> Iterator[str]:
    if one.first_at:
        yield escape(f"received {one.first_at} to {one.last_at}")
    for title, counts in (("calls", one.calls), ("events", one.events), ("spaces", one.spaces)):
        if counts:
            yield f"{title}: {_counted(counts)}"
    if one.computations:
        yield "computations:"
        listed = sorted(one.computations.items())
        for of, facts in listed[:_LISTED]:
            calls = Counter({"identify": facts.identifies} if facts.identifies else {})
            for (event, _), number in sorted(facts.events.items()):
                calls[event] += number
            type_ = f"  {facts.values.column_type}" if facts.values.types else ""
            yield escape(f"  {of.kind or 'computation'} {of.key}{type_}  ") + _counted(calls)
        if len(listed) > _LISTED:
            yield f"  and {len(listed) - _LISTED:,} more"
    if one.loose:
        yield f"traits of no computation: {_keys(one.loose)}"
    if one.undeclared:
        yield f"other keys: {_keys(one.undeclared)}"
    for key, values in sorted(one.keys.items()):
        if len(values.spellings) > 1:
            yield escape(f"two spellings: {' and '.join(sorted(values.spellings))} both become {key}")


def _keys(keys: Mapping[str, Values]) -> str:
    listed = sorted(keys.items())
    more = f", and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return escape(", ".join(f"{key} {'|'.join(sorted(values.types))}" for key, values in listed[:_LISTED]) + more)


def _counted(counts: Counter[str]) -> str:
    listed = counts.most_common(_LISTED)
    more = f", and {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
    return escape(", ".join(f"{name} ({number:,})" for name, number in listed) + more)


def file_facts_data(found: tuple[FileFacts, ...]) -> list[dict[str, Any]]:
    """Return the files of the JSON document."""
    return [
        {
            "file": one.file,
            "format": one.format,
            "lines": one.lines,
            "whole": one.whole,
            "bad": one.bad,
            "other": one.other,
            "problem": one.problem,
            "first_at": one.first_at,
            "last_at": one.last_at,
            "calls": dict(one.calls),
            "events": dict(one.events),
            "spaces": dict(one.spaces),
            "computations": [
                {
                    "space": of.space,
                    "kind": of.kind,
                    "key": of.key,
                    "messages": facts.messages,
                    "identifies": facts.identifies,
                    "type": facts.values.column_type if facts.values.types else "",
                }
                for of, facts in sorted(one.computations.items())
            ],
            "keys": {
                key: {
                    "types": sorted(values.types),
                    "spellings": sorted(values.spellings),
                    "type": values.column_type,
                    "messages": values.messages,
                }
                for key, values in sorted(one.keys.items())
            },
            "fields": dict(one.fields),
        }
        for one in found
    ]
