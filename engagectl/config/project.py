"""A project: all its files read, merged and checked as one."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path

from engagectl.config.files import ROOT_FILE, Files, in_order
from engagectl.config.locate import Source, origin_place
from engagectl.config.merge import Merge
from engagectl.config.root import ProjectSpec, VarValue
from engagectl.errors import ConfigError, Diagnostic, Place
from engagectl.model.origin import Origin


@dataclass(frozen=True)
class Project:
    """A loaded project, seen through one target ("" when it has none: then every warehouse is its own role).

    `only` are the warehouses that the caller asked for (none: all of the target), `lock_timeout_s` how long to wait
    for one that is in use.
    """

    root: Path
    spec: ProjectSpec
    target: str
    roles: Mapping[str, str]
    variables: Mapping[str, VarValue]
    digest: str
    diagnostics: tuple[Diagnostic, ...] = ()
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict, repr=False)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)
    only: tuple[str, ...] = ()
    lock_timeout_s: float = 10.0
    key_checks: Mapping[str, str] = field(default_factory=dict)  # of the hmac keys that could be resolved, by id

    def origin(self, kind: str, id: str) -> Origin:
        """Return where a resource is written; `kind` is its map (`traits`) or a key of the root file."""
        return self.origins.get((kind, id), Origin(ROOT_FILE, (kind, id) if id else (kind,)))

    def owner(self, kind: str, id: str) -> str:
        return str(getattr(getattr(self.spec, kind)[id], "owner", None) or "")

    def place(self, origin: Origin, *, key: bool = False) -> Place:
        """Return the line and column of an origin; the file is parsed again with positions when first asked."""
        return origin_place(self.sources, origin, key=key)


def load_project(
    root: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    check: bool = True,
) -> Project:
    """Read, merge and check every file of the project for one target. Raises ConfigError with all diagnostics."""
    files = Files(root)
    files.read()
    merged = Merge(files)
    merged.run()
    if files.diagnostics:
        raise ConfigError(in_order(files.diagnostics))
    merged.check_version()
    data = merged.data
    digest = hashlib.sha256(
        json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    ).hexdigest()
    chosen = merged.choose_target(target)
    values = merged.variables(chosen, variables or {}, var_files)
    data = merged.substituted(chosen, values)
    spec = merged.validate(data)
    if spec is None or any(d.severity == "error" for d in files.diagnostics):
        raise ConfigError(in_order(files.diagnostics))
    roles = spec.targets[chosen].warehouses if chosen else {name: name for name in spec.warehouses}
    project = Project(root, spec, chosen, roles, values, digest, (), merged.origins, files.sources)
    if not check:
        return project
    from engagectl.config.references import check_references

    found = [*files.diagnostics, *check_references(project, known_warehouses=tuple(merged.data.get("warehouses", ())))]
    if not found and util.find_spec("engagectl.config.check") is not None:
        found += import_module("engagectl.config.check").check_project(project)
    if any(d.severity == "error" for d in found):
        raise ConfigError(in_order(found))
    for source in files.sources.values():
        source.documents.clear()  # the specs say it all from here on; a place is looked up in the text
    return Project(root, spec, chosen, roles, values, digest, in_order(found), merged.origins, files.sources)
