"""Somebody with rights in the warehouse makes objects whose names attack whoever looks: they are shown harmless."""

import json
import os
import re
from pathlib import Path

import pytest

from engagectl.show.terminal import escape
from tests.cli.inside import run
from tests.scenarios.house import House, identify

NAMES = (
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\rPlan: 0 to change",
    "a\nPlan: no changes",
    "\x08\x08\x08hidden",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "zero\u200bwidth",
    "::set-env name=PATH::/tmp",
    "::add-mask::x",
    "##[group]x",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/x)",
    "@everyone",
    "```\n</details>",
    "| a | b |",
    "'; DROP TABLE users; --",
    '"; DROP TABLE users; --',
    "{{ 7*7 }}",
    "${GITHUB_TOKEN}",
    "%s%n",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "__proto__",
    "select",
    "é\u0301",
    "😀",
)
ESCAPES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)  # what the runner of a job would obey


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def attacked(house: House) -> House:
    house.write()
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    columns = ", ".join(f"ADD COLUMN {quoted(name)} text" for name in NAMES)
    if "duckdb" in house.warehouse:
        for name in NAMES:
            house.execute(f"ALTER TABLE engage_default.identifies ADD COLUMN {quoted(name)} text")
    else:
        house.execute(f"ALTER TABLE engage_default.identifies {columns}")
    for name in NAMES[:14]:
        house.execute(
            f"CREATE TABLE engage_default.{quoted(name)} (id text, received_at timestamptz, {quoted(name)} text)"
        )
    house.execute(f"CREATE SCHEMA {quoted('engage_' + NAMES[0])}")
    house.execute(f"CREATE TABLE {quoted('engage_' + NAMES[0])}.users (id text, {quoted(NAMES[7])} text)")
    house.execute("COMMENT ON TABLE engage_default.identifies IS '\x1b[2J ::set-env name=A::b <script>'")
    return house


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plan",),
    ("plan", "--sql", "-v", "--color", "never"),
    ("plan", "--markdown", "OUT/plan.md", "--html", "OUT/plan.html", "--out", "OUT/plan.json"),
    ("drift", "-v"),
    ("drift", "--snapshot", "OUT/catalog.json", "--markdown", "OUT/drift.md"),
    ("plan", "--catalog", "OUT/catalog.json"),
    ("status",),
    ("history",),
    ("inspect", "--schema", "engage_*"),
    ("import",),
    ("doctor",),
    ("compare", "engage_default", "engage_default"),
    ("show", "OUT/plan.json"),
    ("apply", "--yes"),
    ("sync",),
)


def test_every_command_shows_them_harmless(attacked: House, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    env = {name: os.environ[name] for name in ("ENGAGECTL_SCENARIO_DSN",) if name in os.environ}
    for words in COMMANDS:
        given = [word.replace("OUT", str(out)) for word in words]
        done = run("-C", str(attacked.root), *given, env=env)
        assert done.code in (0, 2), (words, done.all)
        assert "has a bug" not in done.all
        assert not ESCAPES.search(done.all), words
        assert not COMMAND.search(done.all), words
        if words[0] not in ("show", "import") and "-v" not in words:
            document = run("-C", str(attacked.root), "--json", *given, env=env)
            assert document.code == done.code
            assert json.loads(document.out)["ok"]
            assert not COMMAND.search(document.all), words
    for page in out.glob("*.md"):
        text = page.read_text()
        assert not ESCAPES.search(text), page.name
    html = (out / "plan.html").read_text()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert attacked.rows("engage_default.users", "id", order="1") == [("u123",)]


def test_the_list_is_hostile() -> None:
    assert sum(escape(name) != name for name in NAMES) >= 9
