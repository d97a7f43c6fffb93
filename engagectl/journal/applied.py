"""The applied state: each feed as the last apply recorded it. Sync runs by this alone."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engagectl.journal import documents
from engagectl.journal.tables import has_journal, place
from engagectl.model.codec import Texts, canonical, decode
from engagectl.model.feed import Feed
from engagectl.model.schema import TableName
from engagectl.warehouses.contract import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedFeed:
    """A feed of the journal. `number` never changes, through renames and retirement: offsets and dedupe hang on it."""

    number: int
    feed: Feed
    target: str
    apply_id: str
    applied_at: str
    retired_at: str | None = None


_HEAD = "number, target, apply_id, applied_at, retired_at"


def read_feeds(connection: Connection, journal: str, *, project: str | None = None) -> tuple[AppliedFeed, ...]:
    """Return all feeds, retired ones too, by number; of one project or of all. Nothing without a journal."""
    if not has_journal(connection, journal):
        return ()
    rows = connection.query(
        f"SELECT {_HEAD}, document FROM {place(journal, 'feeds')}{_of(project)} ORDER BY number",
        () if project is None else (project,),
    )
    found = documents.whole(connection, journal, {int(row[0]): str(row[5]) for row in rows})
    return tuple(_applied(row[:5], decode(Feed, json.loads(found[int(row[0])]))) for row in rows)


def read_feeds_alike(
    connection: Connection, journal: str, alike: Iterable[Feed], *, project: str | None = None
) -> tuple[AppliedFeed, ...]:
    """Return what read_feeds does, of a journal of version 2. A feed whose digest is that of one of `alike` is that
    very value: most of a plan is as it was applied, and only the others are read.
    """
    rows = connection.query(
        f"SELECT {_HEAD}, kind, id, digest FROM {place(journal, 'feeds')}{_of(project)} ORDER BY number",
        () if project is None else (project,),
    )
    texts: Texts = {}
    known = {(feed.kind, feed.id): feed for feed in alike}
    found: dict[int, Feed] = {}
    for number, *_, kind, name, digest in rows:
        feed = known.get((kind, name))
        if feed is not None and _digest(canonical(feed, texts=texts)) == digest:
            found[number] = feed
    others = [int(row[0]) for row in rows if row[0] not in found]
    if others:
        chosen = ", ".join(map(str, others))
        stored = connection.query(f"SELECT number, document FROM {place(journal, 'feeds')} WHERE number IN ({chosen})")
        texts_of = documents.whole(connection, journal, {int(number): str(text) for number, text in stored})
        found |= {number: decode(Feed, json.loads(document)) for number, document in texts_of.items()}
    return tuple(_applied(row[:5], found[row[0]]) for row in rows)


def digests(connection: Connection, journal: str) -> list[tuple[Any, ...]]:
    """Return what tells whether the applied state is another one, of a journal that is there: a row for each feed."""
    return connection.query(
        f"SELECT number, project, kind, id, target, apply_id, retired_at, digest FROM {place(journal, 'feeds')}"
        " ORDER BY number"
    )


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


def _of(project: str | None) -> str:
    return "" if project is None else " WHERE project = ?"


def _applied(head: Sequence[Any], feed: Feed) -> AppliedFeed:
    number, target, apply_id, applied_at, retired_at = head
    return AppliedFeed(
        number=int(number), feed=feed, target=target, apply_id=apply_id, applied_at=applied_at, retired_at=retired_at
    )


def record_feeds(
    connection: Connection,
    journal: str,
    *,
    target: str,
    apply_id: str,
    now: str,
    feeds: Sequence[Feed],
    retired: Sequence[tuple[str, str]] = (),
    project: str = "",
) -> None:
    """Write feeds whole; a feed that is known keeps its number, also under an id of its rename hint.

    `retired` are (kind, id) of feeds of `project` (the feeds' own when not said) that no longer read.
    """
    known = {
        (kind, name, of): int(number)
        for number, kind, name, of in connection.query(
            f"SELECT number, kind, id, project FROM {place(journal, 'feeds')}"
        )
    }
    following = max(known.values(), default=-1) + 1
    texts: Texts = {}
    rows: list[tuple[Any, ...]] = []
    for feed in feeds:
        keys = [(feed.kind, name, feed.project) for name in (feed.id, *feed.ids_before)]
        number = next((known[key] for key in keys if key in known), None)
        if number is None:
            number, following = following, following + 1
        known[keys[0]] = number
        document = canonical(feed, texts=texts)
        rows.append(
            (number, feed.project, feed.kind, feed.id, target, apply_id, now, None, document, _digest(document))
        )
    kept = documents.keep(connection, journal, {row[0]: row[8] for row in rows})
    rows = [(*row[:8], kept[row[0]], row[9]) for row in rows]
    connection.execute_many(f"DELETE FROM {place(journal, 'feeds')} WHERE number = ?", [(row[0],) for row in rows])
    connection.execute_many(
        f"INSERT INTO {place(journal, 'feeds')} (number, project, kind, id, target, apply_id, applied_at, retired_at,"
        " document, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    for kind, name in retired:
        connection.execute(
            f"UPDATE {place(journal, 'feeds')} SET retired_at = ? WHERE kind = ? AND id = ? AND project = ?"
            " AND retired_at IS NULL",
            (now, kind, name, project or next(feed.project for feed in feeds)),
        )


def rewrite(connection: Connection, journal: str, number: int, feed: Feed) -> None:
    """Replace the state of one feed, and nothing else of it: for renames, and for columns that sync added."""
    document = canonical(feed)
    connection.execute(
        f"UPDATE {place(journal, 'feeds')} SET document = ?, digest = ?, project = ? WHERE number = ?",
        (documents.keep(connection, journal, {number: document})[number], _digest(document), feed.project, number),
    )


def rename_table(connection: Connection, journal: str, before: TableName, after: TableName) -> None:
    for applied in read_feeds(connection, journal):
        tables = tuple(replace(t, name=after) if t.name == before else t for t in applied.feed.tables)
        if tables != applied.feed.tables:
            rewrite(connection, journal, applied.number, replace(applied.feed, tables=tables))


def rename_column(connection: Connection, journal: str, table: TableName, before: str, after: str) -> None:
    for applied in read_feeds(connection, journal):
        tables = tuple(
            replace(t, columns=tuple(replace(c, name=after) if c.name == before else c for c in t.columns))
            if t.name == table
            else t
            for t in applied.feed.tables
        )
        if tables != applied.feed.tables:
            rewrite(connection, journal, applied.number, replace(applied.feed, tables=tables))


def retired_keys(connection: Connection, journal: str, *, project: str, space: str) -> frozenset[str]:
    """Return the keys of a space that its feeds remember as retired."""
    return frozenset(
        key
        for applied in read_feeds(connection, journal, project=project)
        if applied.feed.space == space
        for key in applied.feed.retired
    )
