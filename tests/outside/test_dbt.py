"""A real dbt takes the sources that we export: it parses them, builds a model on them and finds them fresh."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.cli.inside import run
from tests.scenarios.conftest import house as house
from tests.scenarios.house import SPACE, House, identify, track

pytestmark = pytest.mark.dbt
DBT = os.environ.get("ENGAGECTL_TEST_DBT", "")
PROJECT = 'name: acme\nversion: "1.0"\nprofile: acme\nmodel-paths: [models]\n'
MODEL = """
select u.id, count(*) as calls
from {{ source('engage_default', 'users') }} as u
join {{ source('engage_default', 'identifies') }} as i on i.user_id = u.id
group by 1
"""
ACTIVATION = "activations:\n  vip: {audience: first_time_shopper, warehouses: [cdp], table: vip}\n"


def dbt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [DBT, "--no-version-check", *words, "--project-dir", str(folder), "--profiles-dir", str(folder)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )


def profile(house: House) -> dict[str, object]:
    if "postgres" not in house.warehouse:
        return {"type": "duckdb", "path": str(house.root / "acme.duckdb")}
    said = urlsplit(os.environ["ENGAGECTL_SCENARIO_DSN"])
    host = said.hostname or parse_qs(said.query)["host"][0]
    user, password = unquote(said.username or "postgres"), unquote(said.password or "")
    name = said.path.removeprefix("/")
    return {
        "type": "postgres",
        "host": host,
        "port": said.port or 5432,
        "user": user,
        "password": password,
        "dbname": name,
        "schema": "dbt",
        "threads": 1,
    }


def test_dbt_parses_builds_on_and_finds_fresh_what_was_loaded(house: House, tmp_path: Path) -> None:
    assert DBT, "make test-dbt sets ENGAGECTL_TEST_DBT"
    house.write(SPACE + ACTIVATION)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}), identify(2, {"total_revenue_180_days": 7}))
    house.messages(track(3, "Audience Entered", {"audience_key": "first_time_shopper", "first_time_shopper": True}))
    house.sync()
    folder = tmp_path / "dbt"
    done = run(
        "-C", str(house.root), "export", "dbt-sources", "--out", str(folder / "models/engage"), env=dict(os.environ)
    )
    assert done.code == 0, done.err
    (folder / "dbt_project.yml").write_text(PROJECT)
    profiles = {"acme": {"target": "dev", "outputs": {"dev": profile(house)}}}
    (folder / "profiles.yml").write_text(json.dumps(profiles))
    (folder / "models/calls.sql").write_text(MODEL)
    for words in (("parse", "--warn-error"), ("build", "--warn-error"), ("source", "freshness")):
        told = dbt(folder, *words)
        assert told.returncode == 0, told.stdout + told.stderr
    found = json.loads((folder / "target/sources.json").read_text())["results"]
    status = {one["unique_id"].rpartition(".")[2]: one["status"] for one in found}
    # no clock says that a table of one event or one that loads when a run ends is late
    assert status == {"users": "pass", "identifies": "pass", "tracks": "pass"}
    newest = {one["unique_id"].rpartition(".")[2]: one["max_loaded_at"] for one in found}
    assert datetime.now(UTC) - datetime.fromisoformat(newest["users"]) < timedelta(minutes=10)
    manifest = json.loads((folder / "target/manifest.json").read_text())
    users = manifest["sources"]["source.acme.engage_default.users"]
    assert users["columns"]["total_revenue_180_days"]["data_type"] == "decimal(18,2)"
    assert house.query(
        'SELECT id, calls FROM "dbt"."calls"' if "postgres" in house.warehouse else "SELECT id, calls FROM main.calls"
    ) == [("u123", 2)]
