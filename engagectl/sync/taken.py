"""What `sync --due` takes of the feeds that could run. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engagectl.config.project import Project
from engagectl.journal.checkpoints import Checkpoint, Searched, read_checkpoints
from engagectl.journal.history import last_success
from engagectl.sync.chunk import Work
from engagectl.sync.due import is_blackout, is_due
from engagectl.sync.inputs import Unreadable, readable
from engagectl.sync.places import is_read
from engagectl.sync.runs import FileState, Search, file_state, until_of
from engagectl.sync.sources import Listing
from engagectl.sync.until import Until
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`searched` is to be remembered, so that the next call does not search again what this one has searched. `unread`
    are run feeds of which cannot be told what is complete.
    """

    works: tuple[Work, ...]
    waiting: tuple[Work, ...]
    unread: tuple[tuple[Work, Unreadable], ...] = ()
    searched: tuple[Searched, ...] = ()


def take_due(
    project: Project, connection: Connection, works: Sequence[Work], *, now: datetime, named: Sequence[str] = ()
) -> Taken:
    """Return the works that are due now, each run feed with how far it may load.

    The users of a source follow its connection: they go by its schedule, and are taken whenever it is.
    """
    journal = project.spec.journal_schema
    loaded = last_success(connection, journal)
    points = read_checkpoints(connection, journal, [work.number for work in works])
    search, listing = Search(), Listing(project)
    taken: list[Work] = []
    unread: list[tuple[Work, Unreadable]] = []
    waiting: list[Work] = []
    searched: list[Searched] = []
    leads = {(work.feed.space, work.feed.source): work for work in works if work.feed.kind == "connection"}
    for work in works:
        lead = leads.get((work.feed.space, work.feed.source), work) if work.feed.kind == "users" else work
        schedule = lead.feed.schedule
        if is_blackout(schedule, now):
            waiting.append(work)
        elif schedule.trigger == "schedule":
            (taken if is_due(schedule, since(loaded, work.number, lead.number), now) else waiting).append(work)
        else:
            try:
                states = run_states(listing, work, points, search=search, now=now, named=named)
            except Unreadable as error:
                unread.append((work, error))
                continue
            searched += [state.searched for state in states if state.searched is not None]
            if any(state.more for state in states):
                taken.append(replace(work, until=until_of(states)))
            else:
                waiting.append(work)
    return Taken(works=tuple(taken), waiting=tuple(waiting), unread=tuple(unread), searched=tuple(searched))


def since(loaded: Mapping[int, str], *numbers: int) -> datetime | None:
    """Return when the one that was loaded longest ago was; None where one never was."""
    starts = [loaded.get(number) for number in numbers]
    return min((datetime.fromisoformat(start) for start in starts if start), default=None) if all(starts) else None


def run_states(
    listing: Listing,
    work: Work,
    points: Sequence[Checkpoint],
    *,
    search: Search,
    now: datetime,
    named: Sequence[str] = (),
) -> tuple[FileState, ...]:
    """Return how far each file of a run feed is complete. Raises Unreadable."""
    stands: Mapping[str, Checkpoint] = {point.file: point for point in points if point.feed == work.number}
    states = []
    for file in listing.files(work.feed.space, work.feed.source):
        at = stands.get(file.key)
        if at is not None and is_read(at, file):
            states.append(FileState(file=file, until=Until(closed=True), more=False))
            continue
        with readable(file):
            states.append(
                file_state(
                    work.feed,
                    work.number,
                    file,
                    offset=at.offset if at is not None else 0,
                    searched=at.searched if at is not None else None,
                    search=search,
                    now=now,
                    named=named,
                )
            )
    return tuple(states)
