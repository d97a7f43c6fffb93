"""References -> values, at the last moment before connecting. A Secret goes from here to connect() and nowhere else."""

import fnmatch
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engagectl.config.field import EnvRef, FileRef
from engagectl.config.project import Project
from engagectl.config.regular import NotRegular, open_regular, real_path
from engagectl.config.warehouse import SETTINGS
from engagectl.errors import ConfigError, Diagnostic
from engagectl.model.origin import Origin

MAX_SECRET_BYTES = 1 << 20


class Secret:
    """A value that only `reveal()` shows: repr, str, format, pickle and equality tell nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


Secrets = Mapping[str, "Secret | str"]
"""Every connection field of a warehouse that is said: what comes by reference as a Secret, the rest as text."""


def resolve_secrets(project: Project, ids: Sequence[str], env: Mapping[str, str]) -> dict[str, Secrets]:
    """Return the connection fields of each of these warehouses.

    A file is read less its last line break. Raises ConfigError that names all unset variables at once (EC210), and the
    files and names that are not allowed (EC211), each with what needs it.
    """
    resolver = _Resolver(project, env)
    found = {id_: resolver.warehouse(id_) for id_ in ids}
    if resolver.problems:
        raise ConfigError(resolver.diagnostics())
    return found


def resolve_credential(project: Project, id: str, value: object, field: str, env: Mapping[str, str]) -> "Secret | None":
    """Return one field of `credentials`. Raises ConfigError as resolve_secrets does."""
    resolver = _Resolver(project, env)
    found = resolver.value(value, project.origin("credentials", id).under(field))
    if resolver.problems:
        raise ConfigError(resolver.diagnostics())
    return Secret(found) if isinstance(found, str) else found


@dataclass
class _Resolver:
    """`problems` maps what is wrong to the places that meet it."""

    project: Project
    env: Mapping[str, str]
    problems: dict[tuple[str, str, tuple[str, ...]], list[Origin]] = field(default_factory=dict)

    def warehouse(self, id: str) -> Secrets:
        spec = self.project.spec.warehouses[id]
        origin = self.project.origin("warehouses", id)
        parts: list[tuple[object, Origin]] = [(spec, origin)]
        if spec.auth is not None:
            parts.insert(0, (spec.auth, origin.under("auth")))
        elif spec.credentials:
            shared = self.project.spec.credentials[spec.credentials]
            parts.insert(0, (shared, self.project.origin("credentials", spec.credentials)))
        found: dict[str, Secret | str] = {}
        for part, where in parts:
            for name in type(part).model_fields:  # type: ignore[attr-defined]  # specs are pydantic's, named nowhere here
                value = getattr(part, name)
                if value is None or name in SETTINGS:
                    continue
                key = name.rstrip("_")
                resolved = self.value(value, where.under(key))
                if resolved is not None:
                    found[key] = resolved
        return found

    def value(self, value: object, origin: Origin) -> Secret | str | None:
        match value:
            case EnvRef():
                return self._from_env(value, origin)
            case FileRef():
                return self._from_file(value, origin)
            case _:
                return str(value)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        made = []
        for (code, message, advice), origins in self.problems.items():
            places = [(self.project.place(origin), ".".join(map(str, origin.path))) for origin in origins]
            made.append(
                Diagnostic(
                    code=code,
                    severity="error",
                    message=message,
                    place=places[0][0],
                    label=f"needed by {places[0][1]}",
                    help=advice,
                    related=tuple((place, f"and by {who}") for place, who in places[1:]),
                )
            )
        return tuple(made)

    def _from_env(self, ref: EnvRef, origin: Origin) -> Secret | None:
        said = self.project.spec.secrets
        limits = [tuple(said.allow_env)] if said is not None and said.allow_env is not None else []
        if "ENGAGECTL_ALLOWED_ENV" in self.env:
            limits.append(tuple(self.env["ENGAGECTL_ALLOWED_ENV"].replace(",", " ").split()))
        if not all(any(fnmatch.fnmatchcase(ref.env, allowed) for allowed in limit) for limit in limits):
            advice = "the names that may be read: secrets.allow_env in engagectl.yaml, and ENGAGECTL_ALLOWED_ENV"
            self._refuse("EC211", f"the environment variable {ref.env} may not be read here", origin, advice)
            return None
        value = self.env.get(ref.env, "")
        if value:
            return Secret(value)
        if not ref.optional:
            advice = "set it, or read it from a file: --env-file FILE"
            self._refuse("EC210", f"the environment variable {ref.env} is not set", origin, advice)
        return None

    def _from_file(self, ref: FileRef, origin: Origin) -> Secret | None:
        try:
            path = Path(os.path.realpath(ref.file, strict=True))  # Path.resolve raises something else for a loop
            if path.is_relative_to(real_path(self.project.root)):
                self._refuse("EC211", f"the secret file {ref.file} lies inside the project", origin)
                return None
            with open_regular(path) as file:
                raw = file.read(MAX_SECRET_BYTES + 1)
            if len(raw) > MAX_SECRET_BYTES:
                self._refuse("EC211", f"the secret file {ref.file} is larger than {MAX_SECRET_BYTES >> 20} MiB", origin)
                return None
            return Secret(raw.decode("utf-8").removesuffix("\n").removesuffix("\r"))
        except NotRegular:
            self._refuse("EC211", f"the secret file {ref.file} is not a regular file", origin)
            return None
        except (OSError, UnicodeDecodeError):
            self._refuse("EC211", f"the secret file {ref.file} cannot be read as text", origin)
            return None

    def _refuse(self, code: str, message: str, origin: Origin, *advice: str) -> None:
        places = self.problems.setdefault((code, message, advice), [])
        if origin not in places:
            places.append(origin)
