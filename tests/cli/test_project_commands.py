"""The commands that meet a warehouse, on the quickstart project and its DuckDB file."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.cli.inside import run
from tests.cli.test_command_line import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    assert run("init", str(folder)).code == 0
    return folder


def test_plan_writes_nothing_and_can_say_that_there_are_changes(project: Path) -> None:
    files = {path for path in project.rglob("*") if path.is_file()}
    assert run("-C", str(project), "plan").code == 0
    assert run("-C", str(project), "plan", "--detailed-exitcode").code == 2
    assert run("-C", str(project), "plan", "--offline", "--sql").code == 0
    assert {path for path in project.rglob("*") if path.is_file()} == files


def test_apply_without_a_terminal_refuses_and_names_the_flag(project: Path) -> None:
    done = run("-C", str(project), "apply")
    assert done.code == 4
    assert "--yes" in done.err
    assert run("-C", str(project), "plan", "--detailed-exitcode").code == 2


def test_apply_then_plan_and_drift_find_nothing(project: Path) -> None:
    assert run("-C", str(project), "apply", "--yes").code == 0
    for command in ("plan", "drift"):
        done = run("-C", str(project), command, "--detailed-exitcode")
        assert done.code == 0, done.out + done.err
    again = run("-C", str(project), "apply")
    assert again.code == 0
    assert "No changes" in again.out
    assert "apply" in run("-C", str(project), "history").out


def test_an_approved_plan_file_needs_no_question_and_goes_stale(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert run("-C", str(project), "plan", "--out", str(file)).code == 0
    assert run("show", str(file)).code == 0
    assert run("-C", str(project), "apply", str(file)).code == 0
    file.write_text(file.read_text().replace("engage_default", "elsewhere"))
    edited = run("-C", str(project), "apply", str(file))
    assert edited.code == 4
    assert "Traceback" not in edited.err


def test_before_the_first_apply_sync_and_drift_refuse(project: Path) -> None:
    for command in ("sync", "drift"):
        done = run("-C", str(project), command)
        assert done.code == 4, (command, done.err)
        assert "engagectl apply" in done.err


def test_json_of_every_project_command_is_one_document(project: Path) -> None:
    for words in (
        ("plan",),
        ("apply", "--yes"),
        ("drift",),
        ("history",),
        ("doctor",),
        ("quarantine", "list"),
        ("quarantine", "replay"),
    ):
        done = run("-C", str(project), "--json", *words)
        document = json.loads(done.out)
        assert document["schema"].startswith("engagectl/"), words
        assert document["ok"] is (done.code == 0), (words, done.err)


def test_no_colour_when_piped_and_colour_when_asked(project: Path) -> None:
    assert "\x1b" not in run("-C", str(project), "plan").out
    assert "\x1b[" in run("-C", str(project), "plan", env={"FORCE_COLOR": "1"}).out
    assert "\x1b" not in run("-C", str(project), "plan", "--color=never", env={"FORCE_COLOR": "1"}).out


def test_the_yaml_of_the_readme_is_valid_and_its_commands_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    yaml = re.search(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert yaml is not None
    (tmp_path / "engagectl.yaml").write_text(yaml[1])
    done = run("-C", str(tmp_path), "validate")
    assert done.code == 0, done.err
    assert run("-C", str(tmp_path), "plan").code == 0
    for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
        assert f"\n{target}: " in (ROOT / "Makefile").read_text()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(re.findall(r"`engagectl (init [^`]*)`", text)[0])
    assert run(*words).code == 0


def test_show_tells_of_a_declared_thing_a_feed_and_a_table(project: Path) -> None:
    shown = run("-C", str(project), "show", "activation.vip_membership", "--json")
    resource = json.loads(shown.out)["resource"]
    assert resource["owner"] == "growth"
    assert resource["feeds"][0]["tables"] == ["default.vip_account_membership"]
    assert "first_time_shopper" in run("-C", str(project), "show", "table.engage_default.users").out
    assert run("-C", str(project), "show", "activation.nothing").code == 64


def test_sql_prints_what_makes_a_table(project: Path) -> None:
    assert (
        'CREATE TABLE IF NOT EXISTS "engage_default"."users"'
        in run("-C", str(project), "sql", "table.engage_default.users").out
    )


def test_demo_shows_rows_and_ends_with_nothing_to_do(tmp_path: Path) -> None:
    done = run("demo", "--keep", str(tmp_path / "demo"))
    assert done.code == 0, done.err
    first, _, second = done.out.partition("engagectl plan, again")
    assert "u123" in first
    assert "No changes" in second
    assert "No drift." in second
    assert all(number == "0" for number in re.findall(r"inserted ([0-9,]+)", second))
    assert any(number != "0" for number in re.findall(r"inserted ([0-9,]+)", first))


@pytest.mark.parametrize("command", ["plan", "apply", "sync", "drift", "status", "history", "quarantine"])
def test_every_command_keeps_to_the_warehouse_that_a_flag_names(project: Path, command: str) -> None:
    done = run("-C", str(project), command, "-w", "nowhere")
    assert done.code == 64
    assert "warehouses of this target: local" in done.err


def test_a_sync_that_has_nothing_to_load_exits_as_it_is_told(project: Path) -> None:
    assert run("-C", str(project), "apply", "--yes").code == 0
    first = run("-C", str(project), "sync", "--due", "--complete", "data/*", "--skip-exit-code", "99")
    assert first.code == 0, first.err
    again = run("-C", str(project), "sync", "--due", "--skip-exit-code", "99")
    assert (again.code, again.out) == (99, "Nothing is due. When it is: engagectl status\n")
    assert run("-C", str(project), "sync", "--due").code == 0
    assert run("-C", str(project), "sync", "--skip-exit-code", "99").code == 99
    assert run("-C", str(project), "sync", "--skip-exit-code", "256").code == 64


def test_purge_forgets_only_what_it_is_told_to(project: Path) -> None:
    run("-C", str(project), "apply", "--yes")
    assert run("-C", str(project), "quarantine", "purge").code == 64
    assert run("-C", str(project), "quarantine", "purge", "--older-than", "soon").code == 64
    done = run("-C", str(project), "--json", "quarantine", "purge", "--older-than", "30d")
    assert (done.code, json.loads(done.out)["purged"]) == (0, 0)
