"""A sample of hostile names as traits, audiences, events and undeclared keys: made, loaded, read back equal."""

from typing import Any

from engagectl import api
from engagectl.journal.applied import read_feeds
from engagectl.model.feed import Feed, InBody
from engagectl.model.names import stored_name
from engagectl.model.schema import TableName
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Connection, Warehouse
from tests.scenarios.house import House, identify, track
from tests.scenarios.test_hostile_names import names, yaml_of

NEEDS = "redshift snowflake"
COUNT = 24
SHORT = 59
"""Bytes of names that PostgreSQL, which stands for Redshift, keeps whole behind the prefix that a fold gives them."""


def test_names_of_any_kind_are_made_loaded_and_read_back(house: House, record: Warehouse) -> None:
    every = [name for name in names(COUNT) if len(stored_name(name).encode()) <= SHORT]
    events, rest = every[::8], [name for n, name in enumerate(every) if n % 8]
    traits, audiences, undeclared = (rest[start::3] for start in range(3))
    house.write(yaml_of(traits, audiences, events))
    house.apply()
    assert house.plan().steps == ()
    sent: dict[str, Any] = {key: f"v{n}" for n, key in enumerate((*traits, *undeclared))}
    sent |= dict.fromkeys(audiences, True)
    house.messages(identify(0, sent))
    for number, event in enumerate(events, 1):
        key = audiences[number % len(audiences)]
        house.messages(track(number, event, {"audience_key": key, key: True}))
    report = house.sync()
    assert report.exit_code == 0, report.as_text()
    assert {counts.quarantined + counts.cells for counts in report.feeds.values()} == {0}
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        (feed,) = (one.feed for one in read_feeds(connection, "engagectl") if one.feed.kind == "connection")
        declared, added = _columns(feed, [*traits, *audiences]), _added(connection, undeclared)
        assert len({*declared.values(), *added.values()}) == len(declared) + len(added)
        for table, read in (("users", declared), ("identifies", declared | added)):
            listed = ", ".join(ident(record, name) for name in read.values())
            place = table_sql(record, TableName("engage_default", table))
            (row,) = connection.query(f"SELECT {listed} FROM {place}")
            assert dict(zip(read, row, strict=True)) == {key: sent[key] for key in read}
        for number, event in enumerate(events, 1):
            (table,) = (one.name for one in feed.tables if event in one.events)
            assert connection.query(f"SELECT id, event_text FROM {table_sql(record, table)}") == [(f"m{number}", event)]
    assert house.drift().steps == ()


def _columns(feed: Feed, keys: list[str]) -> dict[str, str]:
    (identifies,) = (table for table in feed.tables if table.role == "identifies")
    by_key = {
        key: column.name
        for column in identifies.columns
        if isinstance(column.value, InBody)
        for key in column.value.keys
    }
    return {key: by_key[stored_name(key)] for key in keys}


def _added(connection: Connection, keys: list[str]) -> dict[str, str]:
    stored = dict(connection.query("SELECT original, name FROM engagectl.names WHERE table_name = 'identifies'"))
    return {key: stored[key] for key in keys}
