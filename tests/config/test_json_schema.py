from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from engagectl.config.json_schema import json_schema
from engagectl.config.load import load_yaml
from engagectl.config.root import ProjectSpec

SAMPLE = Path(__file__).parent / "sample"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", sorted(SAMPLE.rglob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_the_sample(path: Path) -> None:
    (document,) = load_yaml(path.read_bytes())[0]
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"version": 1},
        {"version": 2},
        {"version": True},
        {"projekt": "a"},
        {"include": "a"},
        {"include": ["a"]},
        {"warehouses": {"w": {"type": "duckdb", "path": "x"}}},
        {"warehouses": {"w": {"type": "duckdb"}}},
        {"warehouses": {"w": {"type": "duckdb", "paht": "x"}}},
        {"warehouses": {"w": {"type": "oracle"}}},
        {"warehouses": {"w": {}}},
        {"warehouses": {"w": {"type": "postgres", "dsn": {"$env": "DSN"}}}},
        {"warehouses": {"w": {"type": "postgres", "dsn": "pasted"}}},
        {"warehouses": {"w": {"type": "postgres", "port": 70000}}},
        {"credentials": {"c": {"method": "password", "password": "pasted"}}},
        {"credentials": {"c": {"method": "password", "password": {"$file": "/run/x"}}}},
        {"credentials": {"c": {"method": "default", "key": 1}}},
        {"traits": {"t": {"space": "s", "kind": "sql", "type": "decimal(18,2)"}}},
        {"traits": {"t": {"space": "s", "kind": "sql", "type": "varchar"}}},
        {"traits": {"t": {"space": "s", "kind": "other", "type": "string"}}},
        {"traits": {"t": {"space": "s", "kind": "sql", "type": "string", "max_chars": 0}}},
        {"activations": {"a": {"warehouses": ["w"], "trigger": {"each_run": {"quiet_for": "10m"}}}}},
        {"activations": {"a": {"warehouses": ["w"], "trigger": "never"}}},
        {"activations": {"a": {"warehouses": "w"}}},
        {"activations": {"a": {"warehouses": ["w"], "mappings": [{"from": "a", "to": "b", "type": "date"}]}}},
        {"activations": {"a": {"warehouses": ["w"], "mappings": [{"from": ["a"], "to": "B", "type": "date"}]}}},
        {"connections": {"c": {"space": "s", "warehouses": ["w"], "send": [{"traits": ["*"], "as": ["identify"]}]}}},
        {"connections": {"c": {"space": "s", "warehouses": ["w"], "send": [{"traits": ["*"]}]}}},
        {"connections": {"c": {"space": "s", "warehouses": ["w"], "context_columns": ["ip"]}}},
        {"targets": {"t": {"warehouses": ["w"], "vars": {"a": [1]}}}},
        {"targets": {"t": {"warehouses": {"r": "w"}, "vars": {"a": 1, "b": True, "c": ["x"]}}}},
        {"removed": [{"address": "table.a.b"}]},
    ],
    ids=str,
)
def test_the_schema_accepts_and_refuses_what_the_models_do(part: dict[str, Any]) -> None:
    document = {"project": "p", **part}
    try:
        ProjectSpec.model_validate(document)
        accepted = True
    except ValidationError:
        accepted = False
    assert VALIDATOR.is_valid(document) == accepted
