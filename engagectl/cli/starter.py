"""Copy a project template of the package into a folder. What is there already is never overwritten."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from engagectl.errors import UsageError


def templates() -> tuple[str, ...]:
    """Return the names of the templates that ship."""
    return tuple(
        sorted(one.name for one in resources.files("engagectl").joinpath("templates").iterdir() if one.is_dir())
    )


def make_project(directory: Path, template: str) -> tuple[tuple[PurePosixPath, ...], tuple[PurePosixPath, ...]]:
    """Return (files made, files kept because they were there), relative to the folder."""
    if template not in templates():
        raise UsageError(f"no template {template!r}", help=f"templates: {', '.join(templates())}")
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a folder")
    made, kept = [], []
    for name, source in _files(resources.files("engagectl").joinpath("templates", template), PurePosixPath()):
        place = directory / name
        if place.exists() or place.is_symlink():
            kept.append(name)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())
        made.append(name)
    return tuple(made), tuple(kept)


def _files(folder: Traversable, under: PurePosixPath) -> list[tuple[PurePosixPath, Traversable]]:
    found = []
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        found += _files(one, under / one.name) if one.is_dir() else [(under / one.name, one)]
    return found
