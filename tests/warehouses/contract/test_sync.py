"""Sync on every engine that has it: what was sent is what is stored, each message counted once, whatever the order."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from engagectl import api
from engagectl.errors import LockHeld
from engagectl.journal.quarantine import list_entries
from engagectl.model.column_type import Json, Text, Timestamp
from engagectl.model.schema import TableName
from engagectl.render import ident, table_sql
from engagectl.sync.report import SyncReport
from engagectl.warehouses.contract import Holder, Warehouse
from tests.scenarios.house import House, identify, track
from tests.warehouses.contract.conftest import Writing

NEEDS = "rows"
SPACE = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  revenue: {space: default, kind: event, type: "decimal(18,2)"}
  visits: {space: default, kind: event, type: integer}
  score: {space: default, kind: event, type: float}
  seen_at: {space: default, kind: event, type: timestamp}
  tier: {space: default, kind: event, type: string, max_chars: 8}
  order: {space: default, kind: event, type: string}
audiences:
  shopper: {space: default, kind: profile}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send:
      - {traits: ["*"], as: [identify, track]}
      - {audiences: ["*"], as: [identify, track]}
activations:
  log:
    audience: shopper
    warehouses: [cdp]
    table: log
    mappings:
      - {from: properties.tier, to: tier, type: string}
      - {from: properties.cart, to: cart, type: json}
"""
AUDIENCE = {"audience_key": "shopper", "shopper": True}


def rows(house: House, record: Warehouse, table: str, columns: str) -> list[tuple[Any, ...]]:
    """Return the rows of `schema.table`, sorted; columns are SQL whose names every engine folds as it likes."""
    schema, _, name = table.partition(".")
    return house.query(f"SELECT {columns} FROM {table_sql(record, TableName(schema, name))} ORDER BY 1, 2")


def balanced(report: SyncReport) -> bool:
    """Tell whether each message that was read is counted once, for every feed."""
    return bool(report.feeds) and all(counts.balanced and counts.read for counts in report.feeds.values())


def test_what_is_sent_is_what_is_stored(house: House, record: Warehouse) -> None:
    house.write(SPACE)
    house.messages(
        identify(1, {"shopper": True, "tier": "", "order": "a\"b'\\N\n,é"}),
        identify(2, {"revenue": 450.00, "visits": 9007199254740993, "score": 1e300}),
        identify(3, {"seen_at": "2024-02-03T04:05:06.123456+02:00", "score": 0.1}, user="u9"),
        track(4, "Audience Entered", {**AUDIENCE, "tier": "gold", "cart": {"n": 1}}),
        track(5, "Trait Computed", {"trait_key": "revenue", "revenue": 450.00}),
    )
    house.apply()
    report = house.sync()
    assert balanced(report)
    order = ident(record, "order")
    assert rows(house, record, "engage_default.identifies", f"id, shopper, tier, visits, {order}")[:2] == [
        ("m1", True, "", None, "a\"b'\\N\n,é"),
        ("m2", None, None, 9007199254740993, None),
    ]
    users = rows(house, record, "engage_default.users", "id, user_id, shopper, revenue, score, tier")
    assert users == [("u123", "u123", True, Decimal("450.00"), 1e300, ""), ("u9", "u9", None, None, 0.1, None)]
    at = record.cast_sql("seen_at", Timestamp(), Text())
    assert rows(house, record, "engage_default.users", f"id, {at}")[1][1].startswith("2024-02-03T02:05:06.123456")
    assert rows(house, record, "engage_default.audience_entered", "user_id, audience_key, shopper") == [
        ("u123", "shopper", True)
    ]
    ((tier, cart),) = rows(house, record, "default.log", f"tier, {record.cast_sql('cart', Json(), Text())}")
    assert (tier, json.loads(cart)) == ("gold", {"n": 1})
    assert house.plan().steps == ()


def _loaded(report: SyncReport) -> int:
    return sum(sum(counts.tables.values()) for counts in report.feeds.values())


def test_the_same_batch_twice_gives_the_same_rows(house: House, record: Warehouse) -> None:
    house.write(SPACE)
    batch = [identify(n, {"visits": n, "shopper": n % 2 == 0}, user=f"u{n % 3}") for n in range(9)]
    batch += [track(20 + n, "Audience Entered", AUDIENCE) for n in range(3)]
    house.messages(*batch)
    house.apply()
    house.sync()
    before = [rows(house, record, f"engage_default.{name}", "id, received_at") for name in ("identifies", "users")]
    house.messages(*batch, name="data/again.jsonl")
    report = house.sync()
    assert balanced(report)
    assert _loaded(report) == 0
    assert [
        rows(house, record, f"engage_default.{name}", "id, received_at") for name in ("identifies", "users")
    ] == before


