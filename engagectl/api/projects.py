"""A project opened, judged and written in one layout. Nothing is connected to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagectl.api.revisions import checked_out
from engagectl.config.files import find_root, in_order
from engagectl.config.project import Project, load_project
from engagectl.config.regular import real_path
from engagectl.errors import ConfigError, Diagnostic, RefusedError, UsageError

if TYPE_CHECKING:
    from engagectl.edit.fmt import Formatted


def open_project(
    directory: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    warehouses: Sequence[str] = (),
    lock_timeout_s: float = 10.0,
) -> Project:
    """Find the project of a folder (walking up) and load it whole. Raises ConfigError with every problem at once.

    What is done with it later keeps to these warehouses, and waits so long for one that is in use.
    """
    project = load_project(find_root(directory), target=target, variables=variables or {}, var_files=var_files)
    return replace(project, only=tuple(warehouses), lock_timeout_s=lock_timeout_s)


def validate(
    directory: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    files: Sequence[Path] = (),
    since: str | None = None,
) -> tuple[Diagnostic, ...]:
    """Return every diagnostic of the project, for one target or for all of them. Nothing is connected to.

    With `files` only what stands in them or in no file; with `since` only what a git revision did not have yet.
    """
    try:
        root = find_root(directory)
    except ConfigError as error:
        return error.diagnostics
    found = _diagnostics(root, target, variables or {}, var_files)
    if since is not None:
        with checked_out(root, since, flag="--since") as folder:
            before = Counter(_same(one) for one in _diagnostics(folder, target, variables or {}, var_files))
        now: Counter[tuple[str, str, str]] = Counter()
        fresh = []
        for one in found:
            now[_same(one)] += 1
            if now[_same(one)] > before[_same(one)]:
                fresh.append(one)
        found = tuple(fresh)
    if files:
        names = {real_path(path) for path in files}
        found = tuple(one for one in found if one.place is None or real_path(root / one.place.file) in names)
    return found


def _diagnostics(
    root: Path, target: str | None, variables: Mapping[str, str], var_files: Sequence[Path]
) -> tuple[Diagnostic, ...]:
    try:
        first = load_project(root, target=target, variables=variables, var_files=var_files)
    except ConfigError as error:
        return error.diagnostics
    found = [*first.diagnostics, *_plain(first)]
    for other in () if target else first.spec.targets:
        if other == first.target:
            continue
        try:
            project = load_project(root, target=other, variables=variables, var_files=var_files)
        except ConfigError as error:
            found += error.diagnostics
        else:
            found += [*project.diagnostics, *_plain(project)]
    return in_order(found)


def _plain(project: Project) -> Iterator[Diagnostic]:
    """Judge what `pii.refuse_plain` refuses: it needs the desired state, for selective sync and globs decide it."""
    if project.spec.pii is None or not project.spec.pii.refuse_plain:
        return
    from engagectl.desired.build import build
    from engagectl.risk import judge_plain
    from engagectl.warehouses.registry import FOLDERS, warehouse

    for name in dict.fromkeys(project.roles.values()):
        kind = project.spec.warehouses[name].type
        if kind not in FOLDERS:  # nothing is stored there yet
            continue
        desired = build(project, name, warehouse(kind))
        for one in judge_plain(desired, project.spec.pii.refuse_plain):
            place = project.place(one.origin) if one.origin.file else None
            yield Diagnostic(code=one.code, severity="error", message=one.message, place=place, help=one.help)


def _same(one: Diagnostic) -> tuple[str, str, str]:
    """What makes two findings one and the same, wherever their line has moved to."""
    return one.code, one.place.file if one.place is not None else "", one.message


def refuse_untrusted(
    project: Project, revision: str, *, variables: Mapping[str, str] | None = None, var_files: Sequence[Path] = ()
) -> None:
    """Raise RefusedError (EC613) when the project would connect elsewhere than it does at a git revision.

    `variables` and `var_files` are those of `open_project`; files inside the project are read as they were then.
    """
    from engagectl.config.trust import connections_of, differences

    root = real_path(project.root)
    with checked_out(project.root, revision, flag="--trusted-base") as folder:
        files = [real_path(path) for path in var_files]
        then = [folder / path.relative_to(root) if path.is_relative_to(root) else path for path in files]
        try:
            trusted = connections_of(
                load_project(
                    folder, target=project.target or None, variables=variables or {}, var_files=then, check=False
                )
            )
        except (ConfigError, UsageError):
            trusted = {}
    changed = tuple(differences(trusted, connections_of(project)))
    if changed:
        raise RefusedError(
            f"the plan would connect elsewhere than {revision} does",
            code="EC613",
            help=(*changed, "merge the change of the connection by itself, then plan the rest"),
        )


def fmt(directory: Path, *, files: Sequence[Path] = (), write: bool = False) -> "tuple[Formatted, ...]":
    """Return each file of the project, or those named, in the one layout; write what changed if asked to."""
    from engagectl.edit.fmt import format_project
    from engagectl.edit.write import write_files

    root = find_root(directory)
    found = format_project(root, files)
    if write:
        write_files(root, {one.file: one.after for one in found if one.changed})
    return found


def show(project: Project, address: str) -> dict[str, Any]:
    """Return one declared thing whole: what it becomes in each warehouse, who feeds it, which rules decided."""
    from engagectl.show.as_resource import resource

    return resource(project, address)
