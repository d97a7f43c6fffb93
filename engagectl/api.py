"""The library: the functions that the command line calls, each doing one whole job.

A project is opened once and handed on. Connections are opened here, read-only where nothing is written, and closed
before the function returns. Every function raises EngagectlError subclasses and nothing else that a user could cause.
"""

import os
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagectl.config.project import ROOT_FILE, Project, find_root, in_order, load_project
from engagectl.errors import ConfigError, Diagnostic, EngagectlError, RefusedError, UsageError

if TYPE_CHECKING:
    from engagectl.apply import ApplyReport
    from engagectl.edit.adopt import Imported
    from engagectl.edit.fmt import Formatted
    from engagectl.erase.person import Erased, EraseReport
    from engagectl.inspect.compare import Comparison
    from engagectl.inspect.files import FileFacts
    from engagectl.inspect.survey import Survey
    from engagectl.journal.detail import Happened
    from engagectl.journal.history import HistoryEntry
    from engagectl.journal.quarantine import QuarantineEntry
    from engagectl.model.plan import Plan
    from engagectl.model.status import StatusReport
    from engagectl.sync.passes import Progress, SyncOptions
    from engagectl.sync.replay import Replayed
    from engagectl.sync.report import SyncReport
    from engagectl.warehouses.contract import Check, Connection, Role


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
        with _checked_out(root, since, flag="--since") as folder:
            before = Counter(_same(one) for one in _diagnostics(folder, target, variables or {}, var_files))
        now: Counter[tuple[str, str, str]] = Counter()
        fresh = []
        for one in found:
            now[_same(one)] += 1
            if now[_same(one)] > before[_same(one)]:
                fresh.append(one)
        found = tuple(fresh)
    if files:
        names = {path.resolve() for path in files}
        found = tuple(one for one in found if one.place is None or (root / one.place.file).resolve() in names)
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
    from engagectl.warehouses.registry import warehouse

    for name in dict.fromkeys(project.roles.values()):
        desired = build(project, name, warehouse(project.spec.warehouses[name].type))
        for one in judge_plain(desired, project.spec.pii.refuse_plain):
            place = project.place(one.origin) if one.origin.file else None
            yield Diagnostic(code=one.code, severity="error", message=one.message, place=place, help=one.help)


def _same(one: Diagnostic) -> tuple[str, str, str]:
    """What makes two findings one and the same, wherever their line has moved to."""
    return one.code, one.place.file if one.place is not None else "", one.message


@contextmanager
def connected(
    project: Project,
    *,
    command: str,
    read_only: bool,
    lock_timeout_s: float | None = None,
    warehouses: Sequence[str] = (),
    memory_mb: int = 512,
) -> "Iterator[Mapping[str, Connection]]":
    """Open the target's warehouses, or those named; close them all at the end. The memory is what a stage may use."""
    from engagectl.config.resolve import resolve_secrets
    from engagectl.warehouses.registry import warehouse

    warehouses = warehouses or project.only
    wanted = dict.fromkeys(project.roles.values())
    unknown = [name for name in warehouses if name not in wanted]
    if unknown:
        raise UsageError(
            f"warehouse {unknown[0]!r} is not in target {project.target!r}",
            help=f"warehouses of this target: {', '.join(wanted)}",
        )
    chosen = [name for name in wanted if not warehouses or name in warehouses]
    secrets = resolve_secrets(project, chosen, os.environ)
    with ExitStack() as stack:
        opened: dict[str, Connection] = {}
        for name in chosen:
            spec = project.spec.warehouses[name]
            connection = warehouse(spec.type).connect(
                spec,
                name,
                secrets=secrets[name],
                root=project.root,
                read_only=read_only,
                lock_timeout_s=project.lock_timeout_s if lock_timeout_s is None else lock_timeout_s,
                command=command,
                memory_mb=memory_mb,
            )
            opened[name] = stack.enter_context(connection)
        yield opened


def make_plan(
    project: Project,
    *,
    select: Sequence[str] = (),
    offline: bool = False,
    base: str | None = None,
    warehouses: Sequence[str] = (),
) -> "Plan":
    """Compare what the YAML asks for with the warehouse (read-only), with nothing (offline) or with a git revision."""
    from engagectl import planner

    commit = _commit(project.root)
    select = _resolved(project, select)
    if offline or base is not None:
        with ExitStack() as stack:
            before = stack.enter_context(_project_at(project, base)) if base is not None else None
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
        project = _with_key_checks(project)
        return planner.make_plan(project, connections=connections, now=datetime.now(UTC), select=select, commit=commit)


