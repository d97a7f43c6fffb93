"""What differs from the applied state and is no schema."""

import dataclasses
from collections.abc import Iterable, Iterator

from engagectl.config.project import Project
from engagectl.journal.applied import AppliedFeed
from engagectl.model.change import Change, ChangeSetting
from engagectl.model.feed import Feed
from engagectl.model.schema import TableName
from engagectl.planner.explained import explained
from engagectl.planner.keys import without_checks
from engagectl.planner.seen import Key, Seen
from engagectl.planner.step import table_of
from engagectl.risk import prior_of

FEED = "feed"
"""The setting of a feed that is new (before is None) or is retired (after is None)."""
DETAILS = "details"
"""What follows from changes that are done or approved by themselves: it is recorded, and needs no approval."""
MANAGED_BY = "managed_by"
"""The setting of a feed that is retired because Segment loads its tables from now on."""


def settings(
    feeds: Iterable[Feed], seen: Seen, structure: Iterable[Change], project: Project, *, take_over: bool
) -> Iterator[ChangeSetting]:
    """Yield what differs from the applied state and is no schema, feeds that are new, and feeds that are retired."""
    touched = {table_of(change) for change in structure}
    applied = {(one.feed.kind, one.feed.id): one for one in seen.applied}
    taken: set[Key] = set()
    for feed in feeds:
        taken.update((feed.kind, id_) for id_ in (feed.id, *feed.ids_before))
        before = prior_of(feed, seen.prior)
        known = applied.get((before.kind, before.id)) if before is not None else None
        if before is None or (known is not None and known.retired_at is not None):
            yield ChangeSetting(subject=feed.address, setting=FEED, before=None, after="added", origin=feed.origin)
            continue
        yield from _differing(before, feed, known, project.target, touched=touched)
    for one in seen.applied:
        key = (one.feed.kind, one.feed.id)
        if one.retired_at is None and key not in taken and (take_over or one.target == project.target):
            yield _retired(one.feed, project)


def _differing(
    before: Feed, feed: Feed, known: AppliedFeed | None, target: str, *, touched: set[TableName | None]
) -> Iterator[ChangeSetting]:
    if before is feed and (known is None or known.target == target):
        return
    was, now = dict(before.settings), dict(feed.settings)
    was["id"], now["id"] = before.id, feed.id
    was["project"], now["project"] = before.project, feed.project
    if known is not None:
        was["target"], now["target"] = known.target, target
    differs = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    for name in differs:
        yield ChangeSetting(
            subject=feed.address, setting=name, before=was.get(name), after=now.get(name), origin=feed.origin
        )
    is_touched = any(table.name in touched for table in feed.tables)
    if not differs and not is_touched and not _is_same(before, feed):
        yield ChangeSetting(
            subject=feed.address,
            setting=DETAILS,
            before="as applied",
            after=explained(without_checks(before), without_checks(feed)) or "another key of a keyed hash",
            origin=feed.origin,
        )


def _retired(feed: Feed, project: Project) -> ChangeSetting:
    space = project.spec.spaces.get(feed.space)
    if space is not None and space.managed_by == "segment":
        return ChangeSetting(subject=feed.address, setting=MANAGED_BY, before="engagectl", after="segment")
    return ChangeSetting(subject=feed.address, setting=FEED, before="applied", after=None)


def _is_same(before: Feed, feed: Feed) -> bool:
    """Tell whether sync would do the same by both. What else the space declares does not touch an activation."""
    before = dataclasses.replace(before, owner=feed.owner)
    if feed.kind == "activation":
        before = dataclasses.replace(before, declared=feed.declared, retired=feed.retired)
    return before == feed
