"""The shape of plan_1000_tables.py in other tools: 1,000 things of 20 attributes, applied, then planned again.

Neither does what engagectl's plan does: terraform_data has nothing behind it to read, and sqlmesh plans queries. The
figures say what a person waits for who asks "would anything change?" in a project of this size.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TYPES = ("TEXT", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DECIMAL(18, 2)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How it is prepared, what is measured, and what that says when nothing would change."""

    folder: Path
    version: str
    prepare: Sequence[Sequence[str]]
    plan: Sequence[str]
    says: str
    env: Mapping[str, str]


def terraform(folder: Path, things: int, attributes: int) -> Peer | str:
    """Write a project; or say why it cannot run. terraform_data is part of terraform: no provider is downloaded."""
    program = shutil.which("terraform")
    if program is None:
        return "not installed"
    folder.mkdir()
    values = "\n".join(f'    field_{number} = "value {number}"' for number in range(attributes))
    for file in range(10):
        text = "\n".join(
            f'resource "terraform_data" "act_{number:04d}" {{\n  input = {{\n{values}\n  }}\n}}'
            for number in range(file, things, 10)
        )
        (folder / f"team_{file}.tf").write_text(text + "\n")
    plain = ("-input=false", "-no-color")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    return Peer(
        folder=folder,
        version=_version(program, "version", env=env),
        prepare=((program, "init", *plain), (program, "apply", "-auto-approve", *plain)),
        plan=(program, "plan", *plain),
        says="No changes.",
        env=env,
    )


def sqlmesh(folder: Path, things: int, attributes: int, *, program: Path) -> Peer | str:
    """The same for sqlmesh, installed in an environment of its own: models of one SELECT each, on DuckDB."""
    if not program.is_file():
        return "not installed"
    (folder / "models").mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "gateways: {local: {connection: {type: duckdb, database: ./db.duckdb}}}\n"
        "default_gateway: local\nmodel_defaults: {dialect: duckdb, start: 2024-01-01}\n"
    )
    columns = ",\n  ".join(
        f"CAST(NULL AS {TYPES[number % len(TYPES)]}) AS field_{number}" for number in range(attributes)
    )
    for number in range(things):
        (folder / f"models/act_{number:04d}.sql").write_text(
            f"MODEL (name demo.act_{number:04d}, kind FULL);\n\nSELECT\n  {columns}\n"
        )
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
        "MAX_FORK_WORKERS": "1",  # its models are then loaded by the process that is measured
        "NO_COLOR": "1",
    }
    plan = (str(program), "--log-file-dir", str(folder / "logs"), "plan", "--no-prompts", "--skip-tests")
    return Peer(
        folder=folder,
        version=f"sqlmesh {_version(str(program), '--version', env=env)}",
        prepare=((*plan, "--auto-apply"),),
        plan=plan,
        says="No changes to plan",
        env=env,
    )


def _version(program: str, word: str, *, env: Mapping[str, str]) -> str:
    told = subprocess.run([program, word], env=env, capture_output=True, text=True, check=True)
    return told.stdout.strip().partition("\n")[0]
