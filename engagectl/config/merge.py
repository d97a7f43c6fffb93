"""All documents of a project become one mapping, for one target; every resource remembers its place."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engagectl.config.activation import ActivationSpec
from engagectl.config.allowed import keys_at
from engagectl.config.connection import ConnectionSpec
from engagectl.config.files import ROOT_FILE, Files, in_order
from engagectl.config.locate import Found, Source, closest, diagnose, origin_place
from engagectl.config.root import MAPS, OWNED, ROOT_ONLY, ProjectSpec, VarValue
from engagectl.config.variables import Path_, read_variables, substitute
from engagectl.errors import ConfigError, Diagnostic, Place
from engagectl.model.origin import Origin


class Merge:
    """All documents become one mapping; every resource remembers its place."""

    def __init__(self, files: Files) -> None:
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
        declared = self._targets.get(target, {}).get("vars")
        return read_variables(declared if isinstance(declared, dict) else {}, given, var_files)

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
                new = substitute(resource, values, (), missing)
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


def _numbers(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall(r"\d+", text)[:4]]
    return tuple(parts + [0] * (4 - len(parts)))


def _holds(version: tuple[int, ...], sign: str, wanted: tuple[int, ...]) -> bool:
    signs = {">=": version >= wanted, "<=": version <= wanted, "==": version == wanted}
    signs |= {"!=": version != wanted, ">": version > wanted, "<": version < wanted}
    return signs[sign]
