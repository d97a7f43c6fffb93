"""Every file of a project in one layout, comments kept."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engagectl.config.files import read_files
from engagectl.config.mask import masked
from engagectl.config.regular import real_path
from engagectl.edit.text import rewritten
from engagectl.errors import RefusedError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """One file: its text before and after. `refused` says why it stays as it is."""

    file: str
    before: bytes
    after: bytes
    refused: RefusedError | None = None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def format_project(root: Path, files: Sequence[Path] = ()) -> tuple[Formatted, ...]:
    """Return each file of the project, or those named, as it would be written. Raises ConfigError on broken YAML."""
    sources = {name: source.raw for name, source in read_files(root).items()}
    if files:
        sources = dict(_named(root, sources, file) for file in files)
    return tuple(_formatted(name, raw) for name, raw in sources.items())


def unified(file: str, before: bytes, after: bytes) -> str:
    """Return the difference of two texts as `diff -u` writes it; what could be a secret is masked."""
    old, new = _lines(before), _lines(after)
    told = difflib.unified_diff(old, new, f"a/{file}", f"b/{file}", lineterm="")
    shown = masked(before, comments=True), masked(after, comments=True) if before else new  # a new one is ours
    lines, at = list(islice(told, 2)), [0, 0]
    for line in told:
        match line[0]:
            case "@":
                at = [int(number) - 1 for number in re.findall(r"[-+](\d+)", line)[:2]]
                lines.append(line)
            case "-":
                lines.append(f"-{shown[0][at[0]]}")
                at[0] += 1
            case sign:
                lines.append(f"{sign}{shown[1][at[1]]}")
                at[1] += 1
                at[0] += sign == " "
    return "\n".join(lines)


def _lines(raw: bytes) -> list[str]:
    text = raw.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def _formatted(name: str, raw: bytes) -> Formatted:
    try:
        return Formatted(file=name, before=raw, after=rewritten(raw, file=name))
    except RefusedError as error:
        return Formatted(file=name, before=raw, after=raw, refused=error)


def _named(root: Path, sources: Mapping[str, bytes], file: Path) -> tuple[str, bytes]:
    path, folder = real_path(file), real_path(root)
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
    if name not in sources:
        raise UsageError(f"{file} is no file of the project", help="files are engagectl.yaml and what `include` names")
    return name, sources[name]
