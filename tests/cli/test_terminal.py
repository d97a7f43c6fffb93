"""The output sink: what may colour, and what may never reach a terminal."""

import io
import json
import re

import pytest

from engagectl.show.commands import unarmed, unarmed_json
from engagectl.show.terminal import Terminal, columns, escape, wants_colour


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("flag", "stream", "env", "coloured"),
    [
        ("auto", Screen(), {}, True),
        ("auto", io.StringIO(), {}, False),
        ("auto", Screen(), {"NO_COLOR": "1"}, False),
        ("auto", Screen(), {"NO_COLOR": ""}, True),
        ("auto", Screen(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {"FORCE_COLOR": "1"}, True),
        ("auto", io.StringIO(), {"CLICOLOR_FORCE": "0"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Screen(), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(flag: str, stream: io.StringIO, env: dict[str, str], coloured: bool) -> None:
    assert wants_colour(flag, stream, env) is coloured


@pytest.mark.parametrize(
    "character", ["\x1b", "\r", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\U000e0041"]
)
def test_what_could_forge_is_escaped(character: str) -> None:
    assert character not in escape(f"a{character}b")
    assert escape(f"a{character}b").startswith("a\\")


def test_ordinary_text_stays() -> None:
    text = "Zoë, 東京, 🎉\n\ttable"
    assert escape(text) == text


def test_styled_text_keeps_colours_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(color="always").result("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J", styled=True)
    assert capsys.readouterr().out == "\x1b[31mred\x1b[0m \\x1b]0;title\\x07\\x1b[2J\n"
    Terminal(color="never").result("\x1b[31mred\x1b[0m", styled=True)
    assert capsys.readouterr().out == "red\n"


def test_results_and_story_have_their_own_streams(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.result("result")
    terminal.story("story")
    terminal.tick("50%")
    Terminal(quiet=True).story("hidden")
    assert tuple(capsys.readouterr()) == ("result\n", "story\n")


@pytest.mark.parametrize(("stream", "lines"), [(Screen(), 3), (io.StringIO(), 1)])
def test_a_long_line_is_folded_on_a_terminal_alone(
    stream: io.StringIO, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "40")
    assert len(Terminal().folded("word " * 20).splitlines()) == lines


def test_columns_align_and_cut_nothing() -> None:
    long = "x" * 300
    lines = columns(("name", "rows"), [(long, 1234), (None, 5)]).splitlines()
    assert lines[0].endswith("  rows")
    assert lines[1] == f"{long}  1,234"
    assert lines[2].startswith("NULL")


@pytest.mark.parametrize(
    "text", ["::add-mask::x", "  ::stop-commands::x", "a\n\u00a0::error::x", "\x1b[31m##[add-mask]x"]
)
def test_the_runner_of_a_job_is_told_nothing(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for styled in (False, True):
        Terminal(color="always").result(text, styled=styled)
        Terminal(color="never").complain(text, styled=styled)
    shown = "".join(capsys.readouterr())
    assert not re.search(r"^\s*::|##\[", shown, re.MULTILINE)
    assert "x" in shown
    assert json.loads(unarmed_json(json.dumps({text: "\\##["}))) == {text: "\\##["}


def test_a_colon_elsewhere_stays() -> None:
    text = "a::b 'x'::text ## [x] #["
    assert unarmed(text) == text
