"""The project as git knows it: the commit that is checked out, and the files at another revision."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engagectl.config.project import Project, load_project
from engagectl.errors import UsageError


def commit_of(root: Path) -> str:
    """Return the commit that is checked out, or nothing: a plan shows it and compares nothing with it."""
    answer = _git(root, "rev-parse", "--short=12", "HEAD")
    return answer.strip() if answer is not None else ""


@contextmanager
def project_at(project: Project, revision: str, *, flag: str = "--base") -> Iterator[Project]:
    """Load the same project as it is at a git revision."""
    with checked_out(project.root, revision, flag=flag) as folder:
        yield load_project(folder, target=project.target or None, check=False)


@contextmanager
def checked_out(root: Path, revision: str, *, flag: str) -> Iterator[Path]:
    """Give the project's folder as it is at a git revision, in a temporary place."""
    import io
    import tarfile
    import tempfile

    top = _git(root, "rev-parse", "--show-toplevel")
    usable = top is not None and not revision.startswith("-")
    archive = _git_bytes(root, "archive", "--format=tar", revision) if usable else None
    if archive is None:
        raise UsageError(
            f"{flag if flag.endswith(':') else f'{flag} '}{revision}: git cannot read that revision here",
            help="fetch it first: git fetch --depth=1 origin REF",
        )
    with tempfile.TemporaryDirectory(prefix="engagectl-base-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)


def path_in_repository(root: Path) -> str:
    """Return what leads from the repository's root to the project, `a/b/` or nothing: code hosts count from there."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            inside = root.relative_to(folder).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""


def _git(root: Path, *words: str) -> str | None:
    answer = _git_bytes(root, *words)
    return None if answer is None else answer.decode("utf-8", "replace")


def _git_bytes(root: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False, timeout=60)  # noqa: S603, S607  fixed words; git of the user's own PATH
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
