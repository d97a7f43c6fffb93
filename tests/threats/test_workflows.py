"""The workflows that we ship give a pull request nothing to take."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "examples" / "github").glob("*.yml"))
UNTRUSTED = re.compile(
    r"\$\{\{[^}]*(github\.(event\.(pull_request\.(title|body|head\.(ref|label))|issue|comment|review|commits|head_commit)"
    r"|head_ref)|steps\.[^}]*outputs|inputs\.)[^}]*\}\}"
)


def steps(document: dict[Any, Any]) -> list[dict[str, Any]]:
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_rights_of_its_own(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    events = document[True]  # YAML 1.1 reads `on` as true
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(events)
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert "write-all" not in str(job.get("permissions")), name
        assert set(job["permissions"]) <= {"contents", "pull-requests", "issues", "actions"}, name
        assert job["permissions"].get("contents", "read") == "read", name
        if "pull_request" in events and re.search(r"secrets\.", str(job)):
            assert "head.repo.full_name == github.repository" in job["if"], name


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_nothing_of_a_pull_request_stands_in_a_script(path: Path) -> None:
    for step in steps(yaml.safe_load(path.read_text())):
        assert not UNTRUSTED.search(step.get("run", "")), step
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
