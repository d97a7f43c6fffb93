"""A plan as machines and reviewers get it, whole: read these files when they change."""

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from engagectl.show.as_html import plan_html
from engagectl.show.as_json import plan_json
from engagectl.show.as_markdown import plan_markdown
from tests.show.test_text import PLAN


class _Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT


class MarkdownFile(_Text):
    file_extension = "md"


class JsonFile(_Text):
    file_extension = "json"


class HtmlFile(_Text):
    file_extension = "html"


def _page() -> str:
    return re.sub(r"<style>.*?</style>", "<style></style>", plan_html(PLAN), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (plan_markdown(PLAN), MarkdownFile),
        (json.dumps(plan_json(PLAN), indent=1) + "\n", JsonFile),
        (_page(), HtmlFile),
    ],
    ids=["markdown", "json", "html"],
)
def test_a_plan_whole(text: str, kind: Any, snapshot: SnapshotAssertion) -> None:
    assert text == snapshot(extension_class=kind)
