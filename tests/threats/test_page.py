"""docs/security.md names every threat, and tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = {found[1]: found[0] for found in re.finditer(r"^\| (T\d+) \|.*$", PAGE, re.MULTILINE)}


def test_every_threat_has_a_control_and_a_test() -> None:
    assert list(ROWS) == [f"T{number}" for number in range(1, 25)]
    for row in ROWS.values():
        *_, control, tests, _ = row.split("|")
        assert control.strip()
        assert "tests/" in tests


def test_every_test_that_it_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 50
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def test_every_target_that_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", PAGE)) <= targets
