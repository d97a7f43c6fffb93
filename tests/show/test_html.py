"""The HTML of a plan: one page, no script, and nothing that came from data is markup. `browser` tests render it."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from engagectl.show.as_html import plan_html
from tests.show.builders import HOSTILE, plan

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "footer"),
    *("h1", "h2", "h3", "p", "small", "strong", "b", "code", "pre", "del", "div", "span"),
    *("table", "tr", "td", "details", "summary", "ul", "li"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "class"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.count = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.count += 1
        self.attributes.update(name for name, _ in attrs)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_data_becomes_no_markup(text: str) -> None:
    page = Page(plan_html(plan(text)))
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES


def test_the_page_stands_alone_and_runs_nothing() -> None:
    html = plan_html(plan("x"))
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_what_destroys_comes_first() -> None:
    html = plan_html(plan("users"))
    assert html.index("will be dropped") < html.index("<article")


@pytest.mark.browser
def test_a_browser_sees_the_text_and_no_element_of_it(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium is not None, "this test needs Chromium (Debian: apt-get install chromium)"
    (tmp_path / "plan.html").write_text(plan_html(plan("<img src=x onerror=document.title='owned'><b id=evil>")))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    shot = [f"--screenshot={tmp_path / 'plan.png'}", "--window-size=420,900"]
    common = [chromium, *flags, f"--user-data-dir={tmp_path / 'profile'}"]
    page = f"file://{tmp_path / 'plan.html'}"
    dom = subprocess.run([*common, "--dump-dom", page], capture_output=True, text=True, check=True, timeout=60).stdout
    seen = Page(dom)
    assert seen.tags <= TAGS | {"tbody"}  # which browsers add to every table
    assert "<title>engagectl plan: &lt;img" in dom
    assert "&lt;img src=x onerror=" in dom
    subprocess.run([*common, *shot, page], check=True, timeout=60, capture_output=True)
    assert (tmp_path / "plan.png").stat().st_size > 10_000


def test_what_costs_is_told_before_the_tables_with_its_rows() -> None:
    html = plan_html(plan("users", steps=3))
    assert html.index("table rewrites</h2>") < html.index("<article")
    assert "<b>2 rows</b>" in html
