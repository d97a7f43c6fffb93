"""What apply did, as Markdown: when it works, when it refuses, and with hostile names in it."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from engagectl.cli.app import run
from engagectl.show.as_markdown_report import report_markdown
from tests.show.builders import HOSTILE

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_apply_writes_what_it_did(project: Path) -> None:
    assert run(["apply", "--yes", "--markdown", "apply.md", "--report", "apply.json"]) == 0
    text = Path("apply.md").read_text()
    assert "### engagectl `apply`: `14 done`" in text
    assert "| `local/table.engage_default.users` | `done` |" in text
    assert report_markdown(json.loads(Path("apply.json").read_text())) == text


def test_a_refused_apply_says_so_too(project: Path) -> None:
    assert run(["plan", "--out", "plan.json"]) == 0
    Path("plan.json").write_text(Path("plan.json").read_text().replace("users", "uzers"))
    assert run(["apply", "plan.json", "--yes", "--markdown", "apply.md"]) == 4
    text = Path("apply.md").read_text()
    assert "**failed** (`4`)" in text
    assert "`EC612`" in text


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_data_becomes_text_and_nothing_else(text: str) -> None:
    entry = {"address": text, "fed_by": [text], "owner": text, "applied": text, "found": text}
    document = {
        "schema": "engagectl/drift/1",
        "engagectl": text,
        "ok": False,
        "summary": {"exit_code": 1, "error": text},
        "diagnostics": [{"severity": "error", "code": "EC500", "message": text, "help": [text]}],
        "warehouses": [{"warehouse": text, "missing": [entry], "changed": [entry]}],
    }
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(report_markdown(document))
    kinds = {one.type for token in tokens for one in (token, *(token.children or []))}
    assert kinds.isdisjoint({"html_inline", "html_block", "link_open", "image"})
