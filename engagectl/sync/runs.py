"""Feeds that wait for the end of a run: how far each of their files is complete. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engagectl.journal.checkpoints import Searched
from engagectl.model.feed import Feed
from engagectl.sync.inputs.complete import RunEnds, has_line, is_closed, is_line_start, is_quiet, run_ends
from engagectl.sync.inputs.files import InputFile
from engagectl.sync.until import Until


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """`more`: there is something to load now. `waits_from` is where bytes begin that wait for the end of their run."""

    file: InputFile
    until: Until
    more: bool
    waits_from: int | None = None
    searched: Searched | None = None


@dataclass
class Search:
    """Finds the ends of runs, each file once for all feeds that begin at the same place."""

    found: dict[tuple[str, int], RunEnds] = field(default_factory=dict)

    def ends(self, file: InputFile, start: int) -> RunEnds:
        if (file.key, start) not in self.found:
            self.found[file.key, start] = run_ends(file, start=start)
        return self.found[file.key, start]


def file_state(
    feed: Feed,
    number: int,
    file: InputFile,
    *,
    offset: int,
    searched: Searched | None,
    search: Search,
    now: datetime,
    named: Sequence[str] = (),
) -> FileState:
    """Tell how far a feed may load a file. `searched` is what was remembered, `named` are globs of whole files."""
    size = file.bytes or 0
    if is_closed(file, named):
        done = size if file.format == "ndjson" else (searched.searched_to if searched is not None else -1)
        stands = offset if file.format == "ndjson" else done
        return FileState(file=file, until=Until(closed=True), more=stands != size)
    if size < offset:  # cut: the sync says so
        return FileState(file=file, until=Until(), more=True)
    if is_quiet(file, quiet_for_s=feed.schedule.quiet_for_s, now=now):
        return FileState(file=file, until=Until(), more=size > offset and has_line(file, offset))
    before = searched or Searched(feed=number, file=file.key, searched_to=0, complete_to=0)
    known = before.searched_to >= offset and is_line_start(file, before.searched_to)
    start = before.searched_to if known else offset
    ends = search.ends(file, start)
    complete_to = before.complete_to if known and before.complete_to <= before.searched_to else 0
    if complete_to and not is_line_start(file, complete_to):
        complete_to = 0
    keys = feed.subject.keys if feed.subject is not None else ()
    complete_to = max([complete_to, *(ends.ends[key] for key in keys if key in ends.ends)])
    end = max(complete_to, offset)
    return FileState(
        file=file,
        until=Until(end=end),
        more=end > offset,
        waits_from=end if size > end else None,
        searched=Searched(feed=number, file=file.key, searched_to=ends.searched_to, complete_to=complete_to),
    )


def until_of(states: Sequence[FileState]) -> Mapping[str, Until]:
    return {state.file.key: state.until for state in states}
