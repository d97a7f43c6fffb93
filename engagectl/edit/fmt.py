"""Every file of a project in one layout, comments kept."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engagectl.config.project import read_files
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
    """Return the difference of two texts as `diff -u` writes it."""
    lines = difflib.unified_diff(
        before.decode().splitlines(), after.decode().splitlines(), f"a/{file}", f"b/{file}", lineterm=""
    )
    return "\n".join(lines)


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
