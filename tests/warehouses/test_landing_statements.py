"""What a warehouse is sent when it loads objects itself: every statement, for a connection, users and an activation."""

from collections.abc import Sequence
from typing import Any

import pytest
import sqlglot
from syrupy.assertion import SnapshotAssertion

from engagectl.model.column_type import Decimal
from engagectl.sync.chunk import Work
from engagectl.sync.inputs.shape import SEGMENT
from engagectl.sync.landing import told
from engagectl.sync.landing.messages import FIELD, KEY, KIND, NOTHING, Messages, outcome_of
from engagectl.sync.landing.rows import Rows
from engagectl.sync.landing.signature import signature
from engagectl.sync.users import Times, fold_of
from engagectl.warehouses.landing import KEYS, PLAIN, READ, ROUTES, Landing, Remembered, Source
from engagectl.warehouses.snowflake.landing import SnowflakeLanding
from engagectl.warehouses.snowflake.load import SnowflakeLoader
from tests.sync.builders import activation, connection, users
from tests.warehouses.test_snowflake_load import SqlFile

URL = "s3://acme/engage/a.json.gz"


class Told:
    """Stands where a session is: it keeps what it is sent."""

    sessions = 0
    memory_mb = 64

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query(self, sql: str, _: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        return []

    def execute(self, sql: str, _: Sequence[object] = ()) -> int:
        self.asked.append(sql)
        return 1


def _snowflake(server: Told) -> Landing:
    loader = SnowflakeLoader(server, "engagectl")  # type: ignore[arg-type]  # the part of a connection that it uses
    return SnowflakeLanding(server, loader, [Source("s3://acme/engage/", "RAW.PUBLIC.EVENTS")])  # type: ignore[arg-type]


MAKERS = {"snowflake": _snowflake}


@pytest.mark.parametrize("engine", sorted(MAKERS))
def test_every_statement(engine: str, snapshot: SnapshotAssertion) -> None:
    server = Told()
    landing = MAKERS[engine](server)
    works = [Work(1, connection(Decimal(18, 2))), Work(2, users()), Work(3, activation())]
    sql = Messages(landing.words, works, SEGMENT)
    landing.copy([URL])
    landing.make(READ, sql.read())
    landing.make(KEYS, sql.keys())
    server.query(sql.kinds())
    spellings = {"total_revenue_180_days": ["total_revenue_180_days", "Total Revenue"]}
    landing.make(ROUTES, sql.routes([("0" * 32, ("load", "load", "f:not_routed"))]))
    rows = Rows(sql, spellings, ["Audience Entered", "It's \\ here"])
    landing.make(PLAIN, rows.plain())
    for one in (told.files(sql.words), told.odd(sql.words), told.counts(works[0]), told.met(sql.words, works[0])):
        server.query(one)
    server.execute(told.twins(sql.words, ["00000000-0000-0000-0000-000000000001"]))
    server.asked.append("BEGIN TRANSACTION")
    landing.remember([Remembered(part=w.part, mask=w.mask, outcome=outcome_of(w)) for w in works if w.number != 2])
    for work in (works[0], works[2]):
        for table in work.feed.tables:
            columns, select = rows.of(work, table, "2026-01-01T00:00:00.000001Z")
            listed = ", ".join(landing.column(table.name, name) for name in columns)
            server.execute(f"INSERT INTO {landing.table(table.name)} ({listed}) {select}")
    (table,) = works[1].feed.tables
    fold = fold_of(works[1], Times(table.name, {c.name: c.name for c in table.columns}), uuid_ts="2026-01-01T00:00:00Z")
    server.query(rows.newest(works[1], fold.traits))
    server.asked.append("COMMIT")
    assert "\n".join(server.asked) == snapshot(extension_class=SqlFile)
    dialect = engine
    inside = server.asked[server.asked.index("BEGIN TRANSACTION") + 1 : -1]
    for one in inside:
        (parsed,) = sqlglot.parse(one, read=dialect)
        assert type(parsed).__name__ in ("Select", "Insert", "Update"), "DDL would commit the transaction"


def test_a_kind_of_message_is_read_as_it_is_written() -> None:
    nothing = chr(NOTHING)
    fields = ["identify", "vip", nothing, nothing, "spa_1", *[nothing] * 5, "known", "there"]
    keys = chr(KEY).join(f"{key}{chr(KIND)}{letter}" for key, letter in (("a", "t"), ("b c", "d")))
    found = signature("".join(f"{one}{chr(FIELD)}" for one in [*fields, "true"]) + keys, ["Mail"])
    assert found.message() == {
        "type": "identify",
        "messageId": "m",
        "timestamp": "2000-01-01T00:00:00Z",
        "receivedAt": "2000-01-01T00:00:00Z",
        "userId": "u",
        "context": {"personas": {"computation_key": "vip", "space_id": "spa_1"}},
        "integrations": {"Mail": True},
        "traits": {"a": True, "b c": 0.5},
    }
