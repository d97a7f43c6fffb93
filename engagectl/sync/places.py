"""Where each feed stands in each file, which feeds a pass runs, and over which files. Pure: nothing is read here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from engagectl.journal.checkpoints import Checkpoint
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import InputFile, day_of
from engagectl.sync.until import Until


@dataclass
class Places:
    """The checkpoints as the journal has them, by feed and file."""

    points: dict[tuple[int, str], Checkpoint] = field(default_factory=dict)

    def at(self, work: Work, file: InputFile) -> Checkpoint | None:
        return self.points.get((work.number, file.key))

    def offset(self, work: Work, file: InputFile) -> int:
        point = self.at(work, file)
        return 0 if point is None else point.offset

    def is_read(self, work: Work, file: InputFile) -> bool:
        """Tell whether a feed has read all of a file, by its listing alone."""
        point = self.at(work, file)
        return point is not None and is_read(point, file)

    def renamed(self, names: Mapping[str, str]) -> None:
        """Files have new names (new -> old)."""
        for after, before in names.items():
            for (feed, file), point in list(self.points.items()):
                if file == before:
                    del self.points[feed, file]
                    self.points[feed, after] = replace(point, file=after)

    def moved(self, after: Iterable[Checkpoint]) -> None:
        self.points |= {(point.feed, point.file): point for point in after}


def is_read(point: Checkpoint, file: InputFile) -> bool:
    """Tell whether all of a file is read, as its listing tells: nothing of it needs to be opened again.

    A compressed file of the size that was read to its end counts too: to look would be to unpack all of it.
    """
    if file.version and point.version == file.version:
        return True
    if file.path is None or point.offset == 0 or point.searched_to != file.bytes:
        return False
    return file.format != "ndjson"


@dataclass(frozen=True, slots=True)
class Pass:
    """Feeds that go together over files, oldest first. While one only catches up, it yields to whoever waits."""

    works: tuple[Work, ...]
    files: tuple[InputFile, ...]
    catches_up: bool = False


def passes(works: Sequence[Work], files: Sequence[InputFile], places: Places) -> tuple[Pass, ...]:
    """Plan the passes over an input: the feeds that stand furthest first, to the end; then those that lag.

    A feed lags when another one is ahead of it in more than one file, so one new feed never holds up the others.
    """
    ordered = tuple(sorted(files, key=lambda file: (day_of(file.key) or date.min, file.key)))
    furthest = {file.key: max((places.offset(work, file) for work in works), default=0) for file in ordered}
    behind = {work: [file for file in ordered if places.offset(work, file) < furthest[file.key]] for work in works}
    first = tuple(work for work in works if len(behind[work]) <= 1)
    late = tuple(work for work in works if len(behind[work]) > 1)
    found = [Pass(first, ordered)] if first else []
    return (*found, Pass(late, ordered, catches_up=bool(first))) if late else tuple(found)


@dataclass
class Reader:
    """One feed in one file: where it reads on, where it ends (None: with the file), and whether an unfinished last
    line counts. It stands further on where it reads again.
    """

    work: Work
    offset: int
    line: int
    end: int | None = None
    closed: bool = False
    stands: int = 0

    @property
    def is_fresh(self) -> bool:
        """Tell whether the feed begins the file, and reads all of it."""
        return self.offset == self.stands == 0 and self.end is None

    def takes(self, begin: int) -> bool:
        return self.offset <= begin and (self.end is None or begin < self.end)


def readers(
    works: Sequence[Work], file: InputFile, places: Places, *, closed: bool, again: bool = False
) -> list[Reader]:
    """Return the feeds that may have something to read in a file; `again` from its beginning."""
    found = []
    for work in works:
        point = places.at(work, file)
        until = work.until.get(file.key, Until(closed=closed))
        stands = 0 if point is None else point.offset
        at, line = (0, 0) if point is None or again else (point.offset, point.line)
        if until.end is None or at < until.end:
            found.append(Reader(work, at, line, end=until.end, closed=until.closed, stands=stands))
    return found


def stops(group: Sequence[Reader]) -> tuple[int, ...]:
    """Return where a chunk has to end so that each feed takes it whole or not at all."""
    ends = {reader.end for reader in group if reader.end is not None}
    return tuple(sorted({at for reader in group for at in (reader.offset, reader.stands)} | ends))


def share_read(files: Sequence[InputFile], works: Sequence[Work], places: Places) -> tuple[int, int]:
    """Return the percentage of the files' bytes that all of the feeds have read, and how many files are left."""
    left = [file for file in files if any(_is_behind(work, file, places) for work in works)]
    total = sum(file.bytes or 0 for file in files)
    waiting = sum(
        (file.bytes or 0) - (min(places.offset(work, file) for work in works) if file.format == "ndjson" else 0)
        for file in left
    )
    return (100 if not total else (total - waiting) * 100 // total), len(left)


def _is_behind(work: Work, file: InputFile, places: Places) -> bool:
    """A compressed file's length is not known before it is read: it counts as read when it was begun."""
    if places.is_read(work, file):
        return False
    at = places.offset(work, file)
    return at < (file.bytes or 0) if file.format == "ndjson" else at == 0
