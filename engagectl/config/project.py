"""A project: all its files read, merged and checked as one."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module, util
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engagectl.config.activation import ActivationSpec
from engagectl.config.allowed import keys_at
from engagectl.config.connection import ConnectionSpec
from engagectl.config.load import MAX_BYTES, resolve_scalar
from engagectl.config.locate import Found, Source, closest, diagnose, origin_place
from engagectl.config.regular import Outside, open_inside, real_path
from engagectl.config.root import MAPS, OWNED, ROOT_ONLY, ProjectSpec, VarValue
from engagectl.errors import ConfigError, Diagnostic, Place, UsageError
from engagectl.model.origin import Origin

ROOT_FILE = "engagectl.yaml"
MAX_FILES = 5_000


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


def find_root(start: Path) -> Path:
    """Return the folder of the first engagectl.yaml from `start` upwards. It stops above a repository's root."""
    start = real_path(start)
    for folder in (start, *start.parents):
        if (folder / ROOT_FILE).is_file():
            return folder
        if (folder / ".git").exists():
            break
    message = f"no {ROOT_FILE} in {start} or above it"
    advice = ("engagectl init makes one; -C DIR names another folder",)
    raise ConfigError((Diagnostic(code="EC021", severity="error", message=message, help=advice),))


def load_project(
    root: Path,
    *,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    var_files: Sequence[Path] = (),
    check: bool = True,
) -> Project:
    """Read, merge and check every file of the project for one target. Raises ConfigError with all diagnostics."""
    files = _Files(root)
    files.read()
    merged = _Merge(files)
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


def read_files(root: Path) -> Mapping[str, Source]:
    """Return the files of a project by name, read and parsed, whatever they say. Raises ConfigError on broken YAML."""
    files = _Files(root)
    files.read()
    if files.diagnostics:
        raise ConfigError(in_order(files.diagnostics))
    return files.sources


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each diagnostic once, by file, line and column."""

    def key(d: Diagnostic) -> tuple[str, int, int, str, str]:
        return (d.place.file, d.place.line, d.place.column, d.code, d.message) if d.place else ("", 0, 0, d.code, "")

    return tuple(sorted(dict.fromkeys(found), key=key))


class _Files:
    """The files of a project: the root file and what its `include` names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources: dict[str, Source] = {}
        self.diagnostics: list[Diagnostic] = []

    def error(
        self, code: str, message: str, place: Place | None, *, label: str = "", help: tuple[str, ...] = ()
    ) -> None:
        self.diagnostics.append(
            Diagnostic(code=code, severity="error", message=message, place=place, label=label, help=help)
        )

    def read(self) -> None:
        if not (self.root / ROOT_FILE).is_file():
            self.error("EC021", f"no {ROOT_FILE} in {self.root}", None)
            raise ConfigError(tuple(self.diagnostics))
        self._read_one(ROOT_FILE, None)
        documents = self.sources[ROOT_FILE].documents if ROOT_FILE in self.sources else []
        for number, document in enumerate(documents):
            globs = document.get("include") if isinstance(document, dict) else None
            for index, pattern in enumerate(globs if isinstance(globs, list) else []):
                if isinstance(pattern, str) and pattern:
                    self._include(pattern, self.sources[ROOT_FILE].place(("include", index), document=number))

    def _include(self, pattern: str, place: Place) -> None:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            self.error(
                "EC022", "include names files outside the project", place, help=("write globs below the project",)
            )
            return
        try:
            paths = sorted(path for path in self.root.glob(pattern) if path.is_file())
        except (ValueError, OSError, NotImplementedError):
            self.error("EC022", "include holds a glob that cannot be read", place)
            return
        if len(paths) > MAX_FILES:
            self.error("EC022", f"include names more than {MAX_FILES} files", place)
            return
        for path in paths:
            name = path.relative_to(self.root).as_posix()
            if name not in self.sources:
                self._read_one(name, place)
        if not paths and not any(c in pattern for c in "*?["):
            self.error("EC022", f"include names a file that is not there: {pattern}", place)

    def _read_one(self, name: str, place: Place | None) -> None:
        try:
            with open_inside(self.root, name) as file:
                raw = file.read(MAX_BYTES + 1)
        except Outside:
            self.error("EC022", f"{name} is a link to a file outside the project", place)
            return
        except OSError as error:
            self.error("EC022", f"{name} cannot be read: {error.strerror}", place)
            return
        source = Source(name, raw)
        problem = source.load()
        self.sources[name] = source
        if problem is not None:
            self.diagnostics.append(problem)


