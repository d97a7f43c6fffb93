"""The examples, the README's project and the YAML of the documents run from validate to drift."""

import json
import re
import shutil
from pathlib import Path

import pytest

from engagectl.config.project import load_project
from tests.cli.inside import Done, run
from tests.scenarios.house import identify, track

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"EMAIL_HASHING_KEY": "a key of the test, long enough", "ANALYTICS_USER": "u", "ANALYTICS_PASSWORD": "p"}
STORY = (
    ("validate",),
    ("plan", "--detailed-exitcode"),
    ("apply", "--yes"),
    ("plan", "--detailed-exitcode"),
    ("sync",),
    ("status",),
    ("history",),
    ("doctor",),
    ("drift", "--detailed-exitcode"),
)


def play(folder: Path) -> dict[int, Done]:
    """Run the whole story; return what each command said, by its place."""
    return {place: run("-C", str(folder), *words, env=ENVIRONMENT) for place, words in enumerate(STORY)}


def fine(done: dict[int, Done]) -> None:
    for place, one in done.items():
        expected = 2 if place == 1 else 0
        assert one.code == expected, f"{STORY[place]}: {one.out}{one.err}"


@pytest.mark.parametrize("name", ["quickstart", "full"])
def test_an_example_runs_from_validate_to_drift(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / name, tmp_path / name, ignore=shutil.ignore_patterns("build", ".engagectl"))
    done = play(tmp_path / name)
    fine(done)
    inserted = sum(int(text.replace(",", "")) for text in re.findall(r"inserted ([0-9,]+)", done[4].out))
    assert inserted > 0
    assert "left out" not in done[4].out
    again = run("-C", str(tmp_path / name), "sync", "--skip-exit-code", "99", env=ENVIRONMENT)
    assert again.code == 99, again.out


def test_the_project_in_the_readme_runs(tmp_path: Path) -> None:
    (yaml,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "engagectl.yaml").write_text(yaml)
    data = tmp_path / "data/engage/a.jsonl"
    data.parent.mkdir(parents=True)
    entered = {"audience_key": "first_time_shopper", "first_time_shopper": True}
    messages = (identify(1, {"first_time_shopper": True}), track(2, "Audience Entered", entered))
    data.write_text("".join(json.dumps(message) + "\n" for message in messages))
    done = play(tmp_path)
    fine(done)
    assert "engage_default.users  1 rows" in done[4].out
    assert "engage_default.audience_entered  1 rows" in done[4].out


def test_the_commands_that_the_readme_lists_are_there() -> None:
    named = re.findall(r"^\| `([a-z]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {"validate", "plan", "apply", "sync", "drift"} <= set(named)
    for command in named:
        assert run(command, "--help").code == 0


def test_the_schedule_in_its_document_is_valid(tmp_path: Path) -> None:
    (yaml,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/schedule.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "engagectl.yaml").write_text("version: 1\nproject: p\n" + yaml)
    assert load_project(tmp_path).diagnostics == ()
