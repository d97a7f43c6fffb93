"""The log: NDJSON events on stderr or in a file, and the files that flags name."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.inside import run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    assert run("init", str(folder)).code == 0
    return folder


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_apply_and_sync_tell_their_events_and_nothing_else_on_stderr(project: Path) -> None:
    done = run("-C", str(project), "apply", "--yes", "--then-sync", "--log-format", "json")
    assert done.code == 0, done.err
    events = _events(done.err)
    names = [event["event"] for event in events]
    assert {"phase_started", "step_started", "sql_executed", "step_finished", "sync_progress"} <= set(names)
    assert names.count("step_started") == names.count("step_finished") > 0
    assert events[-1]["event"] == "summary"
    assert events[-1]["exit_code"] == 0
    assert all(event["at"].endswith("Z") for event in events)
    assert "engage_default.users" in done.out


def test_a_statement_is_told_by_hash_rows_and_time_only(project: Path) -> None:
    done = run("-C", str(project), "apply", "--yes", "--log-format", "json")
    told = [event for event in _events(done.err) if event["event"] == "sql_executed"]
    assert all(set(event) == {"at", "event", "warehouse", "sha256", "rows", "ms"} for event in told)
    document = json.loads(run("-C", str(project), "sql", "table.default.cart_recovery_steps", "--json").out)
    made = {hashlib.sha256(one.encode()).hexdigest() for one in document["statements"]}
    assert made & {event["sha256"] for event in told}
    assert "CREATE TABLE" not in done.err


def test_an_error_is_an_event_too(project: Path) -> None:
    done = run("-C", str(project), "sync", "--log-format=json")
    assert done.code == 4
    by_name = {event["event"]: event for event in _events(done.err)}
    assert by_name["diagnostic"]["code"] == "EC701"
    assert by_name["summary"]["exit_code"] == 4


def test_the_log_file_is_appended_to_and_is_private(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.log"
    assert run("-C", str(project), "apply", "--yes", "--log-file", str(file)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    assert "step_finished" in first
    assert run("-C", str(project), "plan", "--log-file", str(file), "-q").code == 0
    assert file.read_text().startswith(first)
    assert len(file.read_text()) > len(first)


@pytest.mark.parametrize("flag", ["--log-file", "--report"])
def test_a_file_that_cannot_be_written_is_one_error(project: Path, tmp_path: Path, flag: str) -> None:
    for words in (("plan",), ("sync",), ("plan", "--nope")):
        done = run("-C", str(project), *words, flag, str(tmp_path / "nowhere" / "f"))
        assert done.code != 0
        assert "error[EC023]" in done.err, words
        assert "Traceback" not in done.err


def test_the_report_is_written_whole_and_replaced(project: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("old")
    assert run("-C", str(project), "plan", "--report", str(report)).code == 0
    assert json.loads(report.read_text())["schema"] == "engagectl/plan/1"
    assert run("-C", str(project), "sync", "--report", str(report)).code == 4
    assert json.loads(report.read_text())["ok"] is False
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".report")] == []


def test_an_env_file_is_read_only_when_it_is_named(project: Path, tmp_path: Path) -> None:
    root = project / "engagectl.yaml"
    root.write_text(root.read_text().replace("path: ./build/acme.duckdb", "path: {$env: DUCK}"))
    file = project / ".env"
    file.write_text("# of this machine\n\nexport DUCK='build/from_file.duckdb'\n")
    assert run("-C", str(project), "plan").code == 3
    assert run("-C", str(project), "apply", "--yes", "--env-file", str(file)).code == 0
    assert (project / "build/from_file.duckdb").exists()
    other = {"DUCK": "build/other.duckdb"}
    assert run("-C", str(project), "apply", "--yes", "--env-file", str(file), env=other).code == 0
    assert (project / "build/other.duckdb").exists()


@pytest.mark.parametrize("line", ["nonsense", "=x", "A B=1", "ENGAGECTL_TARGET=prod"])
def test_a_wrong_env_file_is_named_by_line_and_not_quoted(tmp_path: Path, line: str) -> None:
    file = tmp_path / "env"
    file.write_text(f"GOOD=1\n{line}hunter2\n")
    done = run("plan", "--env-file", str(file))
    assert done.code == 64
    assert "line 2" in done.err
    assert "hunter2" not in done.err
    assert run("plan", "--env-file", str(tmp_path / "none")).code == 64


def test_variables_come_from_json_and_from_terraform_output(project: Path, tmp_path: Path) -> None:
    root = project / "engagectl.yaml"
    root.write_text(root.read_text().replace("path: ./build/acme.duckdb", "path: {$var: place}"))
    file = tmp_path / "vars.json"
    for content in (
        {"place": "build/a.duckdb"},
        {"place": {"value": "build/a.duckdb", "type": "string", "sensitive": False}},
    ):
        file.write_text(json.dumps(content))
        assert run("-C", str(project), "plan", "--var-file", str(file)).code == 0
    for wrong in (
        {"place": {"value": "hunter2", "type": "string", "sensitive": True}},
        {"place": {"other": 1}},
        ["place"],
    ):
        file.write_text(json.dumps(wrong))
        done = run("-C", str(project), "plan", "--var-file", str(file))
        assert done.code == 64
        assert "hunter2" not in done.all
