"""Feeds, chunks and a DuckDB stage by hand: the engine's core without YAML."""

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from engagectl.model.column_type import Boolean, ColumnType, Decimal, JsonText, Text, Timestamp
from engagectl.model.feed import (
    AtPath,
    Declared,
    EventRule,
    Feed,
    FeedColumn,
    FeedTable,
    InBody,
    Sent,
    Standard,
    Transform,
)
from engagectl.model.schema import TableName
from engagectl.sync import quarantine
from engagectl.sync.chunk import Settled, Work, judge, settle, store
from engagectl.sync.dedupe import deduplicate
from engagectl.sync.inputs.lines import Overlong
from engagectl.sync.route import KEYS
from engagectl.sync.stage import load, make_stage, release
from engagectl.sync.users import Times, fold, gather
from engagectl.sync.users import release as release_users
from engagectl.warehouses.duckdb.column_types import type_sql
from engagectl.warehouses.duckdb.load import DuckdbLoader

SHOPPER, REVENUE = "first_time_shopper", "total_revenue_180_days"
DECLARED = (
    Declared(kind="audience", id=SHOPPER, keys=(SHOPPER,), type=Boolean()),
    Declared(kind="trait", id=REVENUE, keys=(REVENUE,), type=Decimal(18, 2)),
)
STAMP = "2026-01-01T00:00:00Z"


def column(name: str, kind: ColumnType, value: Any, **more: Any) -> FeedColumn:
    return FeedColumn(name=name, type=kind, stored=kind, value=value, **more)


def standard(*names: Any) -> tuple[FeedColumn, ...]:
    timed = ("received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts")
    return tuple(column(name, Timestamp() if name in timed else Text(), Standard(name)) for name in names)


def traits(revenue: ColumnType = Decimal(18, 2)) -> tuple[FeedColumn, ...]:  # noqa: B008  a frozen value
    return (column(SHOPPER, Boolean(), InBody((SHOPPER,))), column(REVENUE, revenue, InBody((REVENUE,))))


def connection(revenue: ColumnType = Decimal(18, 2), **more: Any) -> Feed:  # noqa: B008  a frozen value
    common = standard("id", "user_id", "anonymous_id", "received_at", "timestamp", "uuid_ts")
    named = standard("event", "event_text")
    events = tuple(
        FeedTable(
            name=TableName("engage_default", table),
            role="event",
            events=(event,),
            columns=(*common, *named, column(key, Text(), InBody((key,))), *traits(revenue)),
        )
        for table, event, key in (
            ("audience_entered", "Audience Entered", "audience_key"),
            ("audience_exited", "Audience Exited", "audience_key"),
            ("trait_computed", "Trait Computed", "trait_key"),
        )
    )
    return Feed(
        project="acme",
        kind="connection",
        id="classic",
        warehouse="local",
        space="default",
        source="main",
        tables=(
            FeedTable(
                name=TableName("engage_default", "identifies"), role="identifies", columns=(*common, *traits(revenue))
            ),
            FeedTable(name=TableName("engage_default", "tracks"), role="tracks", columns=(*common, *named)),
            *events,
        ),
        declared=DECLARED,
        sent=(
            Sent(
                kind="audience",
                id=SHOPPER,
                keys=(SHOPPER,),
                identify=True,
                track=True,
                events=(
                    EventRule(kind="audience_entered", names=("Audience Entered",)),
                    EventRule(kind="audience_exited", names=("Audience Exited",)),
                ),
            ),
            Sent(
                kind="trait",
                id=REVENUE,
                keys=(REVENUE,),
                identify=True,
                track=True,
                events=(EventRule(kind="trait_computed", names=("Trait Computed",)),),
            ),
        ),
        **more,
    )


def users(revenue: ColumnType = Decimal(18, 2), **more: Any) -> Feed:  # noqa: B008  a frozen value
    return Feed(
        project="acme",
        kind="users",
        id="default.main",
        warehouse="local",
        space="default",
        source="main",
        tables=(
            FeedTable(
                name=TableName("engage_default", "users"),
                role="users",
                columns=(*standard("id", "user_id", "received_at", "timestamp", "uuid_ts"), *traits(revenue)),
            ),
        ),
        declared=DECLARED,
        **more,
    )


def activation(**more: Any) -> Feed:
    columns = (
        *standard("id", "received_at"),
        column("event_name", Text(), AtPath((("event",),))),
        column(
            "plan", Text(max_chars=8), AtPath((("properties", "data_graph_entity_context", "plan"),)), required=True
        ),
        column(
            "email",
            Text(),
            AtPath((("context", "traits", "email"), ("properties", "email"))),
            transforms=(Transform("trim"), Transform("lower"), Transform("sha256")),
        ),
        column("entity_context", JsonText(), AtPath((("properties", "data_graph_entity_context"),))),
    )
    return Feed(
        project="acme",
        kind="activation",
        id="vip",
        warehouse="local",
        space="default",
        source="main",
        tables=(FeedTable(name=TableName("default", "vip"), role="activation", columns=columns),),
        declared=DECLARED,
        subject=DECLARED[0],
        events=(
            EventRule(kind="audience_entered", names=("Audience Entered",)),
            EventRule(kind="audience_exited", names=("Audience Exited",)),
        ),
        **more,
    )


