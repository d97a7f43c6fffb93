"""Findings in the forms of code hosts, and through `validate`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engagectl.errors import Diagnostic, Place
from engagectl.show.as_github import as_github
from engagectl.show.as_gitlab import as_gitlab
from engagectl.show.as_sarif import as_sarif
from tests.cli.inside import run

HOSTILE = Diagnostic(
    code="EC104",
    severity="error",
    message="100% `a::b`\n::set-env name=X::1, two",
    place=Place("a dir/b,c:d.yaml", 3, 5, 3, 9),
    help=("line\rend",),
    related=((Place("other.yaml", 1, 1, 1, 2), "first here"),),
)
NOWHERE = Diagnostic(code="EC021", severity="warning", message="no project")


def test_github_annotations_hold_one_line_each_whatever_is_in_them() -> None:
    first, second = as_github([HOSTILE, NOWHERE], prefix="sub/").split("\n")
    head, _, text = first.removeprefix("::").partition("::")
    assert head == "error title=EC104,file=sub/a dir/b%2Cc%3Ad.yaml,line=3,col=5,endLine=3,endColumn=9"
    assert text.startswith("100%25 `a::b`%0A::set-env")
    assert "%0Aline%0Dend%0A" in text
    assert second.startswith("::warning title=EC021::no project")


def test_gitlab_fingerprints_stay_when_a_line_moves_and_differ_otherwise() -> None:
    moved = Diagnostic(code="EC104", severity="error", message=HOSTILE.message, place=Place("a dir/b,c:d.yaml", 9, 5))
    (one, twin, nowhere) = as_gitlab([HOSTILE, HOSTILE, NOWHERE])
    assert as_gitlab([moved])[0]["fingerprint"] == one["fingerprint"]
    assert len({one["fingerprint"], twin["fingerprint"], nowhere["fingerprint"]}) == 3
    assert one["severity"] == "critical"
    assert nowhere["location"] == {"path": "engagectl.yaml", "lines": {"begin": 1}}


# The required fields and closed sets of sarif-schema-2.1.0.json that concern what we write.
_REGION = {
    "type": "object",
    "properties": {
        name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
    "additionalProperties": False,
}
_PHYSICAL = {
    "type": "object",
    "properties": {
        "artifactLocation": {
            "type": "object",
            "properties": {"uri": {"type": "string", "pattern": "^[A-Za-z0-9._~/%-]+$"}},
            "required": ["uri"],
            "additionalProperties": False,
        },
        "region": _REGION,
    },
    "required": ["artifactLocation"],
    "additionalProperties": False,
}
_MESSAGE = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_LOCATION = {
    "type": "object",
    "properties": {"physicalLocation": _PHYSICAL, "message": _MESSAGE},
    "additionalProperties": False,
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {"shortDescription": _MESSAGE, "help": _MESSAGE},
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": _MESSAGE,
                                "locations": {"type": "array", "items": _LOCATION},
                                "relatedLocations": {"type": "array", "items": _LOCATION},
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_sarif_has_what_its_schema_requires() -> None:
    log = as_sarif([HOSTILE, NOWHERE, HOSTILE], prefix="sub/")
    jsonschema.validate(log, SARIF)
    (one_run,) = log["runs"]
    for result in one_run["results"]:
        assert one_run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert one_run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endLine": 3,
        "endColumn": 9,
    }
    assert one_run["results"][1]["locations"] == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the quickstart in `sub/`, committed with one error in it."""
    root = tmp_path / "sub"
    assert run("init", str(root)).code == 0
    _change(root / "engagectl.yaml", "every: 1h", "evry: 1h")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)
    return root


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "gitlab", "sarif"])
def test_validate_writes_every_form_on_stdout(repository: Path, form: str) -> None:
    done = run("-C", str(repository), "validate", "--output-format", form)
    assert done.code == 3
    assert done.err == ""
    assert "EC104" in done.out
    found: Any = json.loads(done.out) if form in ("json", "gitlab", "sarif") else None
    match form:
        case "json":
            assert found["schema"] == "engagectl/validate/1"
        case "github":
            assert "file=sub/engagectl.yaml,line=15" in done.out
        case "gitlab":
            assert found[0]["location"] == {"path": "sub/engagectl.yaml", "lines": {"begin": 15}}
        case "sarif":
            jsonschema.validate(found, SARIF)
        case _:
            assert "Found 1 error in 1 file. Nothing was sent to a warehouse." in done.out


def test_since_tells_only_what_is_new(repository: Path) -> None:
    assert run("-C", str(repository), "validate", "--since", "HEAD").code == 0
    file = repository / "engage/growth.yaml"
    file.write_text("# one line more\n" + file.read_text())
    _change(repository / "engagectl.yaml", "include:", "# moved\ninclude:")
    assert run("-C", str(repository), "validate", "--since", "HEAD").code == 0
    _change(file, "table: cart_recovery_steps", "tabel: cart_recovery_steps")
    done = run("-C", str(repository), "validate", "--since", "HEAD", "--output-format", "concise")
    assert done.code == 3
    assert "tabel" in done.out
    assert "evry" not in done.out
    assert run("-C", str(repository), "validate", "--since", "nowhere").code == 64
    assert run("-C", str(repository), "validate", "--since=--output=x").code == 64


def test_files_narrow_what_is_told(repository: Path) -> None:
    _change(repository / "engage/growth.yaml", "table: cart_recovery_steps", "tabel: cart_recovery_steps")
    done = run("validate", str(repository / "engage/growth.yaml"), "--output-format", "concise")
    assert done.code == 3
    assert "tabel" in done.out
    assert "evry" not in done.out
    assert run("validate", str(repository / "engage/default_space.yaml")).code == 0
    assert run("validate", str(repository / "engage/nothing.yaml")).code == 64


def test_a_refused_apply_shows_the_line_that_asks_for_it(tmp_path: Path) -> None:
    root = tmp_path / "project"
    assert run("init", str(root)).code == 0
    assert run("-C", str(root), "apply", "--yes").code == 0
    _change(root / "engage/growth.yaml", "audience: vip_accounts", "audience: first_time_shopper")
    _change(root / "engage/growth.yaml", ", entity_added, entity_removed]", "]")
    done = run("-C", str(root), "apply", "--yes")
    assert done.code == 4, done.err
    assert "error[EC604]" in done.err
    assert "vip_membership:" in done.err
    assert "^^^^" in done.err
