"""The warehouses of a target, opened for one job and closed after it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from engagectl.api.revisions import commit_of
from engagectl.config.project import Project
from engagectl.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from engagectl.warehouses.contract import Connection, Warehouse

_STRUCTURE = ("apply", "disown", "unlock")
"""Commands that write structure and the journal; every other one that writes needs rows to be written too."""


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
    if not read_only or command == "erase":  # what erase would do is told for what it can do
        for name in chosen:
            _check_writes(warehouse(project.spec.warehouses[name].type), name, command)
    secrets = resolve_secrets(project, chosen, os.environ)
    kinds = {name: warehouse(project.spec.warehouses[name].type) for name in chosen}
    commit = commit_of(project.root) if any(kind.capabilities.tagged for kind in kinds.values()) else ""
    with ExitStack() as stack:
        opened: dict[str, Connection] = {}
        for name in chosen:
            spec = project.spec.warehouses[name]
            connection = kinds[name].connect(
                spec,
                name,
                secrets=secrets[name],
                root=project.root,
                read_only=read_only,
                lock_timeout_s=project.lock_timeout_s if lock_timeout_s is None else lock_timeout_s,
                command=command,
                target=project.target,
                commit=commit,
                memory_mb=memory_mb,
            )
            opened[name] = stack.enter_context(connection)
        yield opened


def _check_writes(record: "Warehouse", name: str, command: str) -> None:
    """Raise RefusedError for a command that engagectl does not have for this type of warehouse yet."""
    writes = record.capabilities.writes
    if writes == "rows" or (writes == "structure" and command in _STRUCTURE):
        return
    there = "plan, drift, inspect and import work" + (", and apply" if writes == "structure" else "")
    raise RefusedError(
        f"engagectl does not {command} into {record.title} yet (warehouse {name}): {there}",
        code="EC503",
        help="leave the warehouse out of the target, or name the others with --warehouse",
    )


def with_key_checks(project: Project) -> Project:
    from engagectl.config.keys import all_hmac_keys, key_check

    keys = all_hmac_keys(project, os.environ)
    return replace(project, key_checks={id_: key_check(key) for id_, key in keys.items()})


def holder_name() -> str:
    """Return who we are for a lock's holder: host name, without a domain."""
    return os.uname().nodename.partition(".")[0]
