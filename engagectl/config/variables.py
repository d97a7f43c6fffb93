"""Variables: where their values come from, and `{$var: NAME}` replaced by them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engagectl.config.load import resolve_scalar
from engagectl.config.root import VarValue
from engagectl.errors import UsageError

Path_ = tuple[str | int, ...]


def read_variables(
    declared: Mapping[str, Any], given: Mapping[str, str], var_files: Sequence[Path]
) -> dict[str, VarValue]:
    """Return the target's variables, then those of the files, then those of the command line."""
    values: dict[str, Any] = dict(declared)
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
        if not isinstance(declared.get(name, ""), str):
            try:
                values[name] = resolve_scalar(text)  # a declared number stays a number
            except ValueError:
                values[name] = text
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def substitute(value: Any, values: Mapping[str, VarValue], path: Path_, missing: list[tuple[Path_, str]]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$var"}:
            name = value["$var"]
            if isinstance(name, str) and name in values:
                found = values[name]
                return list(found) if isinstance(found, tuple) else found
            missing.append((path, name if isinstance(name, str) else "?"))
            return value
        return {key: substitute(item, values, (*path, key), missing) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, values, (*path, index), missing) for index, item in enumerate(value)]
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
