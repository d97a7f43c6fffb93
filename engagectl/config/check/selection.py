"""Rules about selective sync."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from engagectl.config.check.facts import (
    STANDARD,
    classic_schema,
    columns_of,
    is_glob,
    report,
    table_of_activation,
)
from engagectl.config.project import Project
from engagectl.errors import Diagnostic
from engagectl.model.origin import Origin

_NEEDED = ("id", "received_at", "user_id", "timestamp", "uuid_ts", "event")


def needed_columns_stay(project: Project) -> Iterator[Diagnostic]:
    excluded = list(_excluded(project))
    required = _required_columns(project) if excluded else {}
    for at, pattern, include in excluded:
        kind, _, name = pattern.partition(".")
        if kind != "column":
            continue
        last = name.rpartition(".")[2]
        hit = next((column for column in _NEEDED if last != "*" and fnmatchcase(column, last)), None)
        if hit is not None and not (is_glob(last) and last not in STANDARD and f"column.{name}" in include):
            yield report(
                project,
                "EC303",
                "error",
                f"selective sync cannot exclude {hit}: syncs need it",
                at,
                "exclude the table instead, or leave this column in",
            )
            continue
        for full, origin in required.items():
            if fnmatchcase(full, name) and f"column.{full}" not in include:
                yield report(
                    project,
                    "EC303",
                    "error",
                    f"selective sync excludes {full}, which its mapping requires",
                    at,
                    "make the mapping `required: false`, or leave this column in",
                    related=[(origin, "required here")],
                )


def rules_match_something(project: Project) -> Iterator[Diagnostic]:
    declared = {
        "trait": tuple(project.spec.traits),
        "audience": tuple(project.spec.audiences),
        "journey": tuple(project.spec.journeys),
        "source": tuple(f"{space}.{name}" for space, spec in project.spec.spaces.items() for name in spec.sources),
    }
    schemas = _schemas(project)
    for warehouse, spec in project.spec.warehouses.items():
        if spec.selective_sync is None:
            continue
        for name in ("include", "exclude"):
            for index, pattern in enumerate(getattr(spec.selective_sync, name)):
                kind, _, rest = pattern.partition(".")
                if kind in declared:
                    matched = any(fnmatchcase(one, rest) for one in declared[kind])
                elif kind in ("table", "column"):
                    schema = rest.partition(".")[0]
                    matched = any(fnmatchcase(one, schema) for one in schemas)
                else:
                    matched = False
                if not matched:
                    yield report(
                        project,
                        "EC319",
                        "warning",
                        f"the selective-sync rule {pattern} matches nothing declared",
                        project.origin("warehouses", warehouse).under("selective_sync", name, index),
                        "rules begin with table., column., source., trait., audience. or journey.",
                    )


def _excluded(project: Project) -> Iterator[tuple[Origin, str, tuple[str, ...]]]:
    for warehouse, spec in project.spec.warehouses.items():
        if spec.selective_sync is not None:
            at = project.origin("warehouses", warehouse).under("selective_sync", "exclude")
            for index, pattern in enumerate(spec.selective_sync.exclude):
                yield at.under(index), pattern, spec.selective_sync.include


def _required_columns(project: Project) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for this in project.spec.activations:
        target = table_of_activation(project, this)
        if target is not None:
            for column in columns_of(project, this):
                if column.required:
                    found.setdefault(f"{target[0]}.{target[1]}.{column.name}", column.origin)
    return found


def _schemas(project: Project) -> set[str]:
    found = {
        schema
        for space, spec in project.spec.spaces.items()
        for name in spec.sources
        if (schema := classic_schema(project, space, name)) is not None
    }
    for this in project.spec.activations:
        target = table_of_activation(project, this)
        if target is not None:
            found.add(target[0])
    return found
