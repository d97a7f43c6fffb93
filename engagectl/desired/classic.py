"""Classic storage: identifies, tracks, one table per event name, and `users` of one source's schema."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from engagectl.config.connection import ConnectionSpec, SendSpec
from engagectl.config.field import parse_type, seconds
from engagectl.config.space import AudienceSpec, TraitSpec
from engagectl.desired.part import (
    Draft,
    Part,
    Site,
    event_rules,
    excluded,
    head,
    keys,
    schedule_settings,
    settings,
)
from engagectl.model.column_type import Boolean, ColumnType, Text, Timestamp
from engagectl.model.context import KNOWN_CONTEXT, MOBILE_CONTEXT, context_name
from engagectl.model.feed import AtPath, EventKind, EventRule, Feed, FeedTable, InBody, Sent, Standard, StandardField
from engagectl.model.names import stored_name
from engagectl.model.schema import Table, TableName

_TIMES: tuple[StandardField, ...] = ("received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts")
_IDENTIFY: tuple[StandardField, ...] = ("id", "anonymous_id", "user_id", *_TIMES)
_TRACK: tuple[StandardField, ...] = ("id", "anonymous_id", "user_id", "event", "event_text", *_TIMES)
_USERS: tuple[StandardField, ...] = ("id", "user_id", "received_at", "timestamp", "uuid_ts")

_TRACK_KINDS: dict[str, tuple[EventKind, ...]] = {
    "trait": ("trait_computed",),
    "audience": ("audience_entered", "audience_exited"),
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """A trait or audience of the space with the name and type of its column."""

    kind: str
    id: str
    spec: TraitSpec | AudienceSpec

    @property
    def address(self) -> str:
        return f"{self.kind}.{self.id}"

    @property
    def type(self) -> ColumnType:
        return trait_type(self.spec) if isinstance(self.spec, TraitSpec) else Boolean()


def trait_type(trait: TraitSpec) -> ColumnType:
    return parse_type(trait.type, max_chars=trait.max_chars, max_bytes=trait.max_bytes)


def schema_of(site: Site, space: str, source: str) -> str:
    """Return the classic schema of a source: `engage_` and the slug for main, what it says for any other."""
    spec = site.project.spec.spaces[space]
    said = spec.sources[source].schema_ if source in spec.sources else None
    if said is not None:
        return said
    plain = f"engage_{spec.slug or space}"
    return site.name(plain if source == "main" else f"{plain}_{source}")


def connection(site: Site, id: str, spec: ConnectionSpec) -> tuple[Part, Part]:
    """Return what a connection feeds in this warehouse, and the users of its source."""
    return _calls(site, id, spec), _users(site, id, spec)


def _calls(site: Site, id: str, spec: ConnectionSpec) -> Part:
    address = f"connection.{id}"
    sent = _sent(site, spec)
    schema = schema_of(site, spec.space, spec.source)
    source = f"{spec.space}.{spec.source}"
    about = head(
        "classic",
        origin=site.project.origin("connections", id),
        owner=site.project.owner("connections", id),
        fed_by=address,
    )
    subjects = {subject.address: subject for subject in _subjects(site, spec.space)}
    pairs: list[tuple[FeedTable, Table]] = []
    shared = [*_context(site, spec, is_mobile=any(one.mobile_ids for one in sent))]

    def add(
        table: str, fields: tuple[StandardField, ...], role: str, values: list[Draft], events: tuple[str, ...] = ()
    ) -> None:
        drafts = [*_standard(fields), *shared, *values]
        name = TableName(schema, table)
        pairs.append(
            site.table(name, _declare(site, spec, table, drafts), source=source, head=about, role=role, events=events)
        )

    if any(one.identify for one in sent):
        values = [_value(site, subjects[f"{one.kind}.{one.id}"]) for one in sent if one.identify]
        add("identifies", _IDENTIFY, "identifies", values)
    if any(one.track for one in sent):
        add("tracks", _TRACK, "tracks", [])
    for table, (events, carried) in sorted(_event_tables(site, sent).items()):
        kinds = dict.fromkeys(one.kind for one in carried)
        key_columns = [
            Draft(name=f"{kind}_key", type=Text(), value=InBody((f"{kind}_key",)))
            for kind in ("audience", "trait")
            if kind in kinds
        ]
        values = [_value(site, subjects[f"{one.kind}.{one.id}"]) for one in carried]
        add(table, _TRACK, "event", [*key_columns, *values], events)
    tables = tuple(feed_table for feed_table, _ in pairs)
    kept = {column.subject for table in tables for column in table.columns if column.fed}
    sent = tuple(replace(one, fed=f"{one.kind}.{one.id}" in kept) for one in sent)
    schedule = site.schedule
    verdict = site.rules.source(source)
    stops = verdict is not None and not verdict.fed and not any(table.fed for table in tables)
    undeclared = site.rules.of_undeclared()
    asked = undeclared if spec.on_undeclared == "add_column" else ()
    feed = Feed(
        project=site.project.spec.project,
        kind="connection",
        id=id,
        warehouse=site.warehouse,
        space=spec.space,
        source=spec.source,
        space_id=site.project.spec.spaces[spec.space].space_id,
        tables=tables,
        declared=site.declared[spec.space],
        schedule=schedule,
        settings=settings(
            **schedule_settings(schedule),
            **_send_settings(sent),
            **{"selective_sync.excluded": excluded(tables)},
            **_transform_settings(tables),
            on_undeclared=spec.on_undeclared,
            **{"selective_sync.undeclared": [f"{verb} {rule}" for verb, rule in asked]},
            null_erases=spec.null_erases,
            integration=spec.integration,
            existing_rows=spec.existing_rows,
            dedupe_window=spec.dedupe_window,
            space_id=site.project.spec.spaces[spec.space].space_id,
        ),
        excluded_by=verdict.rule if verdict is not None and stops else "",
        ids_before=spec.renamed_from or (),
        existing_rows=spec.existing_rows,
        integration=spec.integration,
        dedupe_window_s=seconds(spec.dedupe_window) if spec.dedupe_window else None,
        sent=sent,
        on_undeclared=spec.on_undeclared,
        undeclared_rules=undeclared,
        null_erases=spec.null_erases,
        context_columns="listed" if isinstance(spec.context_columns, tuple) else spec.context_columns,
        owner=site.project.owner("connections", id),
        origin=site.project.origin("connections", id),
    )
    return Part(feed, tuple(table for _, table in pairs))


def _users(site: Site, connection_id: str, spec: ConnectionSpec) -> Part:
    users_id = f"{spec.space}.{spec.source}"
    about = head(
        "users",
        origin=site.project.origin("connections", connection_id),
        owner=site.project.owner("connections", connection_id),
        fed_by=f"users.{users_id}",
    )
    values = [_value(site, subject) for subject in _subjects(site, spec.space)]
    drafts = _declare(site, spec, "users", [*_standard(_USERS), *values])
    name = TableName(schema_of(site, spec.space, spec.source), "users")
    feed_table, table = site.table(name, drafts, source=users_id, head=about, role="users")
    schedule = site.schedule
    verdict = site.rules.source(users_id)
    stops = verdict is not None and not verdict.fed and not feed_table.fed
    feed = Feed(
        project=site.project.spec.project,
        kind="users",
        id=users_id,
        warehouse=site.warehouse,
        space=spec.space,
        source=spec.source,
        space_id=site.project.spec.spaces[spec.space].space_id,
        tables=(feed_table,),
        declared=site.declared[spec.space],
        schedule=schedule,
        settings=settings(
            **schedule_settings(schedule),
            **{"selective_sync.excluded": excluded((feed_table,))},
            **_transform_settings((feed_table,)),
            null_erases=spec.null_erases,
            existing_rows=spec.existing_rows,
            space_id=site.project.spec.spaces[spec.space].space_id,
        ),
        excluded_by=verdict.rule if verdict is not None and stops else "",
        existing_rows=spec.existing_rows,
        integration=spec.integration,
        null_erases=spec.null_erases,
        owner=about.owner,
        origin=about.origin,
    )
    return Part(feed, (table,))


def _subjects(site: Site, space: str) -> Iterator[_Subject]:
    for id_, trait in sorted(site.project.spec.traits.items()):
        if trait.space == space:
            yield _Subject("trait", id_, trait)
    for id_, audience in sorted(site.project.spec.audiences.items()):
        if audience.space == space:
            yield _Subject("audience", id_, audience)


def _value(site: Site, subject: _Subject) -> Draft:
    named = keys(subject.id, subject.spec)
    kind = f"{subject.kind}s"
    return Draft(
        name=site.column(named[0]),
        type=subject.type,
        value=InBody(tuple(stored_name(key) for key in named)),
        subject=subject.address,
        description=subject.spec.description,
        renamed_from=tuple(site.column(key) for key in named[1:]),
        origin=site.project.origin(kind, subject.id),
        owner=site.project.owner(kind, subject.id),
        fed_by=subject.address,
    )


def _standard(fields: Iterable[StandardField]) -> Iterator[Draft]:
    for name in fields:
        yield Draft(name=name, type=Timestamp() if name in _TIMES else Text(), value=Standard(name))


def _context(site: Site, spec: ConnectionSpec, *, is_mobile: bool) -> Iterator[Draft]:
    if isinstance(spec.context_columns, tuple):
        known = {context_name(path): path for path in (*KNOWN_CONTEXT, *MOBILE_CONTEXT)}
        said = (name.removeprefix("context_") for name in spec.context_columns)
        paths = [known.get(name, name) for name in said]
    else:
        paths = [] if spec.context_columns == "none" else list(KNOWN_CONTEXT)
    mobile = [path for path in MOBILE_CONTEXT if is_mobile and path not in paths]
    for path in dict.fromkeys((*paths, *mobile)):
        parts = tuple(path.split("."))
        yield Draft(
            name=site.column(f"context_{context_name(path)}"),
            type=Boolean() if path == "device.adTrackingEnabled" else Text(),
            value=AtPath((("context", *parts),)),
            mobile=path in mobile,
        )


def _declare(site: Site, spec: ConnectionSpec, table: str, drafts: Iterable[Draft]) -> list[Draft]:
    """Apply the `columns:` of the connection: transforms and native types of single columns."""
    found = []
    for draft in drafts:
        said = spec.columns.get(f"{table}.{draft.name}") or spec.columns.get(draft.name)
        if said is not None:
            draft = replace(
                draft, transforms=site.transforms(said.transform), native=(said.native or {}).get(site.warehouse)
            )
        found.append(draft)
    return found


def _sent(site: Site, spec: ConnectionSpec) -> tuple[Sent, ...]:
    """Return each computation that the connection sends. An item that names one wins over an item that globs it."""
    found: list[Sent] = []
    for subject in _subjects(site, spec.space):
        items = [item for item in spec.send if subject.id in _listed(item, subject.kind)]
        if not items:
            items = [
                item
                for item in spec.send
                if any(fnmatchcase(subject.id, pattern) for pattern in _listed(item, subject.kind))
            ]
        if not items:
            continue
        found.append(
            Sent(
                kind="trait" if subject.kind == "trait" else "audience",
                id=subject.id,
                keys=tuple(stored_name(key) for key in keys(subject.id, subject.spec)),
                identify=any("identify" in item.as_ for item in items),
                track=any("track" in item.as_ for item in items),
                events=_events(subject.kind, items),
                mobile_ids=any(item.mobile_ids for item in items),
            )
        )
    return tuple(found)


def _listed(item: SendSpec, kind: str) -> tuple[str, ...]:
    return item.traits if kind == "trait" else item.audiences


def _events(kind: str, items: Iterable[SendSpec]) -> tuple[EventRule, ...]:
    said: dict[EventKind, tuple[str, ...]] = {}
    sends_track = False
    for item in items:
        if "track" in item.as_:
            sends_track = True
            said |= item.event_names or {}
    rules = event_rules(_TRACK_KINDS[kind], said) if sends_track else ()
    return tuple(rule for rule in rules if rule.names)


def _event_tables(site: Site, sent: Iterable[Sent]) -> dict[str, tuple[tuple[str, ...], list[Sent]]]:
    """Map each event table to its raw event names and what its messages carry."""
    found: dict[str, tuple[dict[str, None], list[Sent]]] = {}
    for one in sent:
        for rule in one.events:
            for event in rule.names:
                events, carried = found.setdefault(site.name(event), ({}, []))
                events[event] = None
                if one not in carried:
                    carried.append(one)
    return {table: (tuple(sorted(events)), carried) for table, (events, carried) in found.items()}


def _send_settings(sent: Iterable[Sent]) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in sent:
        calls = [call for call, is_sent in (("identify", one.identify), ("track", one.track)) if is_sent]
        text = ", ".join(calls + (["mobile_ids"] if one.mobile_ids else []))
        events = "; ".join(f"{rule.kind}: {', '.join(rule.names)}" for rule in one.events)
        found[f"send.{one.kind}.{one.id}"] = f"{text} ({events})" if events else text
    return found


def _transform_settings(tables: Iterable[FeedTable]) -> dict[str, object]:
    """Return what is done to single columns before they are stored: a reviewer wants to see a hash go."""
    return {
        f"transform.{table.name.table}.{column.name}": [step.name for step in column.transforms]
        for table in tables
        for column in table.columns
        if column.transforms
    }
