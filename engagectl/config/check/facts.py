"""What several rules need to know about a project: who writes where, and under which names. Nothing here reports.

References that do not exist are left out: the loader reports those.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engagectl.config.project import Project
from engagectl.errors import Diagnostic, Severity
from engagectl.model.names import stored_name
from engagectl.model.origin import Origin

LINKED = ("audience_entered", "audience_exited", "entity_added", "entity_removed")
PROFILE = ("audience_entered", "audience_exited")
JOURNEY = ("step_entered",)

EVENT_NAMES = {
    "audience_entered": "Audience Entered",
    "audience_exited": "Audience Exited",
    "trait_computed": "Trait Computed",
}
CLASSIC_TABLES = ("identifies", "tracks", "users")
STANDARD = frozenset(
    [
        "id",
        "received_at",
        "sent_at",
        "timestamp",
        "original_timestamp",
        "uuid_ts",
        "anonymous_id",
        "user_id",
        "event",
        "event_text",
    ]
)
BODY_KEYS = frozenset({"user_id", "audience_key", "trait_key"})

_SHARED_PRESET = {
    "user_id": "userId",
    "personas_computation_key": "context.personas.computation_key",
    "personas_computation_id": "context.personas.computation_id",
    "personas_activation_id": "context.personas.event_emitter_id",
    "event_name": "event",
}
AUDIENCE_PRESET = {
    **_SHARED_PRESET,
    "audience_key": "properties.audience_key",
    "personas_computation_run_id": "context.personas.computation_run_id",
}
JOURNEY_PRESET = {**_SHARED_PRESET, "personas_computation_class": "context.personas.computation_class"}


@dataclass(frozen=True, slots=True)
class Item:
    """One computation in one `send` item; `named` when it stands there itself and not by a glob."""

    kind: str
    id: str
    index: int
    position: int
    named: bool
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column an activation writes: from which paths, as which type ("" where the preset decides)."""

    name: str
    paths: tuple[str, ...]
    type: str
    origin: Origin
    required: bool = False


def listed(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return one name, or a list of names, as a list."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def report(
    project: Project,
    code: str,
    severity: Severity,
    message: str,
    at: Origin,
    *help: str,
    key: bool = False,
    label: str = "",
    related: Sequence[tuple[Origin, str]] = (),
) -> Diagnostic:
    """Make the diagnostic of a rule, with the places looked up."""
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        place=project.place(at, key=key),
        label=label,
        help=help,
        related=tuple((project.place(origin, key=True), text) for origin, text in related),
    )


def warehouses_of(project: Project, roles: Iterable[str]) -> tuple[str, ...]:
    """Return the warehouses that these roles mean in this target, each once."""
    found = (project.roles.get(role) for role in roles)
    return tuple(dict.fromkeys(this for this in found if this is not None and this in project.spec.warehouses))


def key_of(project: Project, kind: str, this: str) -> str:
    """Return the normalised key of a trait or audience: its column."""
    spec = project.spec.traits[this] if kind == "traits" else project.spec.audiences[this]
    return stored_name(spec.key or this)


def slug_of(project: Project, space: str) -> str:
    return stored_name(project.spec.spaces[space].slug or space)


def classic_schema(project: Project, space: str, source: str) -> str | None:
    """Return the classic schema of a source; None when it is not said."""
    if space not in project.spec.spaces or source not in project.spec.spaces[space].sources:
        return None
    said = project.spec.spaces[space].sources[source].schema_
    if said is not None:
        return said
    return f"engage_{slug_of(project, space)}" if source == "main" else None


def space_of_activation(project: Project, this: str) -> str | None:
    spec = project.spec.activations[this]
    subject = (
        project.spec.audiences.get(spec.audience)
        if spec.audience is not None
        else project.spec.journeys.get(spec.journey or "")
    )
    return subject.space if subject is not None and subject.space in project.spec.spaces else None


def table_of_activation(project: Project, this: str) -> tuple[str, str] | None:
    """Return the schema and table an activation writes to, as stored."""
    spec, space = project.spec.activations[this], space_of_activation(project, this)
    if space is None:
        return None
    if spec.into is not None:
        table = project.spec.tables.get(spec.into)
        if table is None:
            return None
        return stored_name(table.schema_ or slug_of(project, space)), stored_name(table.table or spec.into)
    return stored_name(spec.schema_ or slug_of(project, space)), stored_name(spec.table or this)


def events_of(project: Project, this: str) -> tuple[str, ...]:
    spec = project.spec.activations[this]
    if spec.events:
        return tuple(spec.events)
    if spec.journey is not None:
        return JOURNEY
    audience = project.spec.audiences.get(spec.audience or "")
    return LINKED if audience is not None and audience.kind == "linked" else PROFILE


def preset_of(project: Project, this: str) -> dict[str, str]:
    return JOURNEY_PRESET if project.spec.activations[this].journey is not None else AUDIENCE_PRESET


def columns_of(project: Project, this: str) -> Iterator[Column]:
    """Yield what an activation writes: its mappings, those of its shared table, its properties."""
    spec, origin = project.spec.activations[this], project.origin("activations", this)
    for index, mapping in enumerate(spec.mappings or ()):
        at = origin.under("mappings", index)
        yield Column(stored_name(mapping.to), listed(mapping.from_), str(mapping.type), at, bool(mapping.required))
    table = project.spec.tables.get(spec.into or "")
    if table is not None:
        for index, mapping in enumerate(table.mappings or ()):
            at = project.origin("tables", spec.into or "").under("mappings", index)
            yield Column(stored_name(mapping.to), listed(mapping.from_), str(mapping.type), at, bool(mapping.required))
    preset = preset_of(project, this)
    for index, name in enumerate(spec.properties or ()):
        path = preset.get(name, f"properties.{name}")
        yield Column(stored_name(name), (path,), "string", origin.under("properties", index))


def send_items(project: Project, this: str, kinds: Collection[str] = ("traits", "audiences")) -> Iterator[Item]:
    """Yield every computation of these kinds in a connection's `send`, once per item and kind that holds it."""
    spec = project.spec.connections[this]
    for index, item in enumerate(spec.send or ()):
        for kind, patterns, declared in (
            ("traits", listed(item.traits), project.spec.traits),
            ("audiences", listed(item.audiences), project.spec.audiences),
        ):
            if kind not in kinds:
                continue
            seen: dict[str, Item] = {}
            for position, pattern in enumerate(patterns):
                for name, resource in declared.items():
                    if resource.space != spec.space or not fnmatchcase(name, pattern):
                        continue
                    if name not in seen or not is_glob(pattern):
                        seen[name] = Item(kind, name, index, position, not is_glob(pattern), listed(item.as_))
            yield from seen.values()


def event_tables(project: Project, this: str) -> Iterator[tuple[str, str, Origin]]:
    """Yield (event name, its table, place) for every event name of a connection."""
    origin = project.origin("connections", this)
    for index, item in enumerate(project.spec.connections[this].send or ()):
        if "track" not in listed(item.as_):
            continue
        kinds = (("trait_computed",) if item.traits else ()) + (
            ("audience_entered", "audience_exited") if item.audiences else ()
        )
        said = {str(kind): names for kind, names in (item.event_names or {}).items()}
        for kind in kinds:
            at = origin.under("send", index, "event_names", kind) if kind in said else origin.under("send", index)
            for name in listed(said.get(kind, EVENT_NAMES[kind])):
                yield name, stored_name(name), at
