"""Hostile names as traits, audiences, events and undeclared keys: made, loaded and read back, nothing else touched."""

from engagectl import api
from engagectl.journal.applied import read_feeds
from engagectl.model.names import stored_name
from engagectl.model.schema import TableName
from engagectl.render import ident, table_sql
from engagectl.warehouses.contract import Warehouse
from tests.scenarios.house import House
from tests.scenarios.test_hostile_names import TAKEN, added_of, columns_of, loaded, names, yaml_of
from tests.warehouses.contract.conftest import Writing

NEEDS = "bigquery databricks"
SCHEMA = "engage_default"


def test_names_of_any_kind_are_made_loaded_and_read_back(house: House, record: Warehouse, writing: Writing) -> None:
    every = names(32)
    events, rest = every[::8], [name for n, name in enumerate(every) if n % 8]
    traits, audiences, undeclared = (rest[start::3] for start in range(3))
    taken = {stored_name(key) for key in (*traits, *audiences)} | TAKEN
    undeclared = [key for key in undeclared if stored_name(key) not in taken]
    house.write(yaml_of(traits, audiences, events))
    bystander = ident(record, "drop table -- x")
    with writing() as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"CREATE TABLE {SCHEMA}.bystander AS SELECT 'kept' AS {bystander}")
    house.apply()
    assert house.plan().steps == ()

    sent = loaded(house, traits, audiences, undeclared, events)

    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        (feed,) = (one.feed for one in read_feeds(connection, "engagectl") if one.feed.kind == "connection")
        columns, added = columns_of(feed, (*traits, *audiences)), added_of(connection, undeclared)
        assert len({*columns.values(), *added.values()}) == len(columns) + len(added)
        for table, read in (("users", columns), ("identifies", columns | added)):
            listed = ", ".join(ident(record, name) for name in read.values())
            (row,) = connection.query(f"SELECT {listed} FROM {table_sql(record, TableName(SCHEMA, table))}")
            assert dict(zip(read, row, strict=True)) == {key: sent[key] for key in read}
        tables = {event: table.name for table in feed.tables for event in table.events}
        for number, event in enumerate(events, 1):
            assert connection.query(f"SELECT id, event_text FROM {table_sql(record, tables[event])}") == [
                (f"m{number}", event)
            ]
        found = {table.name for table in record.catalog(connection, [SCHEMA]).tables}
        ours = {TableName(SCHEMA, name) for name in ("identifies", "users", "tracks")} | set(tables.values())
        assert found == ours | {TableName(SCHEMA, "bystander")}
        assert connection.query(f"SELECT {bystander} FROM {SCHEMA}.bystander") == [("kept",)]
    assert house.drift().steps == ()
    again = house.sync(reread=True)
    assert {counts.inserted for address, counts in again.feeds.items() if address.kind == "connection"} == {0}
