"""A plan says which feeds the warehouse loads by itself from the store of their objects."""

from pathlib import Path

import pytest

from engagectl import api
from engagectl.errors import ConfigError
from engagectl.show.as_text import plan_text
from tests.planner.test_planner import KEY, ROOT, SPACE, _open

CLOUD = f"account: acme, database: CDP, compute_warehouse: WH, auth: {KEY}"
STAGES = "external_stages: [{url: 's3://acme/engage/', stage: RAW.PUBLIC.EVENTS}]"


def _root(warehouse: str) -> str:
    return ROOT.replace("{type: duckdb, path: ./db.duckdb}", f"{{{warehouse}}}")


def test_a_plan_says_what_the_warehouse_loads_itself(tmp_path: Path) -> None:
    yaml = SPACE.replace("data/*.jsonl", "s3://acme/engage/*.json.gz")
    assert yaml != SPACE
    root = _root(f"type: snowflake, {CLOUD}, {STAGES}")
    shown = plan_text(api.make_plan(_open(tmp_path, yaml, root), offline=True), colour=False, width=100)
    assert "connection.classic: Snowflake loads its objects itself" in shown
    other = yaml.replace("warehouses: [cdp], send:", "warehouses: [cdp], dedupe_window: 30d, send:")
    shown = plan_text(api.make_plan(_open(tmp_path, other, root), offline=True), colour=False, width=100)
    assert "connection.classic: its objects pass through this machine: it has a dedupe_window" in shown
    elsewhere = yaml.replace("s3://acme", "s3://other")
    shown = plan_text(api.make_plan(_open(tmp_path, elsewhere, root), offline=True), colour=False, width=100)
    assert "Objects that the warehouse reaches" not in shown


@pytest.mark.parametrize(
    ("warehouse", "said"),
    [
        (f"type: duckdb, path: ./db.duckdb, {STAGES}", "external_stages"),
        (f"type: snowflake, {CLOUD}, {STAGES.replace('engage/', 'engage')}", "url"),
        (f"type: snowflake, {CLOUD}, {STAGES.replace('RAW.', '')}", "stage"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, warehouse: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        _open(tmp_path, SPACE, _root(warehouse))
    assert said in str(found.value.diagnostics)