class _Merge:
    """All documents become one mapping; every resource remembers its place."""

    def __init__(self, files: _Files) -> None:
        self.files = files
        self.data: dict[str, Any] = {}
        self.origins: dict[tuple[str, str], Origin] = {}
        self.removed: list[Origin] = []

    def run(self) -> None:
        for source in self.files.sources.values():
            for number, document in enumerate(source.documents):
                if document is None:
                    continue
                if not isinstance(document, dict):
                    place = source.place((), document=number)
                    self.files.error("EC102", f"{source.file} must hold a mapping of keys", place)
                    continue
                self._document(source, number, document)

    def _document(self, source: Source, number: int, document: dict[str, Any]) -> None:
        owner = document.get("owner")
        if owner is not None and not (isinstance(owner, str) and owner):
            self.files.error("EC102", "owner must be text", source.place(("owner",), document=number))
            owner = None
        for key, value in document.items():
            if key.startswith("x-") or key == "owner":
                continue
            origin = Origin(source.file, (key,), number)
            if key in MAPS:
                self._map(source, origin, key, value, owner)
            elif key == "removed" and isinstance(value, list):
                self.data.setdefault("removed", []).extend(value)
                self.removed += [origin.under(index) for index in range(len(value))]
            elif key in ROOT_ONLY or key == "removed":
                self._single(source, origin, key, value)
            else:
                known = sorted({*MAPS, "removed", "owner"} | (ROOT_ONLY if source.file == ROOT_FILE else set()))
                meant = closest(key, known)
                label = f"did you mean `{meant}`?" if meant else "not a key here"
                place = source.place((key,), document=number, key=True)
                advice = (f"keys allowed here: {', '.join(known)}, x-*",)
                self.files.error("EC104", f"unknown key `{key}`", place, label=label, help=advice)

    def _single(self, source: Source, origin: Origin, key: str, value: Any) -> None:
        if source.file != ROOT_FILE:
            place = source.place((key,), document=origin.document, key=True)
            self.files.error("EC104", f"`{key}` belongs in {ROOT_FILE} only", place)
        elif key in self.data:
            place = source.place((key,), document=origin.document, key=True)
            self.files.error("EC103", f"`{key}` is said twice", place)
        else:
            self.data[key] = value
            self.origins[key, ""] = origin

    def _map(self, source: Source, origin: Origin, key: str, value: Any, owner: str | None) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            place = source.place((key,), document=origin.document)
            self.files.error("EC102", f"{key} must be a mapping of ids", place, label="must be a mapping")
            return
        target = self.data.setdefault(key, {})
        for name, resource in value.items():
            here = origin.under(name)
            if name in target:
                self._duplicate(key, name, here)
                continue
            if owner and key in OWNED and isinstance(resource, dict) and resource.get("owner") is None:
                resource = {**resource, "owner": owner}
            target[name] = resource
            self.origins[key, name] = here

    def _duplicate(self, key: str, id: str, here: Origin) -> None:
        place = origin_place(self.files.sources, here, key=True)
        first = origin_place(self.files.sources, self.origins[key, id], key=True)
        self.files.diagnostics.append(
            Diagnostic(
                code="EC103",
                severity="error",
                message=f"{key}.{id} is defined twice",
                place=place,
                label="defined again here",
                related=((first, "first defined here"),),
            )
        )

    # --- target and variables ---

    @cached_property
    def _targets(self) -> Mapping[str, Any]:
        found = self.data.get("targets")
        return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}

    def check_version(self) -> None:
        wanted = self.data.get("required_version")
        if not isinstance(wanted, str):
            return
        from engagectl import __version__

        place = self.files.sources[ROOT_FILE].place(("required_version",))
        for part in wanted.split(","):
            found = re.fullmatch(r"\s*(>=|<=|==|!=|>|<)\s*([0-9]{1,6}(?:\.[0-9]{1,6}){0,3})\s*", part)
            if not found:
                self.files.error("EC106", 'required_version must be written as in ">=0.1,<0.2"', place)
            elif not _holds(_numbers(__version__), found[1], _numbers(found[2])):
                self.files.error("EC106", f"this is engagectl {__version__}; the project asks for another", place)

    def choose_target(self, target: str | None) -> str:
        if not self._targets:
            if target or self.data.get("default_target"):
                self.files.error("EC107", "a target is asked for, and the project has none", None)
            return ""
        default = self.data.get("default_target")
        chosen = target or (default if isinstance(default, str) else None)
        if chosen is None:
            if len(self._targets) == 1:
                return next(iter(self._targets))
            message = "the project has several targets and no default_target"
            self.files.error("EC107", message, None, help=(f"-t one of: {', '.join(self._targets)}",))
        elif chosen not in self._targets:
            place = None if target else self.files.sources[ROOT_FILE].place(("default_target",))
            meant = closest(chosen, list(self._targets))
            label = f"did you mean `{meant}`?" if meant else ""
            advice = (f"targets: {', '.join(self._targets)}",)
            self.files.error("EC107", f"unknown target `{chosen}`", place, label=label, help=advice)
        else:
            return chosen
        raise ConfigError(in_order(self.files.diagnostics))

    def variables(self, target: str, given: Mapping[str, str], var_files: Sequence[Path]) -> dict[str, VarValue]:
        """Return the target's variables, then those of the files, then those of the command line."""
        declared = self._targets.get(target, {}).get("vars")
        values: dict[str, Any] = dict(declared) if isinstance(declared, dict) else {}
        for path in var_files:
            try:
                content = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                raise UsageError(f"the variables file {path} cannot be read as JSON") from None
            if not isinstance(content, dict):
                raise UsageError(f"the variables file {path} must hold one JSON object")
            values |= {name: _variable(path, name, value) for name, value in content.items()}
        for name, text in given.items():
            values[name] = text
            if name in values and isinstance(declared, dict) and not isinstance(declared.get(name, ""), str):
                try:
                    values[name] = resolve_scalar(text)  # a declared number stays a number
                except ValueError:
                    values[name] = text
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

    def substituted(self, target: str, values: Mapping[str, VarValue]) -> dict[str, Any]:
        """Return the data with `{$var}` replaced in warehouses, credentials and inputs, and defaults put under."""
        data = dict(self.data)
        used = self._used_warehouses(target)
        for kind in ("warehouses", "credentials", "inputs"):
            resources = data.get(kind)
            if not isinstance(resources, dict):
                continue
            done = {}
            for item_id, resource in resources.items():
                missing: list[tuple[Path_, str]] = []
                new = _substitute(resource, values, (), missing)
                if missing and kind == "warehouses" and used is not None and item_id not in used:
                    continue  # variables are asked for only in warehouses that the target uses
                for path, name in missing:
                    place = origin_place(self.files.sources, self.origins[kind, item_id].under(*path))
                    meant = closest(name, list(values))
                    label = f"did you mean `{meant}`?" if meant else ""
                    message = f"variable `{name}` has no value" + (f" in target {target}" if target else "")
                    advice = ("set it in the target's vars, or with --var name=value",)
                    self.files.error("EC208", message, place, label=label, help=advice)
                done[item_id] = new
            data[kind] = done
        self._put_defaults(data)
        return data

    def _used_warehouses(self, target: str) -> set[str] | None:
        if not target:
            return None
        roles = self._targets[target].get("warehouses")
        items = roles.values() if isinstance(roles, dict) else roles if isinstance(roles, list) else ()
        return {item for item in items if isinstance(item, str)}

    def _put_defaults(self, data: dict[str, Any]) -> None:
        defaults = data.get("defaults")
        if not isinstance(defaults, dict):
            return
        for name, model in (("activation", ActivationSpec), ("connection", ConnectionSpec)):
            values, resources = defaults.get(name), data.get(f"{name}s")
            if not isinstance(values, dict):
                continue
            known = sorted(item.alias or key for key, item in model.model_fields.items())
            for key in values:
                if key not in known:
                    place = origin_place(self.files.sources, Origin(ROOT_FILE, ("defaults", name, key)), key=True)
                    meant = closest(key, known)
                    label = f"did you mean `{meant}`?" if meant else "not a key here"
                    advice = (f"keys allowed here: {', '.join(known)}",)
                    self.files.error(
                        "EC104", f"unknown key `{key}` in defaults.{name}", place, label=label, help=advice
                    )
            values = {key: value for key, value in values.items() if key in known}
            if isinstance(resources, dict):
                data[f"{name}s"] = {k: {**values, **v} if isinstance(v, dict) else v for k, v in resources.items()}

    # --- models ---

    def validate(self, data: dict[str, Any]) -> ProjectSpec | None:
        try:
            return ProjectSpec.model_validate(data)
        except ValidationError as error:
            for found in diagnose(error, data, allowed=lambda path: keys_at(data, path)):
                self.files.diagnostics.append(self._diagnostic(found))
            return None

    def _diagnostic(self, found: Found) -> Diagnostic:
        place = self._place(found.path, key=found.key)
        return Diagnostic(
            code=found.code, severity="error", message=found.message, place=place, label=found.label, help=found.help
        )

    def _place(self, path: tuple[str | int, ...], *, key: bool) -> Place:
        origin = Origin(ROOT_FILE, path)
        if path[:1] == ("removed",) and len(path) > 1:
            origin = self.removed[int(path[1])].under(*path[2:])
        elif len(path) > 1 and (path[0], path[1]) in self.origins:
            origin = self.origins[str(path[0]), str(path[1])].under(*path[2:])
            inherited = self._inherited(path)
            if inherited is not None:
                origin = inherited
        elif path and (str(path[0]), "") in self.origins:
            origin = self.origins[str(path[0]), ""].under(*path[1:])
        return origin_place(self.files.sources, origin, key=key)

    def _inherited(self, path: tuple[str | int, ...]) -> Origin | None:
        """Return the place in `defaults` of a value that its resource does not say itself."""
        own = self.data[str(path[0])].get(path[1]) if path[0] in ("activations", "connections") else None
        if len(path) < 3 or not isinstance(own, dict) or path[2] in own:
            return None
        default = self.data.get("defaults", {}).get(str(path[0]).removesuffix("s"), {})
        if path[2] not in default:
            return None
        return Origin(ROOT_FILE, ("defaults", str(path[0]).removesuffix("s"), *path[2:]))


