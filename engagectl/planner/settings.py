"""What differs from the applied state and is no schema."""

import dataclasses
from collections.abc import Iterable, Iterator

from engagectl.model.change import Change, ChangeSetting
from engagectl.model.codec import encode
from engagectl.model.feed import Feed
from engagectl.planfile import digest
from engagectl.planner.seen import Seen
from engagectl.planner.step import table_of
from engagectl.risk import prior_of

FEED = "feed"
"""The setting of a feed that is new (before is None) or is retired (after is None)."""


def settings(feeds: Iterable[Feed], seen: Seen, structure: Iterable[Change]) -> Iterator[ChangeSetting]:
    """Yield what differs from the applied state and is no schema, feeds that are new, and feeds that are retired."""
    touched = {table_of(change) for change in structure}
    retired = {(one.feed.kind, one.feed.id) for one in seen.applied if one.retired_at is not None}
    taken: set[tuple[str, str]] = set()
    for feed in feeds:
        taken.update((feed.kind, id_) for id_ in (feed.id, *feed.ids_before))
        before = prior_of(feed, seen.prior)
        if before is None or (before.kind, before.id) in retired:
            yield ChangeSetting(subject=feed.address, setting=FEED, before=None, after="added", origin=feed.origin)
            continue
        if before.id != feed.id:
            yield ChangeSetting(subject=feed.address, setting="id", before=before.id, after=feed.id, origin=feed.origin)
        was, now = dict(before.settings), dict(feed.settings)
        differs = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        for name in differs:
            yield ChangeSetting(
                subject=feed.address, setting=name, before=was.get(name), after=now.get(name), origin=feed.origin
            )
        is_touched = any(table.name in touched for table in feed.tables)
        if not differs and before.id == feed.id and not _is_same(before, feed) and not is_touched:
            yield ChangeSetting(
                subject=feed.address,
                setting="details",
                before=digest(encode(before))[:12],
                after=digest(_without_origin(feed))[:12],
                origin=feed.origin,
            )
    for one in seen.applied:
        if one.retired_at is None and (one.feed.kind, one.feed.id) not in taken:
            yield ChangeSetting(subject=one.feed.address, setting=FEED, before="applied", after=None)


def _is_same(before: Feed, feed: Feed) -> bool:
    """Tell whether sync would do the same by both. What else the space declares does not touch an activation."""
    before = dataclasses.replace(before, owner=feed.owner)
    if feed.kind == "activation":
        before = dataclasses.replace(before, declared=feed.declared, retired=feed.retired)
    return before == feed


def _without_origin(feed: Feed) -> object:
    data = encode(feed)
    data.pop("origin", None)
    return data