def test_late_and_shuffled_batches_give_the_same_users(house: House, record: Warehouse) -> None:
    house.write(SPACE)
    sent = [identify(n % 40, {"visits": n, "tier": f"t{n % 7}"}, user=f"u{n % 4}") for n in range(30)]
    sent = [{**message, "messageId": f"x{n}"} for n, message in enumerate(sent)]
    sent += [identify(90, {"shopper": value}, user="u1", messageId=f"tie{value}") for value in (True, False)]
    sent = [*sent[::2], *reversed(sent[1::2])]
    house.apply()
    for part in range(3):  # later parts bring earlier times
        house.messages(*sent[part::3], name=f"data/{part}.jsonl")
        assert balanced(house.sync())
    newest = {
        f"u{user}": max(n for n in range(30) if n % 4 == user) for user in range(4)
    }  # minute n: the later one wins
    assert rows(house, record, "engage_default.users", "id, visits, tier") == [
        (user, n, f"t{n % 7}") for user, n in sorted(newest.items())
    ]
    assert rows(house, record, "engage_default.users", "id, shopper")[1] == ("u1", True)


def test_what_cannot_be_stored_waits_in_the_quarantine_and_is_put_back(
    house: House, record: Warehouse, writing: Writing
) -> None:
    house.write(SPACE)
    house.messages(
        identify(1, {"visits": "many", "shopper": True}),
        "{not json",
        identify(2, {"tier": "much too long"}),
        identify(3, {"visits": 3}),
    )
    house.apply()
    report = house.sync()
    assert balanced(report)
    entries = _entries(house, writing)
    assert {one.column for one in entries} == {"", "visits", "tier"}
    assert {one.file for one in entries} == {"data/a.jsonl"}
    house.write(SPACE.replace("max_chars: 8", "max_chars: 80"))
    house.apply()
    done = api.replay_quarantine(house.project)
    assert done.values >= 1
    assert ("m2", "much too long") in rows(house, record, "engage_default.identifies", "id, tier")
    assert ("u123", "much too long") in rows(house, record, "engage_default.users", "id, tier")


def _entries(house: House, writing: Writing) -> Sequence[Any]:
    with writing() as connection:
        return list_entries(connection, "engagectl", project="acme")


def test_undeclared_keys_become_columns_when_they_are_asked_to(house: House, record: Warehouse) -> None:
    house.write(
        SPACE.replace(
            "    space: default\n    warehouses", "    space: default\n    on_undeclared: add_column\n    warehouses", 1
        )
    )
    house.messages(identify(1, {"shopper": True, "shoe": 42}))
    house.apply()
    assert balanced(house.sync())
    assert rows(house, record, "engage_default.identifies", "id, shoe") == [("m1", Decimal(42))]
    assert house.drift().steps == ()


def test_a_feed_whose_table_has_changed_is_left_out_and_the_others_load(
    house: House, record: Warehouse, writing: Writing
) -> None:
    house.write(SPACE)
    house.messages(identify(1, {"visits": 1}), track(2, "Audience Entered", {**AUDIENCE, "tier": "gold"}))
    house.apply()
    log = table_sql(record, TableName("default", "log"))
    with writing() as connection:
        connection.execute(f"ALTER TABLE {log} DROP COLUMN {ident(record, 'tier')}")
    report = house.sync()
    assert [str(one.address) for one in report.left_out] == ["local/activation.log"]
    assert [row[0] for row in rows(house, record, "engage_default.identifies", "id, user_id")] == ["m1"]
    house.apply()
    report = house.sync()
    assert not report.left_out
    assert [row[0] for row in rows(house, record, "default.log", "tier, received_at")] == ["gold"]


def test_status_history_and_the_lock_tell_what_happens(house: House) -> None:
    house.write(SPACE)
    house.messages(identify(1, {"visits": 1}))
    house.apply()
    house.sync()
    assert [entry.kind for _, entry in api.history(house.project)] == ["sync", "apply"]
    told = api.status(house.project).as_data()
    assert "Success" in str(told)
    with api.connected(house.project, command="sync", read_only=False) as connections:
        (connection,) = connections.values()
        connection.lock("engagectl", timeout_s=0, holder=Holder(command="sync", host="ci-7", pid=41))
        with pytest.raises(LockHeld, match="sync"):
            api.sync(house.project, lock_timeout_s=0.3)
    house.sync()


def test_a_person_is_erased_and_stays_erased(house: House, record: Warehouse) -> None:
    house.write(SPACE)
    house.messages(
        identify(1, {"tier": "gold"}), identify(2, {"tier": "tin"}, user="u9"), track(3, "Audience Entered", AUDIENCE)
    )
    house.apply()
    house.sync()
    api.erase(house.project, "u123", confirm=lambda _: True)
    for name in ("identifies", "users"):
        assert [row[0] for row in rows(house, record, f"engage_default.{name}", "user_id, tier")] == ["u9"]
    assert rows(house, record, "engage_default.audience_entered", "user_id, id") == []
    house.messages(identify(1, {"tier": "gold"}, messageId="m9"), name="data/late.jsonl")
    assert balanced(house.sync())
    assert [row[0] for row in rows(house, record, "engage_default.users", "user_id, tier")] == ["u9"]
