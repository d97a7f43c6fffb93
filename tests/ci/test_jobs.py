"""What jobs do with plans and reports, against the endpoints of the hosts."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engagectl import api
from engagectl.cli.app import run
from engagectl.planfile import read_plan
from tests.ci.server import TOKEN, Repository, github_of, gitlab_of, served, store_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart"


@pytest.fixture
def host() -> Repository:
    return Repository()


@pytest.fixture
def github(host: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A job of a pull request on GitHub."""
    for name in ("CI_PROJECT_ID", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    monkeypatch.chdir(tmp_path)
    with served(github_of(host)) as address, served(store_of(host)) as store:
        host.store = store
        monkeypatch.setenv("GITHUB_API_URL", address)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/data")
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
        monkeypatch.setenv("GITHUB_SHA", "c3")
        yield host


@pytest.fixture
def gitlab(host: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A job of a merge request on GitLab."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.chdir(tmp_path)
    with served(gitlab_of(host)) as address:
        monkeypatch.setenv("CI_API_V4_URL", address)
        monkeypatch.setenv("CI_PROJECT_ID", "7")
        monkeypatch.setenv("CI_MERGE_REQUEST_IID", "12")
        monkeypatch.setenv("ENGAGECTL_GITLAB_TOKEN", TOKEN)
        yield host


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Repository:
    found: Repository = request.getfixturevalue(request.param)
    return found


def drift(*names: str, owner: str = "growth") -> str:
    entries = [
        {"address": f"local/column.{n}", "fed_by": [], "owner": owner, "applied": "boolean", "found": None}
        for n in names
    ]
    part = {"warehouse": "local", "type": "duckdb", "missing": entries, "changed": [], "unmanaged": []}
    head = {"schema": "engagectl/drift/1", "engagectl": "0.1.0", "ok": True, "project": "acme", "target": "prod"}
    document = {**head, "summary": {"missing": len(entries)}, "diagnostics": [], "warehouses": [part]}
    Path("drift.json").write_text(json.dumps(document))
    return "drift.json"


def body_of(issue: dict[str, Any]) -> str:
    return str(issue.get("body") or issue.get("description"))


def test_a_comment_is_kept_in_place(forge: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    forge.comments[12] = [{"id": n, "body": f"chatter {n}", "system": False} for n in range(150)]
    Path("plan.md").write_text("first\n")
    assert run(["ci", "comment", "--body-file", "plan.md", "--marker", "plan:prod"]) == 0
    Path("plan.md").write_text("second\n")
    assert run(["ci", "comment", "--body-file", "plan.md", "--marker", "plan:prod"]) == 0
    assert [one["body"] for one in forge.comments[12][150:]] == ["<!-- engagectl:plan:prod -->\nsecond\n"]
    assert run(["ci", "comment", "--body-file", "plan.md", "--marker", "plan:prod", "--new-comment"]) == 0
    assert len(forge.comments[12]) == 152
    assert "#12: comment updated" in capsys.readouterr().out


def test_a_report_becomes_a_comment(github: Repository) -> None:
    step = {"id": "0" * 64, "address": "local/table.a.b|c", "outcome": "done"}
    document = {"schema": "engagectl/apply/1", "engagectl": "0.1.0", "ok": True, "summary": {"done": 1}}
    Path("apply.json").write_text(json.dumps({**document, "diagnostics": [], "steps": [step]}))
    assert run(["ci", "comment", "--report", "apply.json", "--marker", "apply:prod"]) == 0
    (comment,) = github.comments[12]
    assert "| `local/table.a.b\\|c` | `done` |" in comment["body"]
    assert json.loads(Path("apply.json").read_text())["schema"] == "engagectl/apply/1"


def test_one_issue_lives_as_long_as_the_drift(forge: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    def keep(*names: str) -> str:
        assert run(["ci", "issue", "--report", drift(*names), "--label", "engage-drift"]) == 0
        return capsys.readouterr().out.strip()

    assert keep() == "nothing to do"
    assert keep("a.b.c") == "opened #1"
    assert keep("a.b.c") == "#1 is as it should be"
    assert keep("a.b.c", "a.b.d") == "updated #1"
    assert "a.b.d" in body_of(forge.issues[0])
    assert keep() == "closed #1"
    assert keep() == "nothing to do"
    assert keep("a.b.c") == "reopened #1"
    assert len(forge.issues) == 1


def test_each_owner_has_an_issue_of_its_own(github: Repository) -> None:
    words = ["ci", "issue", "--label", "engage-drift", "--one-per", "owner", "--report"]
    assert run([*words, drift("a.b.c", owner="growth")]) == 0
    assert run([*words, drift("x.y.z", owner="sales")]) == 0
    titles = {one["title"]: one["state"] for one in github.issues}
    assert titles == {"engagectl drift: acme prod (growth)": "closed", "engagectl drift: acme prod (sales)": "open"}


def committed(folder: Path) -> str:
    """Commit the folder; return the commit as an apply records it."""
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    done = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def artifact(host: Repository, head: str, plan: bytes | None, *, id: int, expired: bool = False) -> None:
    host.artifacts.append({"id": id, "name": f"engage-plan-{head}", "expired": expired, "created_at": "2026-01-01"})
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("plan.md", "text")
        if plan is not None:
            archive.writestr("plan.json", plan)
    host.blobs[f"/{id}.zip"] = memory.getvalue()


def test_approved_plans_since_the_last_apply_are_fetched(
    github: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    applied = committed(Path())
    github.commits += [applied, "c1", "c2", "c3"]
    for number, commit in ((10, "c1"), (11, "c2"), (12, "c3")):
        github.pulls[commit] = [{"number": number, "merged_at": "2026-01-01", "head": {"sha": f"h{number}"}}]
    api.apply_plan(api.open_project(Path()), confirm=lambda _: True)
    assert run(["plan", "--out", "made.json"]) == 0
    artifact(github, "h10", Path("made.json").read_bytes(), id=1)
    artifact(github, "h11", None, id=2)
    artifact(github, "h12", b"{}", id=3, expired=True)
    assert run(["ci", "fetch-plan", "--since-applied", "--out", "approved"]) == 0
    out = capsys.readouterr().out
    assert "#10: its plan is approved/10.json" in out
    assert "#11: has no plan, and approves nothing" in out
    assert "#12: has no plan, and approves nothing" in out
    assert read_plan(Path("approved/10.json")).project == "acme_engage"
    assert github.leaked == []


def test_where_nothing_is_approved_only_nothing_can_be_applied(
    github: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    assert run(["ci", "fetch-plan", "--since-applied", "--out", "approved"]) == 0
    assert run(["apply", "approved/nothing.json", "--yes"]) == 4
    api.apply_plan(api.open_project(Path()), confirm=lambda _: True)
    assert run(["apply", "approved/nothing.json", "--yes"]) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_is_told_without_the_token(
    github: Repository, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    github.fail_with = status
    Path("plan.md").write_text("x")
    assert run(["ci", "comment", "--body-file", "plan.md"]) == 1
    told = "".join(capsys.readouterr())
    assert "EC740" in told
    assert str(status) in told
    assert TOKEN not in told


def test_no_host_and_no_token_are_usage_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID", "GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert run(["ci", "comment", "--body-file", "plan.md"]) == 64
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/data")
    assert run(["ci", "comment", "--body-file", "plan.md"]) == 64
    assert "GITHUB_TOKEN" in capsys.readouterr().err