@dataclass
class Piece:
    buffer: bytes
    offsets: "array[int]"
    offset: int = 0
    line: int = 0
    long_numbers: Sequence[int] = ()
    not_utf8: Sequence[int] = ()
    deep: Sequence[int] = ()
    too_long: Sequence[int] = ()
    overlong: Sequence[Overlong] = ()
    counts_rows: bool = False

    def place(self, line: int) -> int:
        return self.offset + self.offsets[line]


class Bench:
    """A DuckDB with the feeds' tables, and the chunk protocol without journal."""

    def __init__(self, *feeds: Feed) -> None:
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        self.works = [Work(number, feed) for number, feed in enumerate(feeds, 1)]
        self.db.execute(
            "CREATE SCHEMA engagectl; CREATE TABLE engagectl.seen(part SMALLINT, hash UUID, day INTEGER, feeds BIGINT)"
        )
        self.db.execute(f"CREATE TEMP TABLE {KEYS}(id VARCHAR, inner_pad BLOB, outer_pad BLOB)")
        self.times = Times(TableName("engagectl", "users_times_1"), {SHOPPER: "t_1", REVENUE: "t_2"})
        self.db.execute("CREATE TABLE engagectl.users_times_1(id VARCHAR, t_1 TIMESTAMPTZ, t_2 TIMESTAMPTZ)")
        for feed in feeds:
            for table in feed.tables:
                listed = ", ".join(f'"{c.name}" {type_sql(c.stored)}' for c in table.columns)
                self.db.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.name.schema}"')
                self.db.execute(f'CREATE TABLE "{table.name.schema}"."{table.name.table}" ({listed})')
        self.loader = DuckdbLoader(self.db, "engagectl")
        self.stage = make_stage(self.db, feeds)

    def load(self, *messages: Mapping[str, Any] | str, long_numbers: Sequence[int] = ()) -> dict[str, Settled]:
        lines = [m if isinstance(m, str) else json.dumps(m) for m in messages]
        buffer, offsets = b"", array("q", [0])
        for line in lines:
            buffer += line.encode() + b"\n"
            offsets.append(len(buffer))
        piece = Piece(buffer, offsets, long_numbers=long_numbers)
        self.db.execute("CREATE OR REPLACE TEMP TABLE given(line VARCHAR, line_no INTEGER, start INTEGER)")
        rows = [[line, n, start] for n, (line, start) in enumerate(zip(lines, offsets, strict=False))]
        self.db.executemany("INSERT INTO given VALUES (?, ?, ?)", rows)
        load(self.stage, piece, self.db.sql("SELECT line, line_no, start FROM given").to_arrow_table())
        self.db.execute("BEGIN")
        made = judge(self.stage, self.works, uuid_ts=STAMP)
        deduplicate(self.stage, self.loader, self.works)
        quarantine.keep_lines(self.stage, piece, secret=False)
        settled = {}
        for work in self.works:
            rows: Counter[TableName] = Counter()
            if work.feed.kind == "users":
                for table, parts in made[work].items():
                    gather(self.stage, work, parts, work.cells_of(table))
                    rows[table.name] = fold(self.loader, work, self.times, uuid_ts=STAMP)
                release_users(self.loader, work)
            else:
                rows += store(self.loader, work, made[work])
            done = settle(self.stage, piece, work, made[work])
            done.counts.tables += rows
            settled[work.feed.kind] = done
        self.db.execute("COMMIT")
        release(self.stage)
        self.kept = self.db.execute(
            "SELECT feed, reason, column_name, content, content_kind, line, line_offset FROM ec_quarantine"
            " ORDER BY feed, line, column_name"
        ).fetchall()
        self.loader.forget()
        return settled

    def rows(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        return self.db.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()


def identify(number: int, traits: Mapping[str, Any], *, user: str | None = "u123", **more: Any) -> dict[str, Any]:
    who = {"userId": user} if user is not None else {"anonymousId": "a1"}
    at = f"2024-01-02T{number // 60 % 24:02d}:{number % 60:02d}:00Z"
    return {"type": "identify", "messageId": f"m{number}", "receivedAt": at, **who, "traits": dict(traits), **more}


def track(number: int, event: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    message = identify(number, {}) | {"type": "track", "event": event, "properties": dict(properties)}
    del message["traits"]
    return message | more
