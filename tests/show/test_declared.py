"""What graph, docs and export say about a project: they read its YAML and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engagectl.config.load import load_yaml
from engagectl.show.as_dot import as_dot
from engagectl.show.as_mermaid import as_mermaid
from engagectl.show.declared import Graph
from tests.cli.inside import run

EXAMPLES = Path(__file__).parents[2] / "examples"
HOSTILE = 'a"] --> n1; click n1 "javascript:x"\n\\'


@pytest.mark.parametrize("example", ["quickstart", "full"])
def test_the_graph_leads_from_inputs_to_tables(example: str) -> None:
    document = json.loads(run("-C", str(EXAMPLES / example), "-t", "dev", "graph", "--json").out)
    edges = {(edge["from"], edge["to"]) for edge in document["edges"]}
    assert ("input.engage_events", "source.default.main") in edges
    assert ("source.default.main", "connection.engage_classic") in edges
    assert ("trait.total_revenue_180_days", "connection.engage_classic") in edges
    assert ("audience.vip_accounts", "activation.vip_membership") in edges
    assert ("activation.vip_membership", "local/table.default.vip_account_membership") in edges
    assert ("users.default.main", "local/table.engage_default.users") in edges
    assert {node for edge in edges for node in edge} == set(document["nodes"])


def test_a_graph_needs_no_warehouse_and_no_secret() -> None:
    done = run("-C", str(EXAMPLES / "full"), "-t", "prod", "graph", "--format", "dot")
    assert done.code == 0, done.err
    assert '-> "analytics/table.engage_default.users";' in done.out
    assert run("-C", str(EXAMPLES / "full"), "-t", "prod", "-w", "local", "graph").code == 64


def test_no_name_breaks_out_of_a_drawing() -> None:
    graph = Graph((HOSTILE, "table.b"), ((HOSTILE, "table.b"),))
    lines = as_mermaid(graph).split("\n")
    assert len(lines) == 4
    assert re.fullmatch(r'  n1\["[^"<>\\]*"\]', lines[1])
    quoted = as_dot(graph).partition("  node [shape=box];\n")[2]
    assert quoted.startswith('  "a\\"] --> n1; click n1 \\"javascript:x\\"\n\\\\";\n')


def test_dbt_sources_are_one_file_a_schema_with_columns_and_freshness(tmp_path: Path) -> None:
    done = run("-C", str(EXAMPLES / "quickstart"), "export", "dbt-sources", "--out", str(tmp_path / "models"))
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["default.yml", "engage_default.yml"]
    ((document,), _) = load_yaml((tmp_path / "models/engage_default.yml").read_bytes())
    assert document["version"] == 2
    (source,) = document["sources"]
    assert source["freshness"] == {
        "warn_after": {"count": 2, "period": "hour"},
        "error_after": {"count": 4, "period": "hour"},
    }
    tables: dict[str, Any] = {table["name"]: table for table in source["tables"]}
    assert tables["users"]["loaded_at_field"] == "uuid_ts"
    columns = {column["name"]: column for column in tables["users"]["columns"]}
    assert columns["total_revenue_180_days"]["data_type"] == "decimal(18,2)"
    printed = run("-C", str(EXAMPLES / "quickstart"), "export", "dbt-sources").out
    assert len(load_yaml(printed.encode())[0]) == 2
