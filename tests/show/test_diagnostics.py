"""Diagnostics as people see them: the caret stands under what is meant, whatever the width of what is before it."""

from pathlib import Path

import pytest

from engagectl.errors import Diagnostic, Place
from engagectl.show.diagnostics import as_full, footer


def _shown(root: Path, line: str, word: str) -> list[str]:
    (root / "a.yaml").write_text(f"{line}\n", encoding="utf-8")
    start = line.index(word) + 1
    place = Place("a.yaml", 1, start, 1, start + len(word))
    item = Diagnostic(code="EC104", severity="error", message="m", place=place, label="here")
    return as_full([item], root).splitlines()


@pytest.mark.parametrize(
    ("before", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("東京", 4),
        ("🎉", 2),
        ("❤️", 2),  # a narrow heart made wide by the emoji style
        ("e\N{COMBINING ACUTE ACCENT}", 1),
        ("ﾄｳ", 2),  # half-width
        ("Zoë", 3),
    ],
)
def test_the_caret_counts_cells_not_characters(tmp_path: Path, before: str, cells: int) -> None:
    lines = _shown(tmp_path, f'k: ["{before}", wrong]', "wrong")
    source, caret = lines[3], lines[4]
    assert source == f'1 | k: ["{before}", wrong]'
    assert caret == "  | " + " " * (len('k: ["", ') + cells) + "^^^^^ here"


def test_a_wide_word_has_wide_carets(tmp_path: Path) -> None:
    assert _shown(tmp_path, "k: 東京", "東京")[4] == "  |    ^^^^ here"


def test_a_long_line_is_shown_around_the_caret(tmp_path: Path) -> None:
    lines = _shown(tmp_path, "k: [" + "a, " * 500 + "wrong" + ", b" * 500 + "]", "wrong")
    assert len(lines[3]) < 200
    at = lines[4].index("^")
    assert lines[3][at : at + 5] == "wrong"
    assert lines[3].endswith("...")


@pytest.mark.parametrize(
    "yaml",
    [
        "warehouses:\n  w:\n    pasword: hunter2\n",
        "warehouses:\n  w:\n    pasword: 'hunter2'   # or hunter2\n",
        "warehouses: {w: {pasword: hunter2}} # hunter2\n",
        "warehouses:\n  # it was hunter2\n  w: {pasword: x}\n",
        "credentials:\n  c:\n    key: |\n      hunter2\n      hunter2\n",
        "credentials:\n  c: [hunter2, {a: [hunter2]}]\n",
        "other: x # hunter2\n",
        "warehouses: {w: {type: hunter2, sync: {evry: hunter2}, auth: {method: hunter2}}}\n",
        "warehouses: {sync: {every: hunter2}}\n",
        "targets: {prod: {warehouses: {snow: {type: snowflake, password: hunter2}}}}\n",
        "credentials:\n  c: hunter2: [\n",
    ],
)
def test_a_source_line_shows_no_secret(tmp_path: Path, yaml: str) -> None:
    (tmp_path / "a.yaml").write_text(yaml)
    for line in range(1, yaml.count("\n") + 1):
        item = Diagnostic(code="EC104", severity="error", message="m", place=Place("a.yaml", line, 1))
        assert "hunter2" not in as_full([item], tmp_path)


def test_settings_and_words_of_a_closed_list_are_shown(tmp_path: Path) -> None:
    line = "warehouses: {w: {type: duckdb, path: ./x, sync: {every: 1h}, selective_sync: {exclude: [trait.churn]}}}"
    assert _shown(tmp_path, line, "type")[3] == f"1 | {line.replace('./x', '***')}"


def test_the_warehouses_of_a_connection_are_names(tmp_path: Path) -> None:
    line = "connections: {c: {space: nope, warehouses: [cdp, other]}}"
    assert _shown(tmp_path, line, "nope")[3] == f"1 | {line}"


def test_a_hash_inside_a_value_is_no_comment(tmp_path: Path) -> None:
    assert _shown(tmp_path, "k: 'a # b'  # secret", "b")[3] == "1 | k: 'a # b'  #"


def test_what_could_drive_a_terminal_is_replaced(tmp_path: Path) -> None:
    lines = _shown(tmp_path, "k: '\u202e' wrong", "wrong")
    assert "\u202e" not in "".join(lines)


def test_the_footer_counts() -> None:
    one = Diagnostic(code="EC104", severity="error", message="m", place=Place("a.yaml", 1, 1))
    two = Diagnostic(code="EC313", severity="warning", message="m", place=Place("b.yaml", 1, 1))
    assert footer([one, one, two]) == "Found 2 errors, 1 warning in 2 files. Nothing was sent to a warehouse."
    assert footer([two]) == "Valid: 1 warning."
    assert footer([]) == "Valid."
