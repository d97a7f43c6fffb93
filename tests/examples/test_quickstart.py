"""The quickstart that people read is the one that `init` and `demo` write."""

import json
from pathlib import Path

import pytest

from engagectl.cli.app import run
from engagectl.config.project import load_project

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "engagectl" / "templates" / "quickstart"


def _contents(folder: Path) -> dict[str, bytes]:
    made_by_running = {"build", ".engagectl"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not made_by_running & set(path.relative_to(folder).parts)
    }


@pytest.mark.parametrize("name", ["quickstart", "full"])
def test_the_example_is_the_template(name: str) -> None:
    assert _contents(ROOT / "examples" / name) == _contents(ROOT / "engagectl" / "templates" / name)


def test_the_sample_data_shows_duplicates_and_one_broken_line() -> None:
    good, bad = [], 0
    for line in (TEMPLATE / "data/engage/events.jsonl").read_text().splitlines():
        try:
            good.append(json.loads(line))
        except ValueError:
            bad += 1
    assert bad == 1
    assert len(good) - len({message["messageId"] for message in good}) == 4
    assert [(m["type"], m.get("event")) for m in good if m.get("userId") == "u123"][:5] == [
        ("identify", None),
        ("identify", None),
        ("track", "Audience Entered"),
        ("track", "Trait Computed"),
        ("track", "Audience Exited"),
    ]


@pytest.mark.parametrize("name", ["quickstart", "full"])
def test_examples_load_without_errors_in_every_target(name: str) -> None:
    root = ROOT / "examples" / name
    for target in load_project(root).spec.targets:
        assert [one for one in load_project(root, target=target).diagnostics if one.severity != "info"] == []


@pytest.mark.parametrize("name", ["quickstart", "full"])
def test_examples_are_in_the_one_layout(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(ROOT / "examples" / name), "fmt", "--check"]) == 0, capsys.readouterr().out
