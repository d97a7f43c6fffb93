"""Every command's JSON document, in success and in failure, is what its schema says; stdout holds nothing else."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engagectl.cli.registry import COMMANDS
from engagectl.config.json_schema import schema_text
from engagectl.show.documents import DOCUMENTS, document_schema, document_schema_text
from tests.cli.inside import Done, run

ROOT = Path(__file__).parents[2]


def _checked(done: Done, command: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.out)
    jsonschema.Draft202012Validator(document_schema(command)).validate(document)
    assert document["ok"] is (done.code in (0, 2)), done.err
    return document


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was planned, applied and synced, by its path; the plan file lies beside it."""
    folder = tmp_path_factory.mktemp("loaded")
    project = str(folder / "project")
    _checked(run("init", project, "--json"), "init")
    _checked(run("-C", project, "plan", "--json", "--out", str(folder / "plan.json")), "plan")
    applied = _checked(run("-C", project, "apply", "--yes", "--then-sync", "--json"), "apply")
    assert applied["sync"]["feeds"]
    return folder


SUCCESS = [
    ("plan",),
    ("plan", "--offline", "--detailed-exitcode"),
    ("apply",),
    ("sync",),
    ("drift",),
    ("status",),
    ("history",),
    ("doctor",),
    ("unlock",),
    ("show", "activation.vip_membership"),
    ("show", "PLAN"),
    ("sql", "table.engage_default.users"),
    ("graph",),
    ("docs",),
    ("export", "dbt-sources"),
    ("schema",),
    ("schema", "plan"),
    ("schema", "--write"),
    ("explain", "EC104"),
    ("quarantine", "list"),
    ("erase", "--user", "u123", "--dry-run"),
    ("validate",),
    ("import",),
    ("compare", "engage_default", "default"),
    ("inspect",),
    ("fmt", "--diff"),
    ("completion", "zsh"),
    ("version",),
    ("demo",),
]


@pytest.mark.parametrize("words", SUCCESS, ids=" ".join)
def test_success(loaded: Path, words: tuple[str, ...]) -> None:
    given = [str(loaded / "plan.json") if word == "PLAN" else word for word in words]
    done = run("-C", str(loaded / "project"), "--json", *given)
    assert done.code in (0, 2), done.err
    _checked(done, words[0])


def test_every_described_command_is_run_here() -> None:
    elsewhere = {"init", "ci", "disown"}  # an empty folder; tests/ci, beside a code host; tests/inspect
    assert {words[0] for words in SUCCESS} | elsewhere == set(DOCUMENTS)
    assert set(DOCUMENTS) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_failure(tmp_path: Path, command: str) -> None:
    done = run(command, "--json", "--no-such-flag")
    assert done.code == 64
    assert _checked(done, command)["diagnostics"][0]["code"] == "EC064"


@pytest.mark.parametrize("command", ["plan", "apply", "sync", "drift", "status", "history", "doctor", "validate"])
def test_failure_of_the_configuration(tmp_path: Path, command: str) -> None:
    (tmp_path / "engagectl.yaml").write_text("version: 1\nproject: [\n")
    document = _checked(run("-C", str(tmp_path), "--json", command), command)
    assert document["diagnostics"][0]["place"]["line"] == 3


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_shipped_schemas_are_current(command: str) -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema(command))
    shipped = ROOT / "schemas" / f"{command}.schema.json"
    assert shipped.read_text() == document_schema_text(command), "make schemas"


def test_the_shipped_schema_of_the_yaml_is_current() -> None:
    assert (ROOT / "schemas/engagectl.schema.json").read_text() == schema_text(), "make schemas"
