"""--select: addresses, globs of them, and owners."""

import fnmatch
from collections.abc import Iterable, Sequence

from engagectl.config.project import Project
from engagectl.errors import UsageError
from engagectl.model.address import table_address
from engagectl.model.change import Change, ChangeSetting, CreateSchema, address_of
from engagectl.model.feed import Feed
from engagectl.planner.step import fed_by, owner_of, table_of


def selected(changes: Sequence[Change], project: Project, id_: str, select: Sequence[str]) -> tuple[Change, ...]:
    chosen = [change for change in changes if _is_selected(change, project, id_, select)]
    schemas = {name.schema for name in map(table_of, chosen) if name is not None}
    return tuple(
        change
        for change in changes
        if change in chosen or (isinstance(change, CreateSchema) and change.schema in schemas)
    )


def _is_selected(change: Change, project: Project, id_: str, select: Sequence[str]) -> bool:
    name = table_of(change)
    addresses = [address_of(change, warehouse=id_)]
    if name is not None:
        addresses.append(table_address(name.schema, name.table, warehouse=id_))
    named = [*map(str, addresses), *(f"{one.kind}.{one.name}" for one in addresses), *fed_by(change)]
    return _matches(named, owner_of(project, change), select)


def _matches(named: Iterable[str], owner: str, select: Sequence[str]) -> bool:
    names = tuple(named)
    for pattern in select:
        if pattern.startswith("owner:"):
            if owner == pattern.removeprefix("owner:"):
                return True
        elif "." not in pattern and "*" not in pattern:
            raise UsageError(f"--select {pattern}: not an address", help="write kind.name, a glob of it, or owner:NAME")
        elif any(fnmatch.fnmatchcase(name, pattern) for name in names):
            return True
    return False


def selected_feeds(
    feeds: Iterable[Feed], chosen: Sequence[Change], id_: str, select: Sequence[str]
) -> tuple[Feed, ...]:
    """Return the feeds that apply would record: those with a chosen step of their own, or named themselves."""
    subjects = {str(change.subject) for change in chosen if isinstance(change, ChangeSetting)}
    return tuple(
        feed
        for feed in feeds
        if str(feed.address) in subjects or _matches((str(feed.address), f"{id_}/{feed.address}"), feed.owner, select)
    )
