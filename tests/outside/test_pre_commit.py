"""A real pre-commit installs our hooks from the repository and runs them in another one."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.house import SPACE, House

pytestmark = pytest.mark.pre_commit
PRE_COMMIT = os.environ.get("ENGAGECTL_TEST_PRE_COMMIT", "")
OURS = Path(__file__).parents[2]


def test_the_hooks_check_and_format_what_is_committed(tmp_path: Path) -> None:
    assert PRE_COMMIT, "make test-pre-commit sets ENGAGECTL_TEST_PRE_COMMIT"
    house = House(tmp_path / "project", "    type: duckdb\n    path: ./acme.duckdb\n")
    house.root.mkdir()
    house.write(SPACE)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"}

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=house.root, env=environment, capture_output=True, text=True, timeout=280, check=False
        )

    def hook(name: str) -> subprocess.CompletedProcess[str]:
        call("git", "add", "-A")
        return call(PRE_COMMIT, "run", name, "--all-files")

    call("git", "init", "-q")
    head = subprocess.run(["git", "-C", str(OURS), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    config = f"repos:\n  - repo: {OURS}\n    rev: {head.stdout.strip()}\n"
    config += "    hooks: [{id: engagectl-validate}, {id: engagectl-fmt}]\n"
    (house.root / ".pre-commit-config.yaml").write_text(config)
    validated = hook("engagectl-validate")
    assert validated.returncode == 0, validated.stdout + validated.stderr
    first = hook("engagectl-fmt")  # it writes the files in one layout, and pre-commit says so
    assert (first.returncode, "files were modified by this hook" in first.stdout) == (1, True)
    assert hook("engagectl-fmt").returncode == 0
    house.write(SPACE.replace("kind: profile", "kind: profil"))
    refused = hook("engagectl-validate")
    assert refused.returncode == 1
    assert "EC1" in refused.stdout
    assert "engage/space.yaml:" in refused.stdout
