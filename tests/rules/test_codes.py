"""Every code that the package can print is explained."""

import re
from pathlib import Path

import engagectl
from engagectl import api
from engagectl.config.explain import codes, explain

PACKAGE = Path(engagectl.__file__).parent


def test_every_code_of_the_package_has_a_page() -> None:
    used = {code for path in PACKAGE.rglob("*.py") for code in re.findall(r"\"(EC[0-9]{3})\"", path.read_text())}
    assert sorted(used - set(codes())) == []


def test_every_page_says_what_it_is_why_and_what_to_do() -> None:
    for code in codes():
        page = explain(code)
        assert page is not None
        assert page.text.startswith(f"# {code}: {page.title}\n"), code
        assert "## Why\n" in page.text, code
        assert "## What to do\n" in page.text, code


def test_every_page_has_a_test_that_names_its_code() -> None:
    tests = Path(__file__).parents[1]
    named = {page.stem for page in tests.glob("rules/EC*.txt")}  # each is what a test of its examples expects
    for path in tests.rglob("*.py"):
        named |= set(re.findall(r"\bEC[0-9]{3}\b", path.read_text(encoding="utf-8")))
    assert sorted(set(codes()) - named) == []


def test_a_table_near_the_column_limit_is_warned_of(tmp_path: Path) -> None:
    mappings = ", ".join(f"{{from: properties.p{n}, to: c{n}, type: integer}}" for n in range(1281))
    (tmp_path / "engagectl.yaml").write_text(
        f"""version: 1
project: acme
inputs: {{events: {{files: ["data/*.jsonl"]}}}}
warehouses: {{main: {{type: postgres, host: localhost, database: d, user: u}}}}
spaces: {{default: {{sources: {{main: {{input: events}}}}}}}}
audiences: {{vip: {{space: default, kind: profile}}}}
activations: {{log: {{audience: vip, warehouses: [main], table: log, mappings: [{mappings}]}}}}
"""
    )
    (found,) = [one for one in api.validate(tmp_path) if one.code == "EC308"]
    assert found.severity == "warning"
    assert found.message.endswith("1281 mapped columns; postgres allows 1600")
