"""--select: addresses, globs, owners. A feed is the smallest thing: what touches a part of it takes it whole."""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import assert_never

from engagectl.config.locate import closest
from engagectl.config.project import Project
from engagectl.desired.build import build
from engagectl.errors import UsageError
from engagectl.model.address import table_address
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    DropView,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    SetLayout,
    SetView,
    WidenColumn,
    address_of,
)
from engagectl.model.feed import Feed
from engagectl.model.plan import WarehousePlan
from engagectl.model.schema import TableName
from engagectl.planner.step import fed_by, owner_of, table_of
from engagectl.warehouses.registry import warehouse as record_of

_KINDS = {
    "space": "spaces",
    "trait": "traits",
    "audience": "audiences",
    "journey": "journeys",
    "connection": "connections",
    "activation": "activations",
}


def check_select(project: Project, plans: Sequence[WarehousePlan], select: Sequence[str]) -> None:
    """Raise UsageError for a pattern that names nothing of the YAML, of the plan or of what it notes.

    What follows a `changed:REF` are the addresses that it stands for: what was removed since has no name here.
    """
    said = takewhile(lambda pattern: not pattern.startswith("changed:"), select)
    asked = [pattern for pattern in said if not pattern.startswith("owner:")]
    if not asked:
        return
    names = set(_names_of(project, plans))
    unknown = [pattern for pattern in asked if not _matches(names, "", (pattern,))]
    if unknown:  # a table that needs no step is found in the desired state only
        names |= set(_names_of_tables(project, [plan.warehouse for plan in plans]))
    for pattern in unknown:
        if not _matches(names, "", (pattern,)):
            meant = closest(pattern, sorted(names))
            advice = f"did you mean {meant}?" if meant else "write kind.name, a glob of it, or owner:NAME"
            raise UsageError(f"nothing here is named {pattern}", help=advice)


def _names_of(project: Project, plans: Sequence[WarehousePlan]) -> Iterator[str]:
    yield from (f"{kind}.{name}" for kind, key in _KINDS.items() for name in getattr(project.spec, key))
    for space, spec in project.spec.spaces.items():
        yield from (f"users.{space}.{source}" for source in spec.sources)
    for plan in plans:
        told = [step.address for step in plan.steps] + [one.address for one in plan.noted]
        told += [feed.address for feed in plan.feeds]
        for address in told:
            yield from (
                str(address),
                f"{address.kind}.{address.name}",
                f"{plan.warehouse}/{address.kind}.{address.name}",
            )
        for step in plan.steps:
            yield from fed_by(step.change)


def _names_of_tables(project: Project, ids: Sequence[str]) -> Iterator[str]:
    for id_ in ids:
        desired = build(project, id_, record_of(project.spec.warehouses[id_].type))
        for table in (*desired.state.tables, *desired.watched.tables):
            yield from (f"table.{table.name}", f"{id_}/table.{table.name}")
            for column in table.columns:
                yield from (f"column.{table.name}.{column.name}", f"{id_}/column.{table.name}.{column.name}")


def selected(
    changes: Sequence[Change], feeds: Sequence[Feed], project: Project, id_: str, select: Sequence[str]
) -> tuple[tuple[Change, ...], tuple[Feed, ...]]:
    """Return the feeds that the patterns name or touch, and the changes of those feeds and no others."""
    for pattern in select:
        if not pattern.startswith(("owner:", "changed:")) and "." not in pattern and "*" not in pattern:
            raise UsageError(
                f"{pattern} is not an address",
                help="write kind.name, a glob of it, owner:NAME or changed:REF",
            )
    named = [change for change in changes if _is_named(change, project, id_, select)]
    touched = [frozenset(_cells(change)) for change in named if not _is_of_one(change)]
    subjects = {change.subject for change in named if isinstance(change, ChangeSetting)}
    subjects |= {
        feed.address for change in named if _is_of_one(change) for feed in feeds if str(feed.address) in fed_by(change)
    }
    chosen = [
        feed
        for feed in feeds
        if feed.address in subjects
        or _matches((str(feed.address), f"{id_}/{feed.address}"), feed.owner, select)
        or any(cells & _fed(feed) for cells in touched)
    ]
    sources = {(feed.space, feed.source) for feed in chosen if feed.kind == "connection"}
    kept = tuple(
        feed for feed in feeds if feed in chosen or (feed.kind == "users" and (feed.space, feed.source) in sources)
    )
    return _changes_of(changes, kept, named), kept


def _changes_of(changes: Sequence[Change], feeds: Sequence[Feed], named: Sequence[Change]) -> tuple[Change, ...]:
    cells = {cell for feed in feeds for cell in _fed(feed)}
    subjects = {feed.address for feed in feeds}
    found = [
        change
        for change in changes
        if change in named
        or (isinstance(change, ChangeSetting) and change.subject in subjects)
        or (not isinstance(change, ChangeSetting) and any(cell in cells for cell in _cells(change)))
    ]
    schemas = {name.schema for name in map(table_of, found) if name is not None}
    return tuple(
        change
        for change in changes
        if change in found or (isinstance(change, CreateSchema) and change.schema in schemas)
    )


def _is_of_one(change: Change) -> bool:
    """Tell whether a change names who asked for it: a whole table is then not everybody's who writes it."""
    return isinstance(change, CreateTable) and len(change.table.fed_by) > 1


def _fed(feed: Feed) -> frozenset[tuple[TableName, str]]:
    return frozenset(
        (table.name, column) for table in feed.tables for column in ("", *(cell.name for cell in table.columns))
    )


def _cells(change: Change) -> tuple[tuple[TableName, str], ...]:
    """Return the (table, column) pairs that a change is about, by their new names; a whole table has the column ""."""
    match change:
        case CreateTable(table=table):
            return ((table.name, ""),)
        case RenameTable(table=name) | DropTable(table=name) | SetLayout(table=name):
            return ((name, ""),)
        case RenameColumn(table=name, column=column) | DropColumn(table=name, column=column):
            return ((name, column),)
        case AddColumn(table=name, column=wanted) | WidenColumn(table=name, column=wanted):
            return ((name, wanted.name),)
        case RebuildColumn(table=name, column=wanted):
            return ((name, wanted.name),)
        case SetComment(table=name, column=column):
            return ((name, column),)
        case SetView(view=view):
            return ((view.table, ""),)
        case DropView(name=name):
            return ((name, ""),)
        case CreateSchema() | ChangeSetting():
            return ()
        case _:
            assert_never(change)


def _is_named(change: Change, project: Project, id_: str, select: Sequence[str]) -> bool:
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
        elif any(name == pattern or fnmatch.fnmatchcase(name, pattern) for name in names):
            return True
    return False
