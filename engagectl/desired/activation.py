"""Storage actions: one table per activation, or one that several share, with exactly the declared columns."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from engagectl.config.activation import ActivationSpec, EachRunSpec, MappingSpec
from engagectl.config.field import parse_type, seconds
from engagectl.desired.part import (
    Draft,
    Part,
    Site,
    event_rules,
    excluded,
    head,
    journey_declared,
    keys,
    schedule_settings,
    settings,
)
from engagectl.model.column_type import Boolean, JsonText, Text, Timestamp
from engagectl.model.feed import (
    AtPath,
    Declared,
    EventKind,
    Feed,
    FeedTable,
    InBody,
    Schedule,
    Standard,
    Value,
)
from engagectl.model.names import stored_name
from engagectl.model.origin import Origin
from engagectl.model.schema import TableName

ENTITY = ("properties", "data_graph_entity_context")
JOURNEY = ("properties", "journey_context")
METADATA = ("properties", "journey_metadata")
_SHORT = {"entity": ENTITY, "journey": JOURNEY, "journey_metadata": METADATA}

PRESET_VALUES: dict[str, Value] = {
    "event_name": Standard("event_text"),
    "user_id": Standard("user_id"),
    "audience_key": InBody(("audience_key",)),
    "personas_computation_key": AtPath((("context", "personas", "computation_key"),)),
    "personas_computation_id": AtPath((("context", "personas", "computation_id"),)),
    "personas_computation_run_id": AtPath((("context", "personas", "computation_run_id"),)),
    "personas_computation_class": AtPath((("context", "personas", "computation_class"),)),
    "personas_activation_id": AtPath((("context", "personas", "event_emitter_id"),)),
}
_JSON_COLUMNS = {"entity_context": ENTITY, "journey_metadata": METADATA, "journey_context": JOURNEY}
_AUDIENCE_PRESET = (
    "user_id",
    "audience_key",
    "personas_computation_key",
    "personas_computation_id",
    "personas_computation_run_id",
    "personas_activation_id",
    "event_name",
)
_JOURNEY_PRESET = (
    "user_id",
    "personas_computation_key",
    "personas_computation_id",
    "personas_activation_id",
    "personas_computation_class",
    "event_name",
)


def payload_path(text: str) -> tuple[str, ...]:
    """Return the path from the top of the message that a mapping writes."""
    parts = tuple(text.removeprefix("$.").split("."))
    return (*_SHORT[parts[0]], *parts[1:]) if parts[0] in _SHORT else parts


@lru_cache(maxsize=65_536)
def _at(paths: tuple[str, ...]) -> AtPath:
    return AtPath(tuple(payload_path(path) for path in paths))


def _with_mappings(table: FeedTable, /, **said: object) -> tuple[tuple[str, str], ...]:
    mappings = (_mapping_setting(column.name, column.value) for column in table.columns)
    return tuple(sorted((*settings(**said), *(one for one in mappings if one is not None))))


@lru_cache(maxsize=65_536)
def _mapping_setting(column: str, value: Value) -> tuple[str, str] | None:
    """Return one value for equal mappings: tables of one family have most of theirs in common."""
    match value:
        case AtPath(paths):
            return f"mapping.{column}", ", ".join(".".join(path) for path in paths)
        case InBody(named):
            return f"mapping.{column}", ", ".join(named)
        case Standard():
            return None


def space_of(site: Site, spec: ActivationSpec) -> str:
    """Return the space of the audience or journey."""
    if spec.journey is not None:
        return site.project.spec.journeys[spec.journey].space
    assert spec.audience is not None  # noqa: S101  one of the two, checked with the configuration
    return site.project.spec.audiences[spec.audience].space


def table_of(site: Site, spec: ActivationSpec) -> TableName:
    """Return the table that an activation writes."""
    project = site.project.spec
    space = space_of(site, spec)
    slug = site.name(project.spaces[space].slug or space)
    if spec.into is not None:
        shared = project.tables[spec.into]
        return TableName(shared.schema_ or spec.schema_ or slug, site.name(shared.table or spec.into))
    return TableName(spec.schema_ or slug, site.name(spec.table or ""))


def activation(site: Site, id: str, spec: ActivationSpec) -> Part:
    """Return what an activation feeds in this warehouse."""
    space = space_of(site, spec)
    subject = _subject(site, spec)
    subject_address = f"{subject.kind}.{subject.id}"
    shared = site.project.spec.tables[spec.into] if spec.into is not None else None
    renamed = (shared.renamed_from if shared is not None else spec.table_renamed_from) or ()
    kind, owned_id = ("tables", spec.into) if spec.into is not None else ("activations", id)
    about = head(
        "activation",
        origin=site.project.origin(kind, owned_id or id),
        owner=site.project.owner(kind, owned_id or id),
        fed_by=f"activation.{id}",
        description=shared.description if shared is not None else spec.description,
        renamed_from=tuple(site.name(name) for name in renamed),
    )
    stop = site.rules.value("", subject_address)
    name = table_of(site, spec)
    source = f"{space}.{spec.source}"
    feed_table, table = site.table(
        name,
        _drafts(site, id, spec, subject_address),
        source=source,
        head=about,
        role="activation",
        stopped_by=None if stop.fed or not stop.rule else stop.rule,
    )
    events = event_rules(_kinds(site, spec), spec.event_names or {})
    schedule = _schedule(site, spec)
    verdict = site.rules.source(source)
    stops = verdict is not None and not verdict.fed and not feed_table.fed
    trigger = spec.trigger if isinstance(spec.trigger, str) else f"each_run, quiet for {schedule.quiet_for_s} s"
    feed = Feed(
        project=site.project.spec.project,
        kind="activation",
        id=id,
        warehouse=site.warehouse,
        space=space,
        source=spec.source,
        space_id=site.project.spec.spaces[space].space_id,
        tables=(feed_table,),
        declared=site.declared[space],
        schedule=schedule,
        settings=_with_mappings(
            feed_table,
            **schedule_settings(schedule),
            **{"selective_sync.excluded": excluded((feed_table,))},
            **{f"events.{rule.kind}": ", ".join(rule.names) or "identify" for rule in events},
            **{
                f"transform.{column.name}": [step.name for step in column.transforms]
                for column in feed_table.columns
                if column.transforms
            },
            required=[column.name for column in feed_table.columns if column.required and column.name != "id"],
            trigger=trigger,
            table=str(name),
            emitter_id=spec.emitter_id,
            integration=spec.integration,
            existing_rows=spec.existing_rows,
            space_id=site.project.spec.spaces[space].space_id,
        ),
        excluded_by=verdict.rule if verdict is not None and stops else "",
        ids_before=spec.renamed_from or (),
        existing_rows=spec.existing_rows,
        integration=spec.integration,
        subject=subject,
        events=events,
        emitter_id=spec.emitter_id,
        owner=site.project.owner("activations", id),
        origin=site.project.origin("activations", id),
    )
    return Part(feed, (table,))


def _subject(site: Site, spec: ActivationSpec) -> Declared:
    if spec.journey is not None:
        return journey_declared(spec.journey, site.project.spec.journeys[spec.journey])
    assert spec.audience is not None  # noqa: S101  one of the two, checked with the configuration
    audience = site.project.spec.audiences[spec.audience]
    named = tuple(stored_name(key) for key in keys(spec.audience, audience))
    return Declared(kind="audience", id=spec.audience, keys=named, type=Boolean())


def _is_linked(site: Site, spec: ActivationSpec) -> bool:
    return spec.audience is not None and site.project.spec.audiences[spec.audience].kind == "linked"


def _kinds(site: Site, spec: ActivationSpec) -> tuple[EventKind, ...]:
    if spec.events is not None:
        return spec.events
    if spec.journey is not None:
        return ("step_entered",)
    linked: tuple[EventKind, ...] = ("entity_added", "entity_removed") if _is_linked(site, spec) else ()
    return ("audience_entered", "audience_exited", *linked)


def _schedule(site: Site, spec: ActivationSpec) -> Schedule:
    clock = site.schedule
    quiet = "10m"
    if isinstance(spec.trigger, EachRunSpec):
        quiet = spec.trigger.each_run.quiet_for or quiet
    return Schedule(
        every_s=clock.every_s,
        cron=clock.cron,
        timezone=clock.timezone,
        blackout=clock.blackout,
        trigger="schedule" if spec.trigger == "schedule" else "each_run",
        quiet_for_s=seconds(quiet),
    )


def _drafts(site: Site, id: str, spec: ActivationSpec, subject: str) -> Iterator[Draft]:
    origin = site.project.origin("activations", id)
    owner = site.project.owner("activations", id)
    fed_by = f"activation.{id}"
    taken = {"id", "received_at"}
    mappings = _mappings(site, id, spec)
    named = [(site.column(mapping.to), mapping, where, whose) for mapping, where, whose in mappings]
    natives = {
        column: mapping.native.get(site.warehouse) if mapping.native else None for column, mapping, _, _ in named
    }
    yield Draft(name="id", type=Text(), value=Standard("id"), required=True, native=natives.get("id"))
    yield Draft(name="received_at", type=Timestamp(), value=Standard("received_at"), native=natives.get("received_at"))
    for name in _properties(spec, has_mappings=bool(mappings)):
        column = site.column(name)
        if column in taken or column in natives:
            continue
        taken.add(column)
        value = PRESET_VALUES.get(name, AtPath((("properties", name),)))
        yield Draft(
            name=column,
            type=Text(),
            value=value,
            subject=subject,
            origin=origin,
            owner=owner,
            fed_by=fed_by,
        )
    for column, mapping, where, whose in named:
        if column in taken:
            continue
        taken.add(column)
        yield Draft(
            name=column,
            type=parse_type(mapping.type, max_chars=mapping.max_chars, max_bytes=mapping.max_bytes),
            value=_at(mapping.from_),
            subject=subject,
            required=mapping.required,
            transforms=site.transforms(mapping.transform),
            native=mapping.native.get(site.warehouse) if mapping.native else None,
            description=mapping.description,
            renamed_from=tuple(site.column(name) for name in mapping.renamed_from) if mapping.renamed_from else (),
            origin=where,
            owner=whose,
            fed_by=fed_by,
        )
    for name in _json_columns(site, spec):
        if name not in taken and not _is_taken_whole(mappings, _JSON_COLUMNS[name]):
            value = AtPath((_JSON_COLUMNS[name],))
            yield Draft(
                name=name,
                type=JsonText(),
                value=value,
                subject=subject,
                origin=origin,
                owner=owner,
                fed_by=fed_by,
            )


def _mappings(site: Site, id: str, spec: ActivationSpec) -> list[tuple[MappingSpec, Origin, str]]:
    """Return the shared table's mappings and then the activation's own, each with its origin and owner."""
    found: list[tuple[MappingSpec, Origin, str]] = []
    if spec.into is not None:
        where, owner = site.project.origin("tables", spec.into), site.project.owner("tables", spec.into)
        for number, mapping in enumerate(site.project.spec.tables[spec.into].mappings):
            found.append((mapping, where.under("mappings", number), owner))
    where, owner = site.project.origin("activations", id), site.project.owner("activations", id)
    for number, mapping in enumerate(spec.mappings or ()):
        found.append((mapping, where.under("mappings", number), owner))
    return found


def _is_taken_whole(mappings: Sequence[tuple[MappingSpec, Origin, str]], path: tuple[str, ...]) -> bool:
    return any(
        mapping.type in ("json", "json_text") and any(payload_path(said) == path for said in mapping.from_)
        for mapping, _, _ in mappings
    )


def _properties(spec: ActivationSpec, *, has_mappings: bool) -> Sequence[str]:
    if spec.properties is not None:
        return spec.properties
    if has_mappings:
        return ()
    return _JOURNEY_PRESET if spec.journey is not None else _AUDIENCE_PRESET


def _json_columns(site: Site, spec: ActivationSpec) -> Sequence[str]:
    if not spec.json_columns:
        return ()
    if spec.journey is not None:
        return ("journey_metadata", "journey_context")
    return ("entity_context",) if _is_linked(site, spec) else ()
