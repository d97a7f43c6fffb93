"""Every shell command of the README and the documents can be typed as it stands."""

import re
import shlex
from pathlib import Path

import pytest
from typer import Context

from engagectl.cli.app import LazyGroup
from engagectl.cli.flags import Invocation, take

ROOT = Path(__file__).parents[2]
INLINE = re.compile(r"(?<!`)`((?:engagectl|make) [^`\n]+)`(?!`)")
BLOCK = re.compile(r"^```(?:bash|sh|shell|console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAKEFILES = [ROOT / "Makefile", *(ROOT / "tests/warehouses/contract/engines").glob("*.mk")]
TARGETS = set(re.findall(r"^([a-z][\w-]*):", "".join(one.read_text() for one in MAKEFILES), re.MULTILINE))


def lines(page: Path) -> list[list[str]]:
    """Return the words of each `engagectl` and `make` command in the blocks and the prose, without prompt, comment and redirection."""
    said = page.read_text()
    text = "\n".join([*BLOCK.findall(said), *INLINE.findall(BLOCK.sub("", said))]).replace("\\\n", " ")
    parts = (part for line in text.splitlines() for part in re.split(r"&&|\|\||[|;](?= )", line.removeprefix("$ ")))
    found = (re.sub(r"\s[12]?>>?\s*\S+", "", part).strip() for part in parts)
    return [shlex.split(one, comments=True) for one in found if re.match(r"(engagectl|make) ", one)]


PAGES = [one for one in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if lines(one)]


def test_the_readme_has_commands_of_both() -> None:
    assert {words[0] for words in lines(ROOT / "README.md")} == {"engagectl", "make"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_commands_parse(page: Path) -> None:
    for program, *words in lines(page):
        if program == "make":
            assert {one for one in words if "=" not in one and not one.startswith("-")} <= TARGETS, words
            continue
        name, *rest = take(words, Invocation())
        if name in ("COMMAND", "--help", "--version"):
            continue
        command = LazyGroup(name="engagectl").load(name)
        if rest:  # a name alone is only spoken of
            command.make_context(name, ["plan" if one == "COMMAND" else one for one in rest], parent=Context(command))


@pytest.mark.parametrize("words", ["plan --nothing", "sync --memory high", "quarantine mend"])
def test_a_command_that_does_not_parse_is_found(words: str) -> None:
    name, *rest = words.split()
    command = LazyGroup(name="engagectl").load(name)
    with pytest.raises(Exception, match=r"nothing|high|mend"):
        command.make_context(name, rest, parent=Context(command))
