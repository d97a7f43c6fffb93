"""What a real `terraform output -json` says is taken as variables; what it marks as sensitive is not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.inside import run

pytestmark = pytest.mark.terraform
MAIN = """
output "path" { value = "build/acme.duckdb" }
output "schema" { value = "engagectl_prod" }
output "password" {
  value     = "S3CRET-canary"
  sensitive = true
}
output "roles" { value = { plan = "a" } }
"""
PROJECT = """
version: 1
project: acme
default_target: prod
targets:
  prod: {warehouses: {cdp: local}}
warehouses:
  local: {type: duckdb, path: {$var: path}}
"""


def without(leave_out: tuple[str, ...]) -> str:
    blocks = [f'output "{part}' for part in MAIN.split('output "')[1:]]
    return "\n".join(block for block in blocks if block.split('"')[1] not in leave_out)


def terraform(folder: Path, *words: str) -> str:
    program = shutil.which("terraform")
    assert program is not None, "this test needs Terraform"
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    environment.pop("TF_CLI_CONFIG_FILE", None)
    done = subprocess.run(
        [program, f"-chdir={folder}", *words], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_its_outputs_are_our_variables(tmp_path: Path) -> None:
    for name, leave_out in (("all", ()), ("plain", ("password",)), ("usable", ("password", "roles"))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "main.tf").write_text(without(leave_out))
        terraform(folder, "init", "-input=false")
        terraform(folder, "apply", "-auto-approve", "-input=false")
        (tmp_path / f"{name}.json").write_text(terraform(folder, "output", "-json"))
    (tmp_path / "engagectl.yaml").write_text(PROJECT)

    def plan(name: str) -> tuple[int, str]:
        done = run("-C", str(tmp_path), "plan", "--offline", "--var-file", str(tmp_path / f"{name}.json"))
        return done.code, done.all

    assert plan("usable")[0] == 0
    code, told = plan("all")
    assert code == 64
    assert "password in " in told
    assert "S3CRET-canary" not in told
    code, told = plan("plain")
    assert code == 64
    assert "roles in " in told
