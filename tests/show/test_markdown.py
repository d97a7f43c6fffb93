"""The Markdown of a plan: nothing that came from data becomes anything but text, and it always fits."""

import re

from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engagectl.model.plan import Plan, WarehousePlan
from engagectl.show.as_markdown import LIMIT_BYTES, code, plan_markdown
from engagectl.show.terminal import escape
from tests.show.builders import HOSTILE, plan

OURS_ONLY = re.compile(
    r"\s*(<!-- engagectl:[\w.:-]* -->|</details>|<details><summary>[\w .,;:()\-]*</summary>)\s*", re.ASCII
)


def tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown):
        found += [token, *(token.children or [])]
    return found


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_data_becomes_text_and_nothing_else(text: str) -> None:
    for token in tokens(plan_markdown(plan(text))):
        assert token.type not in ("link_open", "image")
        if token.type in ("html_inline", "html_block"):
            assert OURS_ONLY.fullmatch(token.content), token.content
        if token.type == "text":
            assert not set("@<`|") & set(token.content), token.content


@settings(max_examples=150, deadline=None)
@given(HOSTILE)
def test_a_code_span_says_the_text_and_ends_where_it_should(text: str) -> None:
    (inline,) = [token for token in tokens(f"a {code(text)} b") if token.type == "code_inline"]
    assert "\n" not in inline.content
    assert escape(inline.content) == inline.content
    assert [token.content for token in tokens(f"a {code(text)} b") if token.type == "text"] == ["a ", " b"]


def test_it_grows_shorter_step_by_step_and_says_so() -> None:
    whole = plan_markdown(plan("x" * 40, steps=40), limit=10**9)
    texts = [plan_markdown(plan("x" * 40, steps=40), limit=limit) for limit in (60_000, 40_000, 20_000, 3_000)]
    assert len(whole) > 60_000
    assert [len(text) for text in texts] == sorted((len(text) for text in texts), reverse=True)
    for text, limit in zip(texts, (60_000, 40_000, 20_000, 3_000), strict=True):
        assert len(text) <= limit
        assert "Shortened to fit" in text
        assert "destructive" in text.splitlines()[1]


def test_the_limit_of_bytes_counts_too() -> None:
    text = plan_markdown(plan("語" * 60, steps=2_000), limit=10**9)
    assert len(text.encode()) <= LIMIT_BYTES
    assert "Shortened to fit" in text


def test_a_plan_without_changes_is_short() -> None:
    empty = Plan(
        project="acme",
        target="dev",
        warehouses=(WarehousePlan(warehouse="local", type="duckdb"),),
        fingerprint="f" * 64,
        created_at="",
        expires_at="2026-01-08T00:00:00Z",
        engagectl="0.1.0",
    )
    assert plan_markdown(empty).splitlines() == [
        "<!-- engagectl:plan:acme:dev -->",
        "### engagectl plan: `dev` · no changes",
        "",
        "plan `ffffffffffff` · expires `2026-01-08T00:00:00Z` · engagectl `0.1.0`",
    ]
