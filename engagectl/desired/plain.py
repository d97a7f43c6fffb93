"""Which columns would hold a value in plain text that the project refuses (`pii.refuse_plain`)."""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engagectl.desired.build import Desired
from engagectl.model.feed import AtPath, FeedColumn, InBody
from engagectl.model.names import stored_name
from engagectl.model.origin import NOWHERE, Origin
from engagectl.model.schema import TableName

_HASHES = ("sha256", "hmac_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainValue:
    """A column that is fed with a refused value, and the pattern that refuses it."""

    table: TableName
    column: str
    pattern: str
    origin: Origin


def plain_values(desired: Desired, patterns: Sequence[str]) -> Iterator[PlainValue]:
    """Yield each column once. JSON columns are not looked into: map and hash what they must not carry."""
    seen: set[tuple[TableName, str]] = set()
    for feed in desired.feeds:
        for table in feed.tables if patterns else ():
            schema = desired.state.find(table.name)
            for column in table.columns if table.fed else ():
                pattern = _refused(column, patterns)
                if pattern is None or (table.name, column.name) in seen:
                    continue
                seen.add((table.name, column.name))
                there = schema.find(column.name) if schema is not None else None
                origin = there.origin if there is not None and there.origin != NOWHERE else feed.origin
                yield PlainValue(table=table.name, column=column.name, pattern=pattern, origin=origin)


def _refused(column: FeedColumn, patterns: Sequence[str]) -> str | None:
    if not column.fed or any(step.name in _HASHES for step in column.transforms):
        return None
    names = _names(column)
    return next((pattern for pattern in patterns if any(_matches(pattern, name) for name in names)), None)


def _names(column: FeedColumn) -> tuple[str, ...]:
    """Return what the value is called: its column, its keys, its paths whole and by their last part."""
    match column.value:
        case InBody(keys):
            return (column.name, *keys)
        case AtPath(paths):
            return (column.name, *(".".join(path) for path in paths), *(stored_name(path[-1]) for path in paths))
        case _:
            return ()


def _matches(pattern: str, name: str) -> bool:
    """Compare a path or glob whole; a plain word also as the first or last words of a name (email: work_email)."""
    if fnmatch.fnmatchcase(name, pattern):
        return True
    word = stored_name(pattern)
    is_word = "." not in pattern and not set("*?[") & set(pattern)
    return is_word and (name.startswith(f"{word}_") or name.endswith(f"_{word}"))
