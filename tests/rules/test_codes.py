"""Every code that the package can print is explained."""

import re
from pathlib import Path

import engagectl
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
