"""A proposal -> the files of the project that would change, and the project as it would then be."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from engagectl.config.files import ROOT_FILE
from engagectl.config.project import Project, load_project
from engagectl.edit.propose import Proposal
from engagectl.edit.text import rewritten, said_by
from engagectl.errors import InternalError

_ORDER = ("spaces", "traits", "audiences", "journeys", "tables", "connections", "activations")


def changed_files(files: Mapping[str, bytes], project: Project, proposal: Proposal) -> dict[str, bytes]:
    """Return the files that the proposal changes or makes. New resources go where their space stands."""
    edits: dict[str, list[tuple[str, ...]]] = {}
    for kind, id_ in sorted(proposal.new, key=lambda key: (_ORDER.index(key[0]), key[1])):
        edits.setdefault(_file_of(project, proposal.spaces[kind, id_]), []).append((kind, id_))
    for id_ in sorted({*proposal.sends, *proposal.columns}):
        edits.setdefault(project.origin("connections", id_).file, []).append(("connections", id_))
    changed = {}
    for name, keys in edits.items():
        raw = files.get(name, b"{}\n")
        expected = deepcopy(said_by(raw))
        _edit(expected, keys, proposal, styled=False)
        done = rewritten(raw, lambda documents, keys=keys: _edit(documents, keys, proposal, styled=True), file=name)  # type: ignore[misc]
        if said_by(done) != expected:
            raise InternalError(f"import would have written something else into {name}")
        changed[name] = done
    return changed


@contextmanager
def loaded(project: Project, files: Mapping[str, bytes]) -> Iterator[Project]:
    """Load the project that these files are, in a folder of its own. Raises ConfigError when it is not valid."""
    with tempfile.TemporaryDirectory(prefix="engagectl-import-") as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        variables = {name: str(value) for name, value in project.variables.items() if not isinstance(value, tuple)}
        yield load_project(Path(folder), target=project.target or None, variables=variables)


def _file_of(project: Project, space: str) -> str:
    if ("spaces", space) in project.origins:
        return project.origins["spaces", space].file
    for pattern in project.spec.include:
        base = "/".join(part for part in _before_wildcard(pattern))
        name = f"{base}/{space}.yaml" if base else f"{space}.yaml"
        if fnmatchcase(name, pattern.replace("**/", "")):
            return name
    return ROOT_FILE


def _before_wildcard(pattern: str) -> Iterator[str]:
    for part in pattern.removeprefix("./").split("/")[:-1]:
        if any(sign in part for sign in "*?["):
            return
        yield part


def _edit(documents: list[Any], keys: list[tuple[str, ...]], proposal: Proposal, *, styled: bool) -> None:
    if not documents:
        documents.append({})
    if documents[0] is None:
        documents[0] = {}
    document = documents[0]
    for kind, id_ in keys:
        if (kind, id_) in proposal.new:
            if document.get(kind) is None:
                document[kind] = {}
            resource = deepcopy(proposal.new[kind, id_])
            document[kind][id_] = (
                in_lines(resource, is_line=kind not in ("connections", "activations", "tables")) if styled else resource
            )
            continue
        for one in documents:
            there = (one or {}).get("connections") or {}
            if id_ in there:
                _extend(there[id_], id_, proposal, styled=styled)


def _extend(connection: Any, id_: str, proposal: Proposal, *, styled: bool) -> None:
    for item in proposal.sends.get(id_, ()):
        if connection.get("send") is None:
            connection["send"] = []
        connection["send"].append(in_lines(deepcopy(item), is_line=True) if styled else deepcopy(item))
    for name, said in proposal.columns.get(id_, {}).items():
        if connection.get("columns") is None:
            connection["columns"] = {}
        connection["columns"][name] = in_lines(deepcopy(said), is_line=True) if styled else deepcopy(said)


def in_lines(value: Any, *, is_line: bool) -> Any:
    """Return the value as a person would lay it out: small things on one line."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, dict):
        made = CommentedMap({key: in_lines(item, is_line=is_line or key == "native") for key, item in value.items()})
        for key in ("send", "mappings", "columns"):
            if isinstance(value.get(key), list):
                rows = CommentedSeq([in_lines(item, is_line=True) for item in value[key]])
                made[key] = rows
            elif isinstance(value.get(key), dict):
                made[key] = CommentedMap({name: in_lines(item, is_line=True) for name, item in value[key].items()})
        if is_line:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        row = CommentedSeq([in_lines(item, is_line=True) for item in value])
        row.fa.set_flow_style()
        return row
    return value
