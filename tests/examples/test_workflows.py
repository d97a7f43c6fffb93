"""Every command in the workflows that we ship exists, with the flags that it is given."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from engagectl.cli.app import LazyGroup
from engagectl.cli.flags import SHORT, TABLE
from engagectl.cli.registry import COMMANDS

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "examples/github").glob("*.yml"), *(ROOT / "examples/gitlab").glob("*.yml")])
FILES += [ROOT / "examples/atlantis/atlantis.yaml", ROOT / ".pre-commit-hooks.yaml"]


def commands(path: Path) -> list[list[str]]:
    text = path.read_text().replace("\\\n", " ")
    found = re.findall(r"(?<![\w\[-])engagectl ((?:[a-z-]+)(?: [^|;&\n#]*)?)", text)
    return [shlex.split(one.strip().rstrip("'"), posix=True) for one in found if one.split()[0] in COMMANDS]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_commands_and_flags_exist(path: Path) -> None:
    group = LazyGroup(name="engagectl")
    assert commands(path)
    for name, *words in commands(path):
        own = {flag for parameter in group.load(name).params for flag in parameter.opts}
        flags = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert flags <= own | set(TABLE) | set(SHORT), (name, flags)


@pytest.mark.parametrize("path", [*FILES, ROOT / "action.yml"], ids=lambda path: path.name)
def test_it_is_yaml(path: Path) -> None:
    assert yaml.safe_load(path.read_text())


def test_actions_are_pinned_by_commit() -> None:
    for path in [*(ROOT / "examples/github").glob("*.yml"), ROOT / "action.yml"]:
        for used in re.findall(r"uses: (\S+)", path.read_text()):
            assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used), used
