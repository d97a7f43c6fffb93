"""Each setting with its value and where that came from: flag, environment, target, project file, default."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagectl.cli.flags import TABLE, Invocation

if TYPE_CHECKING:
    from engagectl.config.project import Project

_OF_PROJECT = (
    ("journal_schema",),
    ("plan", "expires"),
    ("quarantine", "keep"),
    ("lifecycle", "type_changes"),
    ("lifecycle", "max_rows_rewritten"),
)
_OF_WAREHOUSE = (("sync", "every"), ("sync", "cron"), ("sync", "timezone"), ("sync", "blackout"))


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    source: str


def settings(state: Invocation, project: "Project") -> tuple[Setting, ...]:
    """Return the flags, the target and its variables, then what the YAML says of the project and its warehouses."""
    found = [
        Setting(flag, _text(getattr(state, field)), state.told.get(field, "default"))
        for flag, (field, *_) in TABLE.items()
        if field != "target"
    ]
    root = project.origin("default_target", "").file
    source = f"{root}: default_target" if project.spec.default_target else "the only target"
    found.append(Setting("--target", project.target or "(none)", state.told.get("target", source)))
    said = {text.partition("=")[0] for text in state.var}
    target = project.spec.targets.get(project.target)
    for name, value in sorted(project.variables.items()):
        where = "target" if target is not None and name in target.vars else "flag --var-file"
        overridden = target is not None and name in target.vars and target.vars[name] != value
        where = "flag --var" if name in said else "flag --var-file" if overridden else where
        found.append(Setting(f"vars.{name}", _text(value), where))
    found += [_written(project, project.spec, path, project.origin(path[0], ""), "") for path in _OF_PROJECT]
    for name in dict.fromkeys(project.roles.values()):
        at = project.origin("warehouses", name)
        spec = project.spec.warehouses[name]
        found += [_written(project, spec, path, at, f"warehouses.{name}.") for path in _OF_WAREHOUSE]
    return tuple(found)


def _written(project: "Project", spec: Any, path: tuple[str, ...], at: Any, prefix: str) -> Setting:
    """Return one value of a spec; it is from the file only when the file says it."""
    value, is_said = spec, True
    for key in path:
        is_said = is_said and value is not None and key in value.model_fields_set
        value = getattr(value, key, None)
    if value is None and path == ("sync", "every") and not getattr(spec.sync, "cron", None):
        value = "1h"
    origin = at.under(*path) if prefix else at.under(*path[1:])
    source = f"{(place := project.place(origin)).file}:{place.line}" if is_said else "default"
    return Setting(prefix + ".".join(path), _text(value), source)


def _text(value: Any) -> str:
    if value is None or value == "" or value == [] or value == ():
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