Path_ = tuple[str | int, ...]


def _substitute(value: Any, values: Mapping[str, VarValue], path: Path_, missing: list[tuple[Path_, str]]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$var"}:
            name = value["$var"]
            if isinstance(name, str) and name in values:
                found = values[name]
                return list(found) if isinstance(found, tuple) else found
            missing.append((path, name if isinstance(name, str) else "?"))
            return value
        return {key: _substitute(item, values, (*path, key), missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, values, (*path, index), missing) for index, item in enumerate(value)]
    return value


def _variable(path: Path, name: str, value: Any) -> Any:
    """Return the value of one key of a variables file; an object is what `terraform output -json` writes."""
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "type", "sensitive"}:
        if value.get("sensitive"):
            advice = "variables are shown; name a secret in the YAML: {$env: NAME} or {$file: /path}"
            raise UsageError(f"{name} in {path} is marked as sensitive", help=advice)
        value = value["value"]
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float | bool) for item in items):
        raise UsageError(
            f"{name} in {path} is not a variable", help="a text, a number, true or false, or a list of them"
        )
    return value


def _numbers(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall(r"\d+", text)[:4]]
    return tuple(parts + [0] * (4 - len(parts)))


def _holds(version: tuple[int, ...], sign: str, wanted: tuple[int, ...]) -> bool:
    signs = {">=": version >= wanted, "<=": version <= wanted, "==": version == wanted}
    signs |= {"!=": version != wanted, ">": version > wanted, "<": version < wanted}
    return signs[sign]
