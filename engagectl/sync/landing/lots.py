"""The files of a pass -> lots, where the warehouse takes some of them itself: they alternate with the client's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engagectl.planner.landing import why_not
from engagectl.sync.chunk import Work
from engagectl.sync.inputs import InputFile
from engagectl.sync.landing.landed import make_landed
from engagectl.sync.places import Pass, Reader
from engagectl.sync.reading import Lot, Reading
from engagectl.sync.tombstones import are_staged
from engagectl.warehouses.contract import Connection, Loader
from engagectl.warehouses.landing import Landing

FILES_MAX = 500
BYTES_MAX = 1 << 30
"""Of one batch: it is loaded in one transaction."""
_OTHERS = (".parquet", ".zst", ".zstd")


@dataclass
class Landings:
    """Loads by `landing` what it takes, if there is one, and everything else by `reading`."""

    reading: Reading
    connection: Connection
    loader: Loader
    landing: Landing | None = None

    def lots(self, item: Pass) -> Iterator[Lot]:
        """Yield what a pass has to load. A lot counts as loaded when the next one is asked for."""
        if self.landing is None or self.reading.options.reread:
            yield from self.reading.lots(item)
            return
        batch: list[InputFile] = []
        others: list[InputFile] = []
        for file in item.files:
            if self._is_taken(file, item):
                if others:
                    yield from self.reading.lots(replace(item, files=tuple(others)))
                    others = []
                batch.append(file)
                if len(batch) >= FILES_MAX or sum(one.bytes or 0 for one in batch) >= BYTES_MAX:
                    yield from self._landed(batch, item)
                    batch = []
            else:
                yield from self._landed(batch, item)
                batch = []
                others.append(file)
        yield from self._landed(batch, item)
        if others:
            yield from self.reading.lots(replace(item, files=tuple(others)))

    def _works(self, item: Pass) -> list[Work]:
        return [work for work in self.reading.at_work() if work in item.works]

    def _is_taken(self, file: InputFile, item: Pass) -> bool:
        """Tell whether the warehouse takes a file: a whole object, for feeds that it can load and that begin it."""
        works = self._works(item)
        return (
            self.landing is not None
            and bool(file.object and file.object.bytes and works)
            and not file.key.endswith(_OTHERS)
            and not are_staged(self.loader.stage)  # who is erased is known by a keyed hash of the client's
            and self.landing.takes(file.key)
            and not any(file.key in work.until for work in works)
            and all(self.reading.places.at(work, file) is None and not why_not(work.feed) for work in works)
        )

    def _landed(self, batch: Sequence[InputFile], item: Pass) -> Iterator[Lot]:
        works = self._works(item)
        if self.landing is None or not batch or not works:
            return
        landed = make_landed(self.connection, self.loader, self.landing, works, batch[0].shape, batch)
        if landed.parts:
            yield Lot(landed.chunk, landed.parts, tuple(Reader(work, 0, 0) for work in works), landed)
            for part in landed.parts:
                self.reading.progress.passed(part.file.key, part.file.bytes or 0)
        if landed.left:
            yield from self.reading.lots(replace(item, files=landed.left))
