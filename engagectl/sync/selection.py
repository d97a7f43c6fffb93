"""--select over the applied state: which feeds a pattern names, whole, by their own address or by a part of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engagectl.model.address import Address, column_address, parse_address, table_address
from engagectl.model.feed import Feed

OWNER, CHANGED = "owner:", "changed:"


def address_in(warehouse: str, feed: Feed) -> Address:
    """Return the address of a feed with its warehouse in front, as output shows it."""
    return replace(feed.address, warehouse=warehouse)


def is_named(warehouse: str, feed: Feed, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern names a feed, a table or column of it, what it carries there, or its owner."""
    owners = [pattern.removeprefix(OWNER) for pattern in patterns if pattern.startswith(OWNER)]
    others = [pattern for pattern in patterns if not pattern.startswith((OWNER, CHANGED))]
    return feed.owner in owners or any(
        address.matches(pattern) for address in _parts(warehouse, feed) for pattern in others
    )


def _parts(warehouse: str, feed: Feed) -> Iterator[Address]:
    yield address_in(warehouse, feed)
    if feed.subject is not None:
        yield Address(feed.subject.kind, feed.subject.id, warehouse)
    for table in feed.tables:
        yield table_address(table.name.schema, table.name.table, warehouse=warehouse)
        for column in table.columns:
            yield column_address(table.name.schema, table.name.table, column.name, warehouse=warehouse)
            if column.subject:
                yield replace(parse_address(column.subject), warehouse=warehouse)
