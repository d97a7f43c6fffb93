"""What a code means: pages of package data, one per code. Their examples are the inputs of the tests of the rules."""

import re
from dataclasses import dataclass
from importlib import resources

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """`text` is the whole page in Markdown; the examples are files of YAML beside a small project, "" where none."""

    code: str
    title: str
    text: str
    valid: str = ""
    invalid: str = ""


def explain(code: str) -> Page | None:
    """Return the page of a code, in capitals or not; None when there is none."""
    name = code.strip().upper()
    if not re.fullmatch(r"EC[0-9]{3}", name):
        return None
    page = resources.files("engagectl.config").joinpath("rules", f"{name}.md")
    if not page.is_file():
        return None
    text = page.read_text(encoding="utf-8")
    parts = _SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    title = parts[0].splitlines()[0].removeprefix(f"# {name}: ")
    return Page(name, title, text, _example(sections.get("Valid", "")), _example(sections.get("Invalid", "")))


def codes() -> tuple[str, ...]:
    """Return every code that has a page, sorted."""
    pages = resources.files("engagectl.config").joinpath("rules").iterdir()
    return tuple(sorted(page.name.removesuffix(".md") for page in pages if page.name.endswith(".md")))


def _example(section: str) -> str:
    found = _FENCE.search(section)
    return found[1] if found else ""
