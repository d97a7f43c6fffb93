"""A sample of hostile names as traits, audiences, events and undeclared keys: made, loaded, read back equal."""

from engagectl import api
from engagectl.journal.applied import read_feeds
from engagectl.model.names import stored_name
from engagectl.model.schema import TableName
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Warehouse
from tests.scenarios.house import House
from tests.scenarios.test_hostile_names import added_of, columns_of, loaded, names, yaml_of

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
    sent = loaded(house, traits, audiences, undeclared, events)
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        (feed,) = (one.feed for one in read_feeds(connection, "engagectl") if one.feed.kind == "connection")
        declared, added = columns_of(feed, (*traits, *audiences)), added_of(connection, undeclared)
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
