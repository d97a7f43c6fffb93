"""What is in a warehouse, or in files, before anything is declared."""

import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engagectl.api.connections import connected, holder_name
from engagectl.config.files import ROOT_FILE
from engagectl.config.project import Project, load_project
from engagectl.errors import FailedError, RefusedError, UsageError

if TYPE_CHECKING:
    from engagectl.edit.adopt import Imported
    from engagectl.edit.draft import Draft
    from engagectl.inspect.compare import Comparison
    from engagectl.inspect.files import FileFacts
    from engagectl.inspect.survey import Survey

DRAFT_ROLE = "cdp"


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


def inspect_files(files: Sequence[Path | str], *, rows: int = 100_000) -> "tuple[FileFacts, ...]":
    """Tell what files of messages hold in their first lines: calls, events, computations, keys with their types.

    Files are paths, or globs or object URLs as an input of the YAML names them.
    """
    from engagectl.inspect.files import read_facts
    from engagectl.sync.inputs.files import InputFile, list_files
    from engagectl.sync.inputs.first import first_lines

    found: dict[str, InputFile] = {}
    for name in map(str, files):
        here = glob.escape(name) if Path(name).exists() else name
        listed = list_files([here], root=Path())
        if not listed:
            raise FailedError(f"there is no file {name}")
        found |= {file.key: file for file in listed}
    return tuple(read_facts(key, first_lines(file), rows=rows, format=file.format) for key, file in found.items())


def draft_yaml(files: Sequence[Path | str], *, rows: int = 100_000, root: Path | None = None) -> "Draft":
    """Return the YAML that would load what files of messages hold. Files inside `root` are named as from there."""
    return draft_of(inspect_files(files, rows=rows), files, root=root)


def draft_of(found: "Sequence[FileFacts]", files: Sequence[Path | str], *, root: Path | None = None) -> "Draft":
    """Return the YAML for what `inspect_files` found. Raises RefusedError where there is nothing to declare."""
    from engagectl.edit.draft import draft
    from engagectl.inspect.files import merged

    names = [_named(str(name), (root or Path()).absolute()) for name in files]
    return draft(merged(found), files=names, role=DRAFT_ROLE)


def _named(name: str, root: Path) -> str:
    """Return a pattern as an input of a project in that folder would name it."""
    if "://" in name:
        return name
    path = Path(name).absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


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
