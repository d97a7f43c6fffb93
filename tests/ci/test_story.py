"""The whole story of a repository on a code host: plans as comments, approved applies, drift and its issue."""

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engagectl import api
from engagectl.cli.app import run
from tests.ci.server import TOKEN, Repository, github_of, served, store_of
from tests.scenarios.house import SPACE, House

PHONE = "  phone: {space: default, kind: sql, type: string}\n"
SCORE = "  churn_score: {space: default, kind: ml, type: float}\n"


def yaml(*traits: str) -> str:
    head, _, tail = SPACE.partition("audiences:\n")
    return head + "".join(traits) + "audiences:\n" + tail


@dataclass
class Story:
    """A clone of the repository, the host, and the jobs that run on pull requests and merges."""

    house: House
    host: Repository
    folder: Path
    patch: pytest.MonkeyPatch

    def git(self, *words: str) -> str:
        named = ["git", "-C", str(self.house.root), "-c", "user.name=t", "-c", "user.email=t@example.com"]
        return subprocess.run([*named, *words], check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str, message: str) -> str:
        (self.house.root / "engage/space.yaml").write_text(text)
        self.git("commit", "-qam", message)
        return self.git("rev-parse", "HEAD")

    def at(self, commit: str, event: dict[str, object]) -> None:
        (self.folder / "event.json").write_text(json.dumps(event))
        self.patch.setenv("GITHUB_SHA", commit)

    def pull_request(self, number: int, yaml_text: str) -> str:
        """Open a pull request from main; its job plans, comments and keeps the plan. Return the branch's commit."""
        self.git("checkout", "-q", "-b", f"pr{number}", "main")
        head = self.commit(yaml_text, f"change {number}")
        self.at(head, {"pull_request": {"number": number}})
        out = self.folder / f"{number}.json"
        assert (
            run(["plan", "--trusted-base", "main", "--out", str(out), "--markdown", str(out.with_suffix(".md"))]) == 0
        )
        assert run(["ci", "comment", "--body-file", str(out.with_suffix(".md")), "--marker", "plan:dev"]) == 0
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.write(out, "plan.json")
        self.host.artifacts.append({"id": number, "name": f"engage-plan-{head}", "expired": False, "created_at": ""})
        self.host.blobs[f"/{number}.zip"] = memory.getvalue()
        self.git("checkout", "-q", "main")
        return head

    def squash(self, number: int, head: str, text: str) -> None:
        """Merge a pull request as one new commit of main."""
        merged = self.commit(text, f"change {number} (#{number})")
        self.host.commits.append(merged)
        self.host.pulls[merged] = [{"number": number, "merged_at": "2026-01-01", "head": {"sha": head}}]
        self.at(merged, {})

    def apply_job(self) -> int:
        approved = self.folder / f"approved{len(self.host.commits)}"
        assert run(["ci", "fetch-plan", "--since-applied", "--out", str(approved)]) == 0
        report = str(self.folder / "apply.json")
        code = run(["apply", *sorted(map(str, approved.glob("*.json"))), "--yes", "--report", report])
        assert run(["ci", "comment", "--report", report, "--marker", "apply:dev", "--new-comment"]) == 0
        return code

    def nightly(self) -> str:
        report = str(self.folder / "drift.json")
        assert run(["drift", "--detailed-exitcode", "--report", report]) in (0, 2)
        assert run(["ci", "issue", "--report", report, "--label", "engage-drift"]) == 0
        return self.host.issues[-1]["state"] if self.host.issues else "none"


