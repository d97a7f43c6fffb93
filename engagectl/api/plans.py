"""What would change, what did change, and the change itself."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engagectl.api.connections import connected, with_key_checks
from engagectl.api.revisions import commit_of, project_at
from engagectl.config.project import Project

if TYPE_CHECKING:
    from engagectl.apply import ApplyReport
    from engagectl.model.plan import Plan
    from engagectl.snapshot import Snapshot


def make_plan(
    project: Project,
    *,
    select: Sequence[str] = (),
    offline: bool = False,
    base: str | None = None,
    catalog: Path | None = None,
    warehouses: Sequence[str] = (),
) -> "Plan":
    """Compare what the YAML asks for with the warehouse (read-only), with nothing (offline), with a git revision, or
    with the catalog snapshot of a file that `drift` wrote. Only the first connects and needs secrets.
    """
    from engagectl import planner

    commit = commit_of(project.root)
    select = _resolved(project, select)
    if catalog is not None:
        from engagectl.snapshot import read_snapshot

        return planner.make_plan(
            replace(project, only=tuple(warehouses) or project.only),
            connections=None,
            now=datetime.now(UTC),
            select=select,
            mode="catalog",
            snapshot=read_snapshot(catalog),
            commit=commit,
        )
    if offline or base is not None:
        with ExitStack() as stack:
            before = stack.enter_context(project_at(project, base)) if base is not None else None
            return planner.make_plan(
                project,
                connections=None,
                now=datetime.now(UTC),
                select=select,
                mode="base" if before is not None else "offline",
                base=before,
                commit=commit,
            )
    with connected(project, command="plan", read_only=True, warehouses=warehouses) as connections:
        project = with_key_checks(project)
        return planner.make_plan(project, connections=connections, now=datetime.now(UTC), select=select, commit=commit)


def empty_plan(project: Project) -> "Plan":
    """Return a plan that approves nothing."""
    from engagectl.planner.plan import sealed

    return sealed(project, (), now=datetime.now(UTC), select=(), mode="warehouse", commit=commit_of(project.root))


def _resolved(project: Project, select: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns, and last each `changed:REF` with the addresses that differ from the YAML at that revision.

    The pattern itself stays: it names nothing, and so nothing is selected where nothing has changed.
    """
    found = [pattern for pattern in select if not pattern.startswith("changed:")]
    for pattern in select:
        if pattern.startswith("changed:"):
            changed = _changed_since(project, pattern)
            found += [pattern, *sorted({str(step.address) for one in changed.warehouses for step in one.steps})]
    return tuple(dict.fromkeys(found))


def changed_feeds(project: Project, select: Sequence[str]) -> tuple[str, ...]:
    """Return the feeds that the patterns `changed:REF` stand for: those that plan would take."""
    found: list[str] = []
    for pattern in select:
        if pattern.startswith("changed:"):
            asked = _resolved(project, (pattern,))
            plan = _changed_since(project, pattern, select=asked)
            found += [f"{one.warehouse}/{feed.address}" for one in plan.warehouses for feed in one.feeds]
    return tuple(dict.fromkeys(found))


def _changed_since(project: Project, pattern: str, *, select: Sequence[str] = ()) -> "Plan":
    from engagectl import planner

    with project_at(project, pattern.removeprefix("changed:"), flag="--select changed:") as before:
        return planner.make_plan(
            project, connections=None, now=datetime.now(UTC), mode="base", base=before, select=select
        )


def drift(project: Project, *, warehouses: Sequence[str] = (), snapshot: Path | None = None) -> "Plan":
    """Compare the warehouse with what was last applied. Raises NothingApplied when there was no apply.

    With `snapshot` the catalogs and the applied state are written to that file first, whatever the comparison finds.
    """
    from engagectl import planner

    now = datetime.now(UTC)
    with connected(project, command="drift", read_only=True, warehouses=warehouses) as connections:
        if snapshot is not None:
            from engagectl.snapshot import write_snapshot

            write_snapshot(planner.take_snapshot(project, connections, now, commit=commit_of(project.root)), snapshot)
        return planner.make_drift(project, connections=connections, now=now)


def snapshot(project: Project, *, catalog: Path | None = None) -> "Snapshot":
    """Return what the warehouses hold now (read-only), or what a file of `drift` says that they held."""
    from engagectl import planner

    now = datetime.now(UTC)
    if catalog is None:
        with connected(project, command="docs", read_only=True) as connections:
            return planner.take_snapshot(project, connections, now, commit=commit_of(project.root))
    from engagectl.planner.snapped import check_snapshot
    from engagectl.snapshot import read_snapshot

    read = read_snapshot(catalog)
    check_snapshot(project, read, project.only or sorted(set(project.roles.values())), now=read.taken)
    return read


def apply_plan(
    project: Project,
    *,
    approved: "Sequence[Plan]" = (),
    select: Sequence[str] = (),
    confirm: "Callable[[Plan], bool]",
    reporter: Callable[[object], None] = lambda _: None,
    take_over: bool = False,
    lock_timeout_s: float = 10.0,
    warehouses: Sequence[str] = (),
) -> "ApplyReport":
    """Change the warehouse as planned, under its lock, and record what was applied.

    `confirm` gets the plan that would run and answers; `reporter` is told of each step (`engagectl.apply.StepEvent`).
    """
    from engagectl import apply

    with connected(
        project, command="apply", read_only=False, lock_timeout_s=lock_timeout_s, warehouses=warehouses
    ) as connections:
        return apply.apply_plan(
            with_key_checks(project),
            connections=connections,
            approved=tuple(approved) or None,
            select=_resolved(project, select),
            now=datetime.now(UTC),
            confirm=confirm,
            reporter=reporter,
            take_over=take_over,
            lock_timeout_s=lock_timeout_s,
            commit=commit_of(project.root),
        )


def last_applied_commit(project: Project, *, warehouses: Sequence[str] = ()) -> str:
    """Return the commit of the last successful apply of this target, "" when none is known."""
    from engagectl.journal.history import last_commit

    with connected(project, command="history", read_only=True, warehouses=warehouses) as connections:
        found = [
            last_commit(one, project.spec.journal_schema, project=project.spec.project, target=project.target)
            for one in connections.values()
        ]
    known = [one for one in found if one is not None]
    # warehouses that stand apart: from the one that is furthest behind, for a step that is done already does no harm
    return min(known)[1] if known else ""


def sql(project: Project, address: str) -> tuple[str, ...]:
    """Return the statements that would make the tables of an address from nothing. Nothing is connected to."""
    plan = make_plan(project, select=(address,), offline=True)
    return tuple(statement for step in plan.steps for statement in step.statements)
