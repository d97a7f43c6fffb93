"""The data dictionary: what it tells of each column, and that nothing in it is markup but what we wrote."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from engagectl import api
from engagectl.model.schema import TableName
from engagectl.show.as_docs import as_docs
from engagectl.show.as_docs_html import as_docs_html
from engagectl.show.dictionary import Described, DescribedSchema, Dictionary, Entry, dictionary
from engagectl.show.picture import pictures
from tests.cli.inside import run
from tests.scenarios.house import SPACE, House, identify
from tests.show.builders import HOSTILE

YAML = (
    SPACE
    + """
  more:
    space: default
    source: second
    warehouses: [cdp]
    send: [{audiences: [first_time_shopper], as: [track]}]
activations:
  vip:
    audience: first_time_shopper
    warehouses: [cdp]
    table: vip
    mappings:
      - {from: [context.traits.email, properties.email], to: email_hash, type: string, transform: [lower, sha256],
         description: who it is}
"""
)
SECOND = "sources: {main: {input: events}, second: {input: others, schema: engage_default_2}}"
INPUTS = '  events: {files: ["data/*.jsonl"]}\n  others: {files: ["others/*.jsonl"]}'
EXCLUDED = "    selective_sync: {exclude: [trait.total_revenue_180_days, table.engage_default_2.tracks]}\n"


def written(house: House, *, table: str = "vip") -> None:
    yaml = YAML.replace("sources: {main: {input: events}}", SECOND).replace(
        '  events: {files: ["data/*.jsonl"]}', INPUTS
    )
    house.write(yaml.replace("table: vip", f"table: {table}"), settings=EXCLUDED)


def find(book: Dictionary, name: str) -> Described:
    return next(one for schema in book.schemas for one in schema.tables if str(one.name) == name)


def column(book: Dictionary, table: str, name: str) -> Entry:
    found = find(book, table).find(name)
    assert found is not None
    return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    written(house)
    return house


def test_a_column_tells_who_feeds_it_from_where_and_whether_it_loads(house: House) -> None:
    book = dictionary(house.project)
    hashed = column(book, "default.vip", "email_hash")
    assert hashed.path == "context.traits.email, else properties.email -> lower -> sha256"
    assert (hashed.sources, hashed.description, hashed.excluded_by) == (
        ("audience.first_time_shopper",),
        "who it is",
        None,
    )
    revenue = column(book, "engage_default.users", "total_revenue_180_days")
    assert (revenue.sources, revenue.type) == (("trait.total_revenue_180_days",), "decimal(18,2)")
    assert revenue.excluded_by == "trait.total_revenue_180_days"
    assert find(book, "engage_default_2.tracks").excluded_by == "table.engage_default_2.tracks"
    assert find(book, "engage_default.users").excluded_by is None
    assert find(book, "engage_default.users").schedule == "every 1h"
    assert find(book, "default.vip").schedule == "after each run"
    assert find(book, "engage_default.users").is_there is None


def test_what_segment_loads_is_said_to_be_segments(house: House) -> None:
    house.write(SPACE.replace("slug: default,", "slug: default, managed_by: segment,"))
    book = dictionary(house.project)
    assert {one.by_segment for schema in book.schemas for one in schema.tables} == {True}
    assert "| by Segment |" in as_docs(book, book.schemas[0])


@pytest.mark.parametrize("kind", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_warehouse_tells_rows_and_freshness(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, "    type: duckdb\n    path: ./acme.duckdb\n")
    if kind == "postgres":
        monkeypatch.setenv("ENGAGECTL_SCENARIO_DSN", request.getfixturevalue("postgres_dsn"))
        house = House(tmp_path, "    type: postgres\n    dsn: {$env: ENGAGECTL_SCENARIO_DSN}\n")
    written(house)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    api.drift(house.project, snapshot=tmp_path / "catalog.json")
    written(house, table="vip_2")
    seen = api.snapshot(house.project)
    book = dictionary(house.project, seen)
    users = find(book, "engage_default.users")
    assert (users.is_there, users.read_to[:16], users.is_late) == (True, "2024-01-02T00:01", True)
    assert find(book, "default.vip_2").is_there is False
    if kind == "duckdb":  # PostgreSQL counts when it analyses
        assert users.rows == 1
    read = dictionary(house.project, api.snapshot(house.project, catalog=tmp_path / "catalog.json"))
    assert read.schemas == book.schemas


def test_the_pages_are_written(house: House, tmp_path: Path) -> None:
    done = run("-C", str(house.root), "docs", "--out", str(tmp_path / "md"))
    assert done.code == 0, done.err
    page = (tmp_path / "md/engage_default.md").read_text()
    assert page.startswith("# `engage_default` in `local`\n")
    assert "erDiagram" in page
    assert "| no: `trait.total_revenue_180_days` |" in page
    assert run("-C", str(house.root), "docs", "--html", "--out", str(tmp_path / "site")).code == 0
    html = (tmp_path / "site/tables.html").read_text()
    assert "not synced: trait.total_revenue_180_days" in html
    assert run("-C", str(house.root), "docs", "--live", "--catalog", "x").code == 64


def test_the_picture_leads_from_each_user_id_to_users(house: House) -> None:
    picture = next(one for one in pictures(dictionary(house.project)) if one.space == "default")
    boxes = {box.table.name.table: box for box in picture.boxes}
    assert {"users", "identifies", "tracks", "audience_entered", "vip"} <= set(boxes)
    assert len({(box.x, box.y) for box in picture.boxes}) == len(picture.boxes)
    assert all(box.x + 240 <= picture.width and box.y + box.height <= picture.height for box in picture.boxes)
    assert len(picture.paths) >= len([box for box in picture.boxes if box.table.find("user_id")]) - 1
    wide = [replace(boxes["vip"].table, name=TableName("default", f"vip_{n}")) for n in range(200)]
    many = Dictionary(
        project="p",
        target="",
        taken_at="",
        schemas=(DescribedSchema(warehouse="w", type="duckdb", name="default", tables=tuple(wide)),),
    )
    assert pictures(many)[0].left_out == 164


def hostile(text: str) -> Dictionary:
    """Return a dictionary with a text in every place that YAML or a catalog can reach."""
    one = Entry(name=text, type=text, description=text, sources=(text,), path=text, excluded_by=text)
    user = Entry(name="user_id", type="string", path="user_id")
    tables = tuple(
        Described(
            name=TableName(text, f"{text}{role}"),
            role=role,  # type: ignore[arg-type]  # two of its words
            space=text,
            description=text,
            owners=(text,),
            feeds=(text,),
            events=(text,),
            by_segment=True,
            schedule=text,
            excluded_by=text,
            columns=(user, one),
            rows=1,
            read_to=text,
            is_late=True,
            is_there=False,
        )
        for role in ("users", "activation")
    )
    schema = DescribedSchema(warehouse=text, type=text, name=text, tables=tables)
    return Dictionary(project=text, target=text, taken_at=text, schemas=(schema,))


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            (self.ids if name == "id" else self.links if name in ("href", "src") else set()).add(value or "")


PLAIN = Page(as_docs_html(hostile("x")))


@settings(max_examples=25, deadline=None)
@given(HOSTILE)
def test_data_becomes_no_markup(text: str) -> None:
    page = Page(as_docs_html(hostile(text or "x")))
    assert page.tags == PLAIN.tags
    assert page.attributes == PLAIN.attributes
    assert page.links == PLAIN.links
    for schema in hostile(text or "x").schemas:
        assert "<script>alert" not in re.sub(r"`+[^\n]*?`+", "", as_docs(hostile(text or "x"), schema))


def test_the_page_stands_alone_and_runs_our_script_only() -> None:
    html = as_docs_html(hostile("x"))
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html)
    assert {link.removeprefix("#") for link in PLAIN.links} <= PLAIN.ids


@pytest.mark.browser
def test_a_browser_searches_on_a_phone_and_a_desktop_light_and_dark(house: House, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium is not None, "this test needs Chromium (Debian: apt-get install chromium)"
    place = tmp_path / "tables.html"
    place.write_text(as_docs_html(dictionary(house.project)))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    common = [chromium, *flags, f"--user-data-dir={tmp_path / 'profile'}"]
    asked = [*common, "--dump-dom", f"file://{place}?q=email_hash"]
    dom = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    assert re.search(r'<p id="said"[^>]*>1 of \d+ tables, 1 columns</p>', dom)
    shown = [tag for tag in re.findall(r"<article[^>]*>", dom) if "hidden" not in tag]
    assert len(shown) == 1
    for name, size, more in (
        ("phone", "500,900", []),
        ("dark", "1280,900", ["--blink-settings=preferredColorScheme=0"]),
    ):
        shot = [*common, *more, f"--screenshot={tmp_path / name}.png", f"--window-size={size}", f"file://{place}"]
        subprocess.run(shot, check=True, timeout=60, capture_output=True)
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
