"""Drift, told for people and machines, of a real file that somebody changed by hand."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from engagectl import api
from engagectl.cli.app import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart"


@pytest.fixture
def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    api.apply_plan(api.open_project(Path()), confirm=lambda _: True)
    return tmp_path / "project"


def changed(root: Path) -> None:
    (database,) = (root / "build").glob("*.duckdb")
    with duckdb.connect(str(database)) as db:
        db.execute("ALTER TABLE engage_default.users DROP COLUMN first_time_shopper")
        db.execute("ALTER TABLE engage_default.tracks ALTER context_ip TYPE INTEGER")
        db.execute("CREATE TABLE engage_default.stray (a INTEGER)")


def test_no_drift_says_so(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "--detailed-exitcode"]) == 0
    assert "No drift. Every warehouse is as it was applied." in capsys.readouterr().out


def test_drift_names_what_is_missing_changed_and_not_ours(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(applied)
    assert run(["drift", "--detailed-exitcode", "--markdown", "drift.md"]) == 2
    out = capsys.readouterr().out
    assert "- column.engage_default.users.first_time_shopper  is gone (audience.first_time_shopper)" in out
    assert "~ column.engage_default.tracks.context_ip  was applied as string, is " in out
    assert "table.engage_default.stray" in out
    assert "apply" in out.splitlines()[-1]
    text = (applied / "drift.md").read_text()
    assert text.startswith("<!-- engagectl:drift:acme_engage:dev -->\n")
    assert "| `local` | `column.engage_default.users.first_time_shopper` | is gone |" in text


def test_drift_as_json_counts_and_lists(applied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(applied)
    assert run(["drift", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["summary"] == {"missing": 1, "changed": 1, "segment": 0, "unmanaged": 1}
    (part,) = document["warehouses"]
    assert part["missing"] == [
        {
            "address": "local/column.engage_default.users.first_time_shopper",
            "fed_by": ["audience.first_time_shopper"],
            "owner": "data-platform",
            "applied": "boolean",
            "found": None,
        }
    ]
    assert [one["address"] for one in part["unmanaged"]] == ["local/table.engage_default.stray"]
