"""References -> values, at the last moment before connecting. A Secret goes from here to connect() and nowhere else."""

import fnmatch
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from engagectl.config.field import EnvRef, FileRef
from engagectl.config.warehouse import SETTINGS, CredentialsSpec, WarehouseSpec
from engagectl.errors import ConfigError, Diagnostic


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


def resolve_secrets(
    spec: WarehouseSpec,
    credentials: Mapping[str, CredentialsSpec],
    env: Mapping[str, str],
    *,
    root: Path,
    allow_env: Sequence[str] | None = None,
) -> Mapping[str, Secret | str]:
    """Return every connection field that is said: what comes by reference as a Secret, the rest as text.

    A file is read less its last line break. Raises ConfigError (EC210) that names all
    unset variables at once, and EC211 for files and names that are not allowed.
    """
    auth = spec.auth or (credentials[spec.credentials] if spec.credentials else None)
    found: dict[str, Secret | str] = {}
    problems: list[Diagnostic] = []
    for part in (auth, spec):
        for name in type(part).model_fields if part is not None else ():
            value = getattr(part, name)
            if value is None or name in SETTINGS:
                continue
            key = name.rstrip("_")
            if isinstance(value, EnvRef):
                resolved = _from_env(value, env, allow_env, problems)
            elif isinstance(value, FileRef):
                resolved = _from_file(value, root, problems)
            else:
                found[key] = str(value)
                continue
            if resolved is not None:
                found[key] = Secret(resolved)
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return found


def _from_env(
    ref: EnvRef, env: Mapping[str, str], allow_env: Sequence[str] | None, problems: list[Diagnostic]
) -> str | None:
    limits = [tuple(allow_env)] if allow_env is not None else []
    if "ENGAGECTL_ALLOWED_ENV" in env:
        limits.append(tuple(env["ENGAGECTL_ALLOWED_ENV"].replace(",", " ").split()))
    if not all(any(fnmatch.fnmatchcase(ref.env, allowed) for allowed in limit) for limit in limits):
        problems.append(_error("EC211", f"the environment variable {ref.env} may not be read here"))
        return None
    value = env.get(ref.env, "")
    if value:
        return value
    if not ref.optional:
        problems.append(_error("EC210", f"the environment variable {ref.env} is not set"))
    return None


def _from_file(ref: FileRef, root: Path, problems: list[Diagnostic]) -> str | None:
    try:
        path = Path(ref.file).resolve(strict=True)
        if path.is_relative_to(root.resolve()):
            problems.append(_error("EC211", f"the secret file {ref.file} lies inside the project"))
            return None
        if not stat.S_ISREG(path.stat().st_mode):
            problems.append(_error("EC211", f"the secret file {ref.file} is not a regular file"))
            return None
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        problems.append(_error("EC211", f"the secret file {ref.file} cannot be read as text"))
        return None


def _error(code: str, message: str) -> Diagnostic:
    return Diagnostic(code=code, severity="error", message=message)
