"""The steps of the workflows that we ship, run by a shell as they stand, against a code host and a PostgreSQL."""

import fnmatch
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.ci.server import TOKEN, Repository, github_of, served, store_of
from tests.scenarios.house import SPACE

WORKFLOWS = Path(__file__).parents[2] / "examples" / "github"
ACTION = Path(__file__).parents[2] / "action.yml"
ROOT_FILE = """
version: 1
project: acme
include: ["engage/**/*.yaml"]
default_target: prod
targets:
  prod: {warehouses: {cdp: main}}
warehouses:
  main:
    type: postgres
    dsn: {$env: CDP_DSN}
"""


@dataclass
class Runner:
    """A machine of the code host: a clone, the environment of a job, and what its steps leave behind."""

    clone: Path
    host: Repository
    dsn: str
    environment: dict[str, str]
    summary: Path
    told: list[str] = field(default_factory=list)

    def git(self, *words: str) -> str:
        named = ["git", "-C", str(self.clone), "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
        return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()

    def job(self, file: str, name: str, *, event: dict[str, Any], sha: str) -> bool:
        """Run a job's steps as the host does; tell whether it passed."""
        (self.summary.parent / "event.json").write_text(json.dumps(event))
        steps = yaml.safe_load((WORKFLOWS / file).read_text())["jobs"][name]["steps"]
        passed = True
        for step in steps:
            always = "always()" in step.get("if", "")
            needed = re.findall(r"hashFiles\('([^']+)'\)", step.get("if", ""))
            if not (passed or always) or not all((self.clone / one).exists() for one in needed):
                continue
            if "run" in step:
                passed = self.shell(step["run"], self.said(step.get("env", {})), sha) and passed
            elif "upload-artifact" in step["uses"]:
                self.upload(step["with"]["path"], f"engage-plan-{sha}")
        return passed

    def said(self, env: dict[str, str]) -> dict[str, str]:
        known = {"github.token": TOKEN, "secrets.CDP_DSN": self.dsn, "secrets.CDP_PLAN_DSN": self.dsn}
        return {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known[found[1]], text) for name, text in env.items()}

    def shell(self, run: str, env: dict[str, str], sha: str) -> bool:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run],
            cwd=self.clone,
            env={**self.environment, **env, "GITHUB_SHA": sha},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.told.append(done.stdout + done.stderr)
        assert TOKEN not in done.stdout + done.stderr
        return done.returncode == 0

    def upload(self, pattern: str, name: str) -> None:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            for path in self.clone.iterdir():
                if fnmatch.fnmatch(path.name, pattern):
                    archive.write(path, path.name)
        number = len(self.host.artifacts) + 1
        self.host.artifacts.append({"id": number, "name": name, "expired": False, "created_at": ""})
        self.host.blobs[f"/{number}.zip"] = memory.getvalue()

    def commit(self, text: str, message: str) -> str:
        (self.clone / "engage/space.yaml").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def runner(postgres_dsn: str, tmp_path: Path) -> Iterator[Runner]:
    host, clone = Repository(), tmp_path / "clone"
    (clone / "engage").mkdir(parents=True)
    (clone / "engagectl.yaml").write_text(ROOT_FILE)
    (clone / ".gitignore").write_text("plan.*\napproved/\n*.json\n")
    summary = tmp_path / "summary.md"
    summary.touch()
    with served(github_of(host)) as address, served(store_of(host)) as store:
        host.store = store
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": "acme/data",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_BASE_REF": "main",
        }
        yield Runner(clone, host, postgres_dsn, environment, summary)


@pytest.mark.workflows
def test_pull_request_merge_and_nightly_as_the_workflows_say(runner: Runner) -> None:
    host = runner.host
    runner.git("init", "-q", "-b", "main")
    first = runner.commit(SPACE, "first")
    assert runner.shell("engagectl fmt", {}, first)  # the files as people keep them
    first = runner.commit((runner.clone / "engage/space.yaml").read_text(), "one layout")
    runner.git("update-ref", "refs/remotes/origin/main", "main")
    host.commits.append(first)
    assert runner.shell("engagectl apply --target prod --yes", {"CDP_DSN": runner.dsn}, first), runner.told[-1]

    runner.git("checkout", "-q", "-b", "pr")
    text = (runner.clone / "engage/space.yaml").read_text()
    changed = text.replace("traits:\n", "traits:\n  phone: {space: default, kind: sql, type: string}\n")
    head = runner.commit(changed, "a phone")
    event = {"pull_request": {"number": 7, "head": {"sha": head}}}
    assert runner.job("engage-pr.yml", "validate", event=event, sha=head), runner.told
    assert "compared with the YAML" in runner.summary.read_text()
    assert runner.job("engage-pr.yml", "plan", event=event, sha=head), runner.told
    (comment,) = host.comments[7]
    assert "column.engage_default.users.phone" in comment["body"]

    runner.git("checkout", "-q", "main")
    merged = runner.commit(changed, "a phone (#7)")
    host.commits.append(merged)
    host.pulls[merged] = [{"number": 7, "merged_at": "2026-01-01", "head": {"sha": head}}]
    assert runner.job("engage-apply.yml", "apply", event={}, sha=merged), runner.told
    assert "| `done` |" in host.comments[7][-1]["body"]
    assert "`done`" in runner.summary.read_text()

    assert runner.job("engage-drift.yml", "drift", event={}, sha=merged), runner.told
    assert host.issues == []
    with psycopg.connect(runner.dsn, autocommit=True) as somebody:
        somebody.execute("ALTER TABLE engage_default.users DROP COLUMN phone")
    assert runner.job("engage-drift.yml", "drift", event={}, sha=merged), runner.told
    assert [one["state"] for one in host.issues] == ["open"]
    assert runner.shell("engagectl apply --target prod --yes", {"CDP_DSN": runner.dsn}, merged), runner.told[-1]
    assert runner.job("engage-drift.yml", "drift", event={}, sha=merged), runner.told
    assert [one["state"] for one in host.issues] == ["closed"]
    assert host.leaked == []


@pytest.mark.parametrize(
    ("version", "extras", "wanted"),
    [
        ("", "", "engagectl"),
        ("0.1.0", "postgres", "engagectl[postgres]==0.1.0"),
        (">=0.1,<0.2", "", "engagectl>=0.1,<0.2"),
        ("0.1.0; touch owned", "$(touch owned)", "engagectl[$(touch owned)]==0.1.0; touch owned"),
    ],
)
def test_the_action_installs_what_it_is_asked_for(version: str, extras: str, wanted: str, tmp_path: Path) -> None:
    (step,) = [one for one in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if "run" in one]
    inputs = {"${{ inputs.version }}": version, "${{ inputs.extras }}": extras}
    for name, text in (("python", 'printf "%s\\n" "$@" > asked'), ("engagectl", 'printf "%s\\n" "$@" >> asked')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **{name: inputs[text] for name, text in step["env"].items()}},
        check=True,
        timeout=20,
    )
    assert (tmp_path / "asked").read_text().splitlines() == ["-m", "pip", "install", "--quiet", wanted, "version"]
    assert not (tmp_path / "owned").exists()