def _resolved(project: Project, select: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns with, beside each `changed:REF`, the addresses that differ from the YAML at that revision.

    The pattern itself stays: it names nothing, and so nothing is selected where nothing has changed.
    """
    from engagectl import planner

    found: list[str] = []
    for pattern in select:
        found.append(pattern)
        if pattern.startswith("changed:"):
            with _project_at(project, pattern.removeprefix("changed:")) as before:
                plan = planner.make_plan(project, connections=None, now=datetime.now(UTC), mode="base", base=before)
            found += sorted({str(step.address) for step in plan.steps})
    return tuple(dict.fromkeys(found))


def refuse_untrusted(
    project: Project, revision: str, *, variables: Mapping[str, str] | None = None, var_files: Sequence[Path] = ()
) -> None:
    """Raise RefusedError (EC613) when the project would connect elsewhere than it does at a git revision.

    `variables` and `var_files` are those of `open_project`; files inside the project are read as they were then.
    """
    from engagectl.config.trust import connections_of, differences

    root = project.root.resolve()
    with _checked_out(project.root, revision, flag="--trusted-base") as folder:
        files = [path.resolve() for path in var_files]
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


def _with_key_checks(project: Project) -> Project:
    from engagectl.config.keys import all_hmac_keys, key_check

    keys = all_hmac_keys(project, os.environ)
    return replace(project, key_checks={id_: key_check(key) for id_, key in keys.items()})


def drift(project: Project, *, warehouses: Sequence[str] = ()) -> "Plan":
    """Compare the warehouse with what was last applied. Raises NothingApplied when there was no apply."""
    from engagectl import planner

    with connected(project, command="drift", read_only=True, warehouses=warehouses) as connections:
        return planner.make_drift(project, connections=connections, now=datetime.now(UTC))


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
            _with_key_checks(project),
            connections=connections,
            approved=tuple(approved) or None,
            select=_resolved(project, select),
            now=datetime.now(UTC),
            confirm=confirm,
            reporter=reporter,
            take_over=take_over,
            lock_timeout_s=lock_timeout_s,
            commit=_commit(project.root),
        )


def sync(
    project: Project,
    *,
    options: "SyncOptions | None" = None,
    progress: "Progress | None" = None,
    lock_timeout_s: float = 10.0,
    warehouses: Sequence[str] = (),
) -> "SyncReport":
    """Load what the inputs hold into the tables of the applied state."""
    from engagectl.config.keys import all_hmac_keys
    from engagectl.sync import passes

    asked = options or passes.SyncOptions(lock_timeout_s=lock_timeout_s)
    with connected(
        project,
        command="sync",
        read_only=False,
        lock_timeout_s=lock_timeout_s,
        warehouses=warehouses,
        memory_mb=asked.memory_mb,
    ) as connections:
        return passes.sync(
            project,
            connections=connections,
            options=replace(asked, keys=all_hmac_keys(project, os.environ)),
            clock=lambda: datetime.now(UTC),
            progress=progress or passes.Silent(),
        )


def status(project: Project, *, warehouses: Sequence[str] = ()) -> "StatusReport":
    """Tell, per warehouse and feed, when it last loaded, when it is due, and what waits for what."""
    from engagectl.sync import status as room

    with connected(project, command="status", read_only=True, warehouses=warehouses) as connections:
        return room.status(project, connections=connections, now=datetime.now(UTC))


def history(
    project: Project, *, kind: str = "", limit: int = 50, warehouses: Sequence[str] = ()
) -> "tuple[tuple[str, HistoryEntry], ...]":
    """Return (warehouse, apply or sync), newest first in each warehouse."""
    from engagectl.journal.history import read_history

    with connected(project, command="history", read_only=True, warehouses=warehouses) as connections:
        return tuple(
            (name, entry)
            for name, connection in connections.items()
            for entry in read_history(
                connection, project.spec.journal_schema, project=project.spec.project, kind=kind, limit=limit
            )
        )


def happened(project: Project, id: str, *, warehouses: Sequence[str] = ()) -> "tuple[Happened, ...]":
    """Return the applies and syncs whose id begins so, whole: their steps, or their feeds with counts."""
    from engagectl.journal.detail import Happened, read_feeds_of, read_steps
    from engagectl.journal.history import read_history

    journal, found = project.spec.journal_schema, []
    with connected(project, command="history", read_only=True, warehouses=warehouses) as connections:
        for name, connection in connections.items():
            for entry in read_history(connection, journal, project=project.spec.project, id=id):
                steps = read_steps(connection, journal, entry.id) if entry.kind == "apply" else ()
                feeds = read_feeds_of(connection, journal, entry.id) if entry.kind == "sync" else ()
                found.append(Happened(warehouse=name, entry=entry, steps=steps, feeds=feeds))
    return tuple(found)


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


def empty_plan(project: Project) -> "Plan":
    """Return a plan that approves nothing."""
    from engagectl.planner.plan import sealed

    return sealed(project, (), now=datetime.now(UTC), select=(), mode="warehouse", commit=_commit(project.root))


def erase(
    project: Project,
    user: str,
    *,
    forever: bool = False,
    dry_run: bool = False,
    confirm: "Callable[[Sequence[Erased]], bool]",
) -> "EraseReport":
    """Remove one user id from every table of this project, and filter its messages from now on."""
    from engagectl.erase import person

    with connected(project, command="erase", read_only=dry_run) as connections:
        return person.erase(
            project,
            connections=connections,
            user=user,
            forever=forever,
            dry_run=dry_run,
            now=datetime.now(UTC),
            confirm=confirm,
            lock_timeout_s=project.lock_timeout_s,
        )


def quarantine(project: Project, *, limit: int = 100) -> "tuple[tuple[str, QuarantineEntry], ...]":
    """Return (warehouse, entry) of what could not be stored, newest first."""
    from engagectl.journal.quarantine import list_entries

    with connected(project, command="quarantine", read_only=True) as connections:
        return tuple(
            (name, entry)
            for name, connection in connections.items()
            for entry in list_entries(
                connection, project.spec.journal_schema, project=project.spec.project, limit=limit
            )
        )


def replay_quarantine(project: Project, *, select: Sequence[str] = (), reason: str = "", entry: str = "") -> "Replayed":
    """Put back what became storable, exactly once: messages by the applied state of now, values into their rows."""
    from engagectl.config.keys import all_hmac_keys
    from engagectl.journal.quarantine import Selection
    from engagectl.sync.options import SyncOptions
    from engagectl.sync.replay import replay

    with connected(project, command="quarantine", read_only=False) as connections:
        return replay(
            project,
            connections=connections,
            selection=Selection(reason=reason, entry=entry),
            options=SyncOptions(
                select=select, lock_timeout_s=project.lock_timeout_s, keys=all_hmac_keys(project, os.environ)
            ),
            clock=lambda: datetime.now(UTC),
        )


def purge_quarantine(
    project: Project, *, select: Sequence[str] = (), reason: str = "", entry: str = "", older_than_s: int | None = None
) -> int:
    """Forget entries that fit every word said; return how many. Lines of no feed go unless `select` names feeds."""
    from engagectl.sync.purge import purge_entries

    with connected(project, command="quarantine", read_only=False) as connections:
        return purge_entries(
            project,
            connections=connections,
            select=select,
            reason=reason,
            entry=entry,
            older_than_s=older_than_s,
            now=datetime.now(UTC),
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """What `doctor` found in one warehouse."""

    warehouse: str
    checks: "tuple[Check, ...]"


def doctor(
    project: Project, *, roles: "Sequence[Role]" = ("plan", "apply", "sync"), warehouses: Sequence[str] = ()
) -> tuple[Visit, ...]:
    """Look at each warehouse of the target; a failed connection is a finding, not an error."""
    from engagectl.desired.build import build
    from engagectl.warehouses.contract import Check, Needs
    from engagectl.warehouses.registry import warehouse

    visits = []
    for name in warehouses or dict.fromkeys(project.roles.values()):
        try:
            record = warehouse(project.spec.warehouses[name].type) if name in project.spec.warehouses else None
            with connected(project, command="doctor", read_only=True, warehouses=(name,)) as connections:
                assert record is not None  # noqa: S101  connected() refuses an unknown warehouse
                desired = build(project, name, record)
                needs = Needs(
                    tables=tuple(table.name for table in desired.state.tables),
                    merged=frozenset(t.name for feed in desired.feeds if feed.kind == "users" for t in feed.tables),
                    roles=tuple(roles),
                )
                checks = record.doctor(connections[name], project.spec.journal_schema, needs, datetime.now(UTC))
        except UsageError:
            raise
        except EngagectlError as error:
            checks = (Check(name="connect", ok=False, detail=error.message, fix="; ".join(error.help)),)
        visits.append(Visit(name, checks))
    return tuple(visits)


def grants(project: Project, form: str, *, warehouses: Sequence[str] = ()) -> str:
    """Return what an administrator runs once, as `sql` or `terraform`. Nothing is connected to."""
    from engagectl.warehouses.registry import warehouse

    parts = []
    for name in dict.fromkeys(project.roles.values()):
        if warehouses and name not in warehouses:
            continue
        spec = project.spec.warehouses[name]
        said = getattr(spec, "database", None)
        database = said if isinstance(said, str) else "DATABASE"
        parts.append(warehouse(spec.type).grants(database, project.spec.journal_schema, form))
    return "\n\n".join(parts)


def fmt(directory: Path, *, files: Sequence[Path] = (), write: bool = False) -> "tuple[Formatted, ...]":
    """Return each file of the project, or those named, in the one layout; write what changed if asked to."""
    from engagectl.edit.fmt import format_project
    from engagectl.edit.write import write_files

    root = find_root(directory)
    found = format_project(root, files)
    if write:
        write_files(root, {one.file: one.after for one in found if one.changed})
    return found


def path_in_repository(root: Path) -> str:
    """Return what leads from the repository's root to the project, `a/b/` or nothing: code hosts count from there."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            inside = root.relative_to(folder).as_posix()
            return "" if inside == "." else f"{inside}/"
    return ""


def inspect(
    project: Project, *, schemas: Sequence[str] = (), rows: int = 100_000, warehouses: Sequence[str] = ()
) -> "tuple[Survey, ...]":
    """Look at what is in each warehouse: of Engage, or in the schemas that match. Reads a bounded number of rows."""
    from engagectl.inspect.survey import survey
    from engagectl.warehouses.registry import warehouse

    with connected(project, command="inspect", read_only=True, warehouses=warehouses) as connections:
        return tuple(
            survey(
                connection,
                warehouse(project.spec.warehouses[name].type),
                schemas=schemas,
                rows=rows,
                journal=project.spec.journal_schema,
            )
            for name, connection in connections.items()
        )


def import_yaml(
    project: Project,
    *,
    schemas: Sequence[str] = (),
    undeclared: bool = False,
    write: bool = False,
    warehouses: Sequence[str] = (),
    root_file: bytes | None = None,
) -> "tuple[Imported, ...]":
    """Return, for each warehouse, the YAML of what it holds and nobody declares; write it if asked to.

    `root_file` is the engagectl.yaml of a project that is not there yet. Without `write`, several warehouses are each
    compared with the project as it is.
    """
    from engagectl.edit.adopt import import_schemas, import_undeclared
    from engagectl.edit.write import write_files
    from engagectl.warehouses.registry import warehouse

    found = []
    for name in dict.fromkeys(project.roles.values()):
        if warehouses and name not in warehouses:
            continue
        record = warehouse(project.spec.warehouses[name].type)
        with connected(project, command="import", read_only=True, warehouses=(name,)) as connections:
            if undeclared:
                one = import_undeclared(project, name, connections[name], record)
            else:
                files = None if root_file is None else {ROOT_FILE: root_file}
                one = import_schemas(project, name, connections[name], record, schemas=schemas, files=files)
        if root_file is not None and one.after:
            one = replace(one, before={ROOT_FILE: b"", **one.before}, after={ROOT_FILE: root_file, **one.after})
        found.append(one)
        if write and one.after:
            write_files(project.root, one.after)
            variables = {key: str(value) for key, value in project.variables.items() if not isinstance(value, tuple)}
            project = load_project(project.root, target=project.target or None, variables=variables)
    return tuple(found)


def compare(
    project: Project,
    first: str,
    second: str,
    *,
    key: Sequence[str] = ("id",),
    ignore: Sequence[str] = ("uuid_ts", "loaded_at", "uuid"),
    warehouses: Sequence[str] = (),
) -> "Comparison":
    """Compare two schemas of one warehouse row by row: the target's only one, or the one that is named."""
    from engagectl.inspect import compare as room
    from engagectl.warehouses.registry import warehouse

    names = warehouses or tuple(dict.fromkeys(project.roles.values()))
    if len(names) != 1:
        raise UsageError("compare looks at one warehouse", help=f"-w one of: {', '.join(names)}")
    with connected(project, command="compare", read_only=True, warehouses=names) as connections:
        record = warehouse(project.spec.warehouses[names[0]].type)
        return room.compare(connections[names[0]], record, first, second, key=key, ignore=ignore)


def disown(
    project: Project, address: str, *, lock_timeout_s: float = 10.0, warehouses: Sequence[str] = ()
) -> tuple[str, ...]:
    """Give up the ownership of a table (with its columns) or a column, and keep it. Returns the addresses given up.

    Raises RefusedError for what the YAML still declares and for what this project does not own.
    """
    from engagectl.journal import disowning

    wanted = disowning.parse(address)
    chosen = (wanted.warehouse,) if wanted.warehouse else tuple(warehouses)
    with connected(
        project, command="disown", read_only=False, lock_timeout_s=lock_timeout_s, warehouses=chosen
    ) as connections:
        from engagectl.desired.build import build
        from engagectl.warehouses.registry import warehouse

        given_up: list[str] = []
        for name, connection in connections.items():
            state = build(project, name, warehouse(project.spec.warehouses[name].type)).state
            given_up += disowning.disown(
                connection,
                project.spec.journal_schema,
                wanted,
                declared=state,
                project=project.spec.project,
                timeout_s=lock_timeout_s,
                host=holder_name(),
            )
    if not given_up:
        raise RefusedError(
            f"{address} is not owned by project {project.spec.project}",
            code="EC605",
            help="engagectl plan lists what is",
        )
    return tuple(given_up)


def inspect_files(files: Sequence[Path], *, rows: int = 100_000) -> "tuple[FileFacts, ...]":
    """Tell what files of messages hold in their first lines: calls, events, computations, keys with their types."""
    from engagectl.inspect.files import read_facts

    return read_facts(files, rows=rows)


def holder_name() -> str:
    """Return who we are for a lock's holder: host name, without a domain."""
    return socket.gethostname().partition(".")[0]


def _commit(root: Path) -> str:
    """Return the commit that is checked out, or nothing: a plan shows it and compares nothing with it."""
    answer = _git(root, "rev-parse", "--short=12", "HEAD")
    return answer.strip() if answer is not None else ""


@contextmanager
def _project_at(project: Project, revision: str) -> Iterator[Project]:
    """Load the same project as it is at a git revision."""
    with _checked_out(project.root, revision, flag="--base") as folder:
        yield load_project(folder, target=project.target or None, check=False)


@contextmanager
def _checked_out(root: Path, revision: str, *, flag: str) -> Iterator[Path]:
    """Give the project's folder as it is at a git revision, in a temporary place."""
    import io
    import tarfile
    import tempfile

    top = _git(root, "rev-parse", "--show-toplevel")
    usable = top is not None and not revision.startswith("-")
    archive = _git_bytes(root, "archive", "--format=tar", revision) if usable else None
    if archive is None:
        raise UsageError(
            f"{flag} {revision}: git cannot read that revision here",
            help="fetch it first: git fetch --depth=1 origin REF",
        )
    with tempfile.TemporaryDirectory(prefix="engagectl-base-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)


def _git(root: Path, *words: str) -> str | None:
    answer = _git_bytes(root, *words)
    return None if answer is None else answer.decode("utf-8", "replace")


def _git_bytes(root: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False, timeout=60)  # noqa: S603, S607  fixed words; git of the user's own PATH
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def show(project: Project, address: str) -> dict[str, Any]:
    """Return one declared thing whole: what it becomes in each warehouse, who feeds it, which rules decided."""
    from engagectl.show.as_resource import resource

    return resource(project, address)


def sql(project: Project, address: str) -> tuple[str, ...]:
    """Return the statements that would make the tables of an address from nothing. Nothing is connected to."""
    plan = make_plan(project, select=(address,), offline=True)
    return tuple(statement for step in plan.steps for statement in step.statements)
