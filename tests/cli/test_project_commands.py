"""The commands that meet a warehouse, on the quickstart project and its DuckDB file."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.test_command_line import ROOT, engagectl


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    assert engagectl("init", str(folder)).returncode == 0
    return folder


def test_plan_writes_nothing_and_can_say_that_there_are_changes(project: Path) -> None:
    files = {path for path in project.rglob("*") if path.is_file()}
    assert engagectl("-C", str(project), "plan").returncode == 0
    assert engagectl("-C", str(project), "plan", "--detailed-exitcode").returncode == 2
    assert engagectl("-C", str(project), "plan", "--offline", "--sql").returncode == 0
    assert {path for path in project.rglob("*") if path.is_file()} == files


def test_apply_without_a_terminal_refuses_and_names_the_flag(project: Path) -> None:
    done = engagectl("-C", str(project), "apply")
    assert done.returncode == 4
    assert "--yes" in done.stderr
    assert engagectl("-C", str(project), "plan", "--detailed-exitcode").returncode == 2


def test_apply_then_plan_and_drift_find_nothing(project: Path) -> None:
    assert engagectl("-C", str(project), "apply", "--yes").returncode == 0
    for command in ("plan", "drift"):
        done = engagectl("-C", str(project), command, "--detailed-exitcode")
        assert done.returncode == 0, done.stdout + done.stderr
    again = engagectl("-C", str(project), "apply")
    assert again.returncode == 0
    assert "No changes" in again.stdout
    assert "apply" in engagectl("-C", str(project), "history").stdout


def test_an_approved_plan_file_needs_no_question_and_goes_stale(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert engagectl("-C", str(project), "plan", "--out", str(file)).returncode == 0
    assert engagectl("show", str(file)).returncode == 0
    assert engagectl("-C", str(project), "apply", str(file)).returncode == 0
    file.write_text(file.read_text().replace("engage_default", "elsewhere"))
    edited = engagectl("-C", str(project), "apply", str(file))
    assert edited.returncode == 4
    assert "Traceback" not in edited.stderr


def test_before_the_first_apply_sync_and_drift_refuse(project: Path) -> None:
    for command in ("sync", "drift"):
        done = engagectl("-C", str(project), command)
        assert done.returncode == 4, (command, done.stderr)
        assert "engagectl apply" in done.stderr


def test_json_of_every_project_command_is_one_document(project: Path) -> None:
    for words in (("plan",), ("apply", "--yes"), ("drift",), ("history",), ("doctor",), ("quarantine", "list")):
        done = engagectl("-C", str(project), "--json", *words)
        document = json.loads(done.stdout)
        assert document["schema"].startswith("engagectl/"), words
        assert document["ok"] is (done.returncode == 0), (words, done.stderr)


def test_no_colour_when_piped_and_colour_when_asked(project: Path) -> None:
    assert "\x1b" not in engagectl("-C", str(project), "plan").stdout
    assert "\x1b[" in engagectl("-C", str(project), "plan", env={"FORCE_COLOR": "1"}).stdout
    assert "\x1b" not in engagectl("-C", str(project), "plan", "--color=never", env={"FORCE_COLOR": "1"}).stdout


def test_the_yaml_of_the_readme_is_valid_and_its_commands_exist(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    yaml = re.search(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert yaml is not None
    (tmp_path / "engagectl.yaml").write_text(yaml[1])
    done = engagectl("-C", str(tmp_path), "validate")
    assert done.returncode == 0, done.stderr
    assert engagectl("-C", str(tmp_path), "plan").returncode == 0
    for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
        assert f"\n{target}: " in (ROOT / "Makefile").read_text()
    words = shlex.split(re.findall(r"`engagectl (init [^`]*)`", text)[0])
    assert engagectl(*words, cwd=tmp_path).returncode == 0


def test_show_tells_of_a_declared_thing_a_feed_and_a_table(project: Path) -> None:
    shown = engagectl("-C", str(project), "show", "activation.vip_membership", "--json")
    resource = json.loads(shown.stdout)["resource"]
    assert resource["owner"] == "growth"
    assert resource["feeds"][0]["tables"] == ["default.vip_account_membership"]
    assert "first_time_shopper" in engagectl("-C", str(project), "show", "table.engage_default.users").stdout
    assert engagectl("-C", str(project), "show", "activation.nothing").returncode == 64


def test_sql_prints_what_makes_a_table(project: Path) -> None:
    assert (
        'CREATE TABLE IF NOT EXISTS "engage_default"."users"'
        in engagectl("-C", str(project), "sql", "table.engage_default.users").stdout
    )


def test_demo_shows_rows_and_ends_with_nothing_to_do(tmp_path: Path) -> None:
    done = engagectl("demo", "--keep", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stderr
    first, _, second = done.stdout.partition("engagectl plan, again")
    assert "u123" in first
    assert "No changes" in second
    assert "No drift." in second
    assert all(number == "0" for number in re.findall(r"inserted ([0-9,]+)", second))
    assert any(number != "0" for number in re.findall(r"inserted ([0-9,]+)", first))
