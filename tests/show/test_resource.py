"""`show ADDR`: one thing whole, whoever loads it, and the rule of selective sync that keeps something back."""

from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.errors import UsageError

PROJECT = """
version: 1
project: acme
warehouses:
  local:
    type: duckdb
    path: ./acme.duckdb
    selective_sync: {exclude: [trait.churn, "table.engage_default.trait_*"]}
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
  theirs: {slug: theirs, managed_by: segment, sources: {main: {}}}
traits:
  churn: {space: default, kind: ml, type: float}
  ltv: {space: theirs, kind: event, type: "decimal(18,2)"}
connections:
  classic: {space: default, warehouses: [local], send: [{traits: [churn], as: [identify, track]}]}
  theirs: {space: theirs, warehouses: [local], send: [{traits: [ltv], as: [identify]}]}
defaults:
  connection: {on_undeclared: quarantine}
"""


@pytest.fixture
def show(tmp_path: Path) -> Any:
    (tmp_path / "engagectl.yaml").write_text(PROJECT)
    return lambda address: api.show(api.open_project(tmp_path), address)


def test_a_table_that_segment_loads_is_shown_as_such(show: Any) -> None:
    (table,) = show("table.engage_theirs.users")["tables"]
    assert (table["managed_by"], table["fed_by"]) == ("segment", ["users.theirs.main"])
    assert table["columns"]["ltv"] == "decimal(18,2)"
    assert show("trait.ltv")["columns"] == [
        {"warehouse": "local", "column": f"engage_theirs.{table}.ltv", "type": "decimal(18,2)", "fed_by": ["trait.ltv"]}
        for table in ("identifies", "users")
    ]


@pytest.mark.parametrize(
    ("address", "excluded", "by"),
    [
        ("trait.churn", "column.engage_default.identifies.churn", "trait.churn"),
        ("column.engage_default.users.churn", "column.engage_default.users.churn", "trait.churn"),
        ("table.engage_default.trait_computed", "table.engage_default.trait_computed", "table.engage_default.trait_*"),
        ("local/table.engage_default.users", "column.engage_default.users.churn", "trait.churn"),
        ("source.default.main", "table.engage_default.trait_computed", "table.engage_default.trait_*"),
    ],
)
def test_the_rule_that_decided_is_named(show: Any, address: str, excluded: str, by: str) -> None:
    assert {"warehouse": "local", "excluded": excluded, "by": by} in show(address)["selective_sync"]


def test_defaults_are_shown_where_they_hold(show: Any) -> None:
    assert show("connection.classic")["yaml"]["on_undeclared"] == "quarantine"


@pytest.mark.parametrize("address", ["table.engage_theirs.user", "column.a.b.c", "warehouse.local", "users"])
def test_what_is_not_declared_is_refused(show: Any, address: str) -> None:
    with pytest.raises(UsageError):
        show(address)
