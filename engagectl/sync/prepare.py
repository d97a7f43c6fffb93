"""What comes before the first chunk of a sync: keys are staged, and rows that were there are made known."""

from collections.abc import Sequence
from dataclasses import replace

from engagectl.journal.applied import rewrite
from engagectl.journal.checkpoints import read_checkpoints
from engagectl.journal.erasures import read_tombstones, tombstone_key
from engagectl.sync.chunk import Work
from engagectl.sync.keys import checked, stage_keys
from engagectl.sync.options import SyncOptions
from engagectl.sync.tombstones import stage_tombstones
from engagectl.warehouses.contract import Connection, Loader


def prepare(
    connection: Connection, loader: Loader, journal: str, works: Sequence[Work], options: SyncOptions
) -> tuple[Work, ...]:
    """Return the feeds as they go to work."""
    stage_keys(loader.stage, options.keys)
    if (key := tombstone_key(connection, journal)) is not None:
        stage_tombstones(loader.stage, read_tombstones(connection, journal), key)
    ready = []
    for work in works:
        feed = checked(work.feed, options.keys)
        if feed != work.feed:
            rewrite(connection, journal, work.number, feed)
        ready.append(replace(work, feed=feed))
    know_rows(connection, loader, journal, ready)
    return tuple(ready)


def know_rows(connection: Connection, loader: Loader, journal: str, works: Sequence[Work]) -> None:
    """Read the ids of rows that were there before a feed began, where it says that they are its own.

    Once, while it has read nothing: what its inputs hold of them is then a duplicate. users needs none, its fold does
    no harm to a row that is there.
    """
    asked = [work for work in works if work.feed.existing_rows == "known" and work.feed.kind != "users"]
    if not asked:
        return
    begun = {point.feed for point in read_checkpoints(connection, journal, [work.number for work in asked])}
    for work in asked:
        tables = [table.name for table in work.feed.tables if table.fed]
        if work.number in begun or not tables:
            continue
        connection.begin()
        try:
            loader.know(tables, work.part, work.mask)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def expire_ids(connection: Connection, loader: Loader, works: Sequence[Work]) -> None:
    """Forget the ids that are out of a feed's dedupe_window."""
    for work in works:
        if (window := work.window) is not None:
            connection.begin()
            try:
                loader.expire(window)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
