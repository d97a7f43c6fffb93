"""Hostile names as traits, audiences, events and undeclared keys: made, loaded, read back equal, nothing else touched.

`make hostile-names` plays 800 of them; here it is a sample.
"""

import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from engagectl import api
from engagectl.journal.applied import read_feeds
from engagectl.model.feed import Feed, InBody
from engagectl.model.names import stored_name
from engagectl.warehouses.contract import Connection
from tests.scenarios.house import House, identify, track
from tests.warehouses.test_names import hostile

COUNT = int(os.environ.get("ENGAGECTL_HOSTILE_NAMES", "48"))
ACCENTS = ("Größe", "straße", "İstanbul", "Ωmega", "\u212aelvin", "ﬁn", "noël", "Å")
CURATED = (
    *("n" * 62, "n" * 63),  # as long as PostgreSQL takes, and the same for 60 bytes
    *("xmin", "ctid", "tableoid", "oid", "rowid", "select", "ORDER", "user", "table", "null", "true", "default"),
    *(unicodedata.normalize(form, word) for word in ACCENTS for form in ("NFC", "NFD", "NFKC")),
    *(f"{'n' * length}" for length in (61, 64, 65, 200)),
    *(f"{'é' * 31}{end}" for end in ("", "a", "é")),
    *(
        "fooBar",
        "foo_bar_",
        "FOO BAR!",
        "_",
        "__",
        "1",
        "1e5",
        "a b",
        "A.B",
        "a/b~c",
        'q"x',
        "$.a",
        "日本",
        "日本語",
        "🙂",
    ),
)
STANDARD = {"id", "received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts", "anonymous_id", "user_id"}
TAKEN = STANDARD | {"event", "event_text", "type", "audience_key", "trait_key", "identifies", "users", "tracks"}


def names(count: int) -> list[str]:
    """Return hostile names, the curated ones first, of which no two are stored as one."""
    found: dict[str, str] = {}
    spread = [name for pair in zip(CURATED, hostile(len(CURATED), seed=11), strict=True) for name in pair]
    for name in (*spread, *hostile(count * 3, seed=12)):
        if any(ord(char) < 32 for char in name):  # a declared name has none (EC102)
            continue
        if (stored := stored_name(name)) not in TAKEN and not stored.startswith("context_"):
            found.setdefault(stored, name)
    return list(found.values())[:count]


def yaml_of(traits: Iterable[str], audiences: Iterable[str], events: list[str]) -> str:
    def things(kind: str, keys: Iterable[str], more: dict[str, Any]) -> dict[str, Any]:
        return {f"{kind}{n}": {"space": "default", "key": key, **more} for n, key in enumerate(keys)}

    return json.dumps(
        {
            "inputs": {"events": {"files": ["data/*.jsonl"]}},
            "spaces": {"default": {"slug": "default", "sources": {"main": {"input": "events"}}}},
            "traits": things("t", traits, {"kind": "sql", "type": "string"}),
            "audiences": things("a", audiences, {"kind": "profile"}),
            "connections": {
                "classic": {
                    "space": "default",
                    "warehouses": ["cdp"],
                    "on_undeclared": "add_column",
                    "context_columns": "none",
                    "send": [
                        {"traits": ["*"], "as": ["identify"]},
                        {
                            "audiences": ["*"],
                            "as": ["identify", "track"],
                            "event_names": {"audience_entered": events},
                        },
                    ],
                }
            },
        },
        ensure_ascii=False,
    )


def _catalog(connection: Connection) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in connection.query(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema NOT IN ('information_schema', 'pg_catalog', 'engagectl')"
    ):
        found.setdefault((schema, table), set()).add(column)
    return found


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def loaded(
    house: House, traits: Sequence[str], audiences: Sequence[str], undeclared: Sequence[str], events: Sequence[str]
) -> dict[str, Any]:
    """Load one identify with a value for every key, and a track of each event; return what was sent."""
    sent: dict[str, Any] = {key: f"v{n}" for n, key in enumerate((*traits, *undeclared))}
    sent |= dict.fromkeys(audiences, True)
    house.messages(identify(0, sent))
    for number, event in enumerate(events, 1):
        key = audiences[number % len(audiences)]
        house.messages(track(number, event, {"audience_key": key, key: True}))
    report = house.sync()
    assert report.exit_code == 0, report.as_text()
    assert {counts.quarantined + counts.cells for counts in report.feeds.values()} == {0}
    return sent


def columns_of(feed: Feed, keys: Iterable[str]) -> dict[str, str]:
    """Return the column of identifies that each declared key fills."""
    by_key = {
        key: column.name
        for table in feed.tables
        if table.role == "identifies"
        for column in table.columns
        if isinstance(column.value, InBody)
        for key in column.value.keys
    }
    return {key: by_key[stored_name(key)] for key in keys}


def added_of(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the column that sync added for each undeclared key."""
    stored = dict(connection.query("SELECT original, name FROM engagectl.names WHERE table_name = 'identifies'"))
    return {key: stored[key] for key in keys}


def test_names_of_any_kind_are_made_loaded_and_read_back(house: House) -> None:
    every = names(COUNT)
    assert len(every) == COUNT
    events, rest = every[::8], [name for n, name in enumerate(every) if n % 8]
    traits, audiences, undeclared = (rest[start::3] for start in range(3))
    # what is stored under a declared name is that name's; other spellings of undeclared keys collide with each other
    twins = [twin for key in undeclared for twin in (key.upper(), f" {key}", unicodedata.normalize("NFD", key))]
    taken = {stored_name(key) for key in (*traits, *audiences)} | TAKEN
    undeclared = list(dict.fromkeys(key for key in (*undeclared, *twins) if stored_name(key) not in taken))
    house.write(yaml_of(traits, audiences, events))
    house.execute("CREATE SCHEMA bystander")
    for schema in ("bystander", "engage_default"):
        house.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        house.execute(f'CREATE TABLE {schema}."t""; --" ("a""; --" VARCHAR(9))')
        house.execute(f'INSERT INTO {schema}."t""; --" VALUES (\'kept\')')
    house.apply()
    assert house.plan().steps == ()

    sent = loaded(house, traits, audiences, undeclared, events)

    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        (feed,) = (one.feed for one in read_feeds(connection, "engagectl") if one.feed.kind == "connection")
        columns, added = columns_of(feed, (*traits, *audiences)), added_of(connection, undeclared)
        assert len({*columns.values(), *added.values()}) == len(columns) + len(added)
        for table, read in (("users", columns), ("identifies", columns | added)):
            (row,) = connection.query(f"SELECT {', '.join(map(_q, read.values()))} FROM engage_default.{table}")
            assert dict(zip(read, row, strict=True)) == {key: sent[key] for key in read}
        catalog = _catalog(connection)
        tables = {event: table.name.table for table in feed.tables for event in table.events}
        for number, event in enumerate(events, 1):
            assert connection.query(f"SELECT id, event_text FROM engage_default.{_q(tables[event])}") == [
                (f"m{number}", event)
            ]
        bystanders = {(schema, 't"; --') for schema in ("bystander", "engage_default")}
        assert set(catalog) - bystanders == {
            ("engage_default", table) for table in ("identifies", "users", "tracks", *tables.values())
        }
        for schema, table in bystanders:
            assert catalog[schema, table] == {'a"; --'}
            assert connection.query(f"SELECT * FROM {schema}.{_q(table)}") == [("kept",)]
    assert house.drift().steps == ()
    again = house.sync(reread=True)
    assert {counts.inserted for address, counts in again.feeds.items() if address.kind == "connection"} == {0}
