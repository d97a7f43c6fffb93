"""Hostile names and values go through both engines as what they are: equal when read back, and nothing else touched."""

import json
from typing import Any

from engagectl import api
from engagectl.model.schema import TableName
from engagectl.warehouses.registry import warehouse
from tests.reference.names import column_name
from tests.scenarios.house import SPACE, House, identify
from tests.threats.payloads import FILES, RESOURCES, SANDBOX, SQL
from tests.warehouses.test_names import hostile

VALUES = (*FILES, *SQL, *SANDBOX, *RESOURCES)


def _keys() -> list[str]:
    """100 hostile keys whose columns differ: each ends with a word of its own."""
    texts = [*SQL[::2], *SANDBOX[::3], *RESOURCES, *hostile(60, seed=4)]
    kept = [text for text in texts if text.strip() and text.isprintable() and len(text) < 58][:100]
    return [f"{text} k{number}" for number, text in enumerate(kept)]


KEYS = _keys()


def _write(house: House) -> None:
    """YAML is JSON here: every key and description is quoted as it is."""
    traits: dict[str, Any] = {
        f"t{n}": {"space": "default", "kind": "sql", "type": "string", "key": key, "description": key}
        for n, key in enumerate(KEYS)
    }
    house.write(
        json.dumps(
            {
                "inputs": {"events": {"files": ["data/*.jsonl"]}},
                "spaces": {"default": {"slug": "default", "sources": {"main": {"input": "events"}}}},
                "traits": traits,
                "connections": {
                    "classic": {
                        "space": "default",
                        "warehouses": ["cdp"],
                        "send": [{"traits": ["*"], "as": ["identify"]}],
                    }
                },
            },
            ensure_ascii=False,
        )
    )


def _tables(house: House) -> set[str]:
    rows = house.query("SELECT table_schema, table_name FROM information_schema.tables")
    return {f"{schema}.{name}" for schema, name in rows if schema.startswith(("engage_", "bystander"))}


def _descriptions(house: House, name: TableName) -> dict[str, str | None]:
    engine = warehouse("postgres" if "postgres" in house.warehouse else "duckdb")
    with api.connected(house.project, command="test", read_only=True) as connections:
        found = engine.catalog(connections["local"], [name.schema]).find(name)
    assert found is not None
    return {column.name: column.description for column in found.columns}


def test_100_hostile_keys_become_columns_and_are_read_back(house: House) -> None:
    assert len(KEYS) == 100
    columns = {column_name(key): key for key in KEYS}
    assert len(columns) == 100
    _write(house)
    house.execute("CREATE SCHEMA bystander")
    house.execute("CREATE TABLE bystander.victims AS SELECT 1 AS a")
    house.apply()
    house.messages(identify(1, {key: key for key in KEYS}), identify(2, {KEYS[0]: KEYS[1]}, user=KEYS[2]))
    report = house.sync()
    assert report.exit_code == 0, report
    listed = ", ".join(f'"{name}"' for name in columns)
    first, second = house.rows("engage_default.identifies", f"{listed}", order="id")
    assert first == tuple(columns.values())
    assert second == (KEYS[1], *(None,) * 99)
    assert house.rows("engage_default.users", f"id, {listed}", order="id <> 'u123'") == [
        ("u123", *columns.values()),
        (KEYS[2], KEYS[1], *(None,) * 99),
    ]
    found = _descriptions(house, TableName("engage_default", "identifies"))
    assert {name: found[name] for name in columns} == columns
    assert house.query("SELECT a FROM bystander.victims") == [(1,)]
    assert _tables(house) == {"bystander.victims", "engage_default.identifies", "engage_default.users"}


def test_hostile_values_are_read_back_equal_wherever_they_stand(house: House) -> None:
    """As trait, user id, message id, key and context; empty text is not null, a missing one is."""
    house.write(SPACE + "    on_undeclared: add_column\n")
    house.execute("CREATE SCHEMA bystander")
    house.execute("CREATE TABLE bystander.victims AS SELECT 1 AS a")
    house.apply()
    before = _tables(house)
    values = [value for value in VALUES if len(value) < 1000]
    messages = [
        identify(
            n,
            {"first_time_shopper": True, "note": value, "list": [value], **({value: value} if value in FILES else {})},
            user=f"{n} {value}",
            messageId=f"m{n} {value}",
            context={"ip": value, "page": {"url": value}},
        )
        for n, value in enumerate(values)
    ]
    house.messages(*messages, identify(len(values), {"first_time_shopper": True}, messageId="~", user="nobody"))
    assert house.sync().exit_code == 0
    columns = "id, user_id, note, context_ip, context_page_url, list"
    stored = {row[0]: row[1:] for row in house.rows("engage_default.identifies", columns, order="id")}
    assert stored.pop("~") == ("nobody", None, None, None, None)
    assert {key: row[:-1] for key, row in stored.items()} == {
        f"m{n} {value}": (f"{n} {value}", value, value, value) for n, value in enumerate(values)
    }
    assert [json.loads(row[-1]) for row in stored.values()] == [[row[1]] for row in stored.values()]
    users = house.rows("engage_default.users", "id, first_time_shopper")
    assert sorted(users) == sorted([*((f"{n} {value}", True) for n, value in enumerate(values)), ("nobody", True)])
    assert house.query("SELECT a FROM bystander.victims") == [(1,)]
    assert _tables(house) == before