@pytest.fixture
def story(house: House, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    host, folder = Repository(), tmp_path_factory.mktemp("runner")
    for name in ("CI_PROJECT_ID", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    house.write(yaml())
    (house.root / ".gitignore").write_text("*.duckdb*\n")
    monkeypatch.chdir(house.root)
    with served(github_of(host)) as address, served(store_of(host)) as store:
        host.store = store
        for name, value in {
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": "acme/data",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
        }.items():
            monkeypatch.setenv(name, value)
        told = Story(house, host, folder, monkeypatch)
        told.git("init", "-q", "-b", "main")
        told.git("add", "-A")
        told.git("commit", "-qm", "first")
        host.commits.append(told.git("rev-parse", "--short=12", "HEAD"))
        yield told


def test_from_a_pull_request_to_a_closed_issue(story: Story) -> None:
    house, host = story.house, story.host
    assert run(["apply", "--yes"]) == 0

    phone = story.pull_request(1, yaml(PHONE))
    score = story.pull_request(2, yaml(SCORE))
    assert "column.engage_default.users.phone" in host.comments[1][0]["body"]
    assert "column.engage_default.users.churn_score" in host.comments[2][0]["body"]

    story.squash(1, phone, yaml(PHONE))  # its apply job is skipped
    story.squash(2, score, yaml(PHONE, SCORE))  # and caught up by this one
    assert story.apply_job() == 0
    assert "| `done` |" in host.comments[2][-1]["body"]
    assert house.plan().steps == ()
    assert story.nightly() == "none"

    with api.connected(house.project, command="test", read_only=False) as connections:
        connections["local"].execute("ALTER TABLE engage_default.users DROP COLUMN phone")
    assert story.nightly() == "open"
    assert "phone" in host.issues[0]["body"]
    assert story.nightly() == "open"

    fix = story.pull_request(3, yaml(PHONE, SCORE) + "# a word beside it\n")
    story.squash(3, fix, yaml(PHONE, SCORE) + "# a word beside it\n")
    assert story.apply_job() == 0
    assert story.nightly() == "closed"
    assert len(host.issues) == 1
    assert host.leaked == []


def test_a_merge_without_an_approved_plan_stops(story: Story) -> None:
    assert run(["apply", "--yes"]) == 0
    story.git("checkout", "-q", "main")
    story.squash(9, "0" * 40, yaml(PHONE))
    assert story.apply_job() == 4
    assert "**failed**" in story.host.comments[9][-1]["body"]
    assert len(story.house.plan().steps) > 0


def test_each_owner_follows_an_issue_of_what_they_declared(story: Story) -> None:
    house, host = story.house, story.host
    phone = PHONE.replace("type: string}", "type: string, owner: growth}")
    score = SCORE.replace("type: float}", "type: float, owner: sales}")
    story.at(story.commit(yaml(phone, score), "owners"), {})
    assert run(["apply", "--yes"]) == 0

    def nightly() -> dict[str, str]:
        report = str(story.folder / "drift.json")
        assert run(["drift", "--detailed-exitcode", "--report", report]) in (0, 2)
        assert run(["ci", "issue", "--report", report, "--label", "engage-drift", "--one-per", "owner"]) == 0
        return {one["title"].rpartition("(")[2].rstrip(")"): one["state"] for one in host.issues}

    assert nightly() == {}
    house.execute("ALTER TABLE engage_default.users DROP COLUMN phone")
    assert nightly() == {"growth": "open"}
    house.execute("ALTER TABLE engage_default.users DROP COLUMN churn_score")
    assert nightly() == {"growth": "open", "sales": "open"}
    assert "churn_score" not in host.issues[0]["body"]
    house.execute("ALTER TABLE engage_default.identifies DROP COLUMN phone")
    assert nightly() == {"growth": "open", "sales": "open"}
    assert "identifies.phone" in host.issues[0]["body"]
    house.execute("ALTER TABLE engage_default.identifies ADD COLUMN phone TEXT")
    assert nightly() == {"growth": "open", "sales": "open"}
    assert "identifies.phone" not in host.issues[0]["body"]
    assert run(["apply", "--yes"]) == 0
    assert nightly() == {"growth": "closed", "sales": "closed"}


def test_what_segment_manages_has_an_issue_too(story: Story) -> None:
    theirs = yaml().replace("slug: default,", "slug: default, managed_by: segment,")
    story.at(story.commit(theirs, "theirs"), {})
    assert story.nightly() == "open"
    body = story.host.issues[0]["body"]
    assert body.count("there is no schema engage_default; Segment manages it") == 1
    assert "1 difference in what Segment manages" in body
