"""A pull request cannot send the plan's credentials elsewhere: --trusted-base compares before anything is connected."""

import subprocess
from pathlib import Path

import pytest

from engagectl.cli.app import run

ROOT = """version: 1
project: acme
default_target: prod
targets:
  prod: {warehouses: {cdp: main}, vars: {file: main}}
warehouses:
  main: {type: duckdb, path: {$var: file}, sync: {every: 1h}}
  other: {type: duckdb, path: ./other.duckdb}
"""


def git(root: Path, *words: str) -> None:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(root), *named, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, reviewed as it is at the tag `reviewed`."""
    root = tmp_path / "warehouse"
    root.mkdir()
    (root / "engagectl.yaml").write_text(ROOT)
    (root / "vars.json").write_text('{"file": "main"}')
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "reviewed")
    monkeypatch.chdir(root)
    return root


def plan(*words: str) -> int:
    return run(["plan", "--trusted-base", "reviewed", *words])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("vars: {file: main}", "vars: {file: evil}", "warehouses.main.path differs"),
        ("path: {$var: file}", "path: ./evil.duckdb", "warehouses.main.path differs"),
        ("{cdp: main}", "{cdp: other}", "the warehouse of cdp differs"),
        ("{cdp: main}", "{cdp: main, lake: other}", "the role lake is new"),
        ("main: {type: duckdb, path: {$var: file}", "main: {type: postgres, dsn: {$env: EVIL}", "main.type differs"),
    ],
)
def test_another_place_is_refused_before_it_is_connected_to(
    repository: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    (repository / "engagectl.yaml").write_text(ROOT.replace(old, new))
    assert plan() == 4
    told = capsys.readouterr().err
    assert "EC613" in told
    assert says in told
    assert "evil" not in told.lower()


def test_a_variables_file_counts_as_it_was_reviewed(repository: Path) -> None:
    assert plan("--var-file", "vars.json") == 0
    (repository / "vars.json").write_text('{"file": "evil"}')
    assert plan("--var-file", "vars.json") == 4


def test_what_is_no_connection_may_change(repository: Path) -> None:
    assert plan() == 0
    (repository / "engagectl.yaml").write_text(ROOT.replace("every: 1h", "every: 15m"))
    assert plan() == 0


def test_a_revision_that_is_not_there_is_a_usage_error(repository: Path) -> None:
    assert run(["plan", "--trusted-base", "nowhere"]) == 64
    assert run(["plan", "--trusted-base=--output=/x"]) == 64
