"""What one family of tables gives: a feed, and its tables as the schema shall hold them, column for column."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from engagectl.config.activation import HmacTransformSpec, TransformSpec
from engagectl.config.project import Project
from engagectl.config.space import AudienceSpec, JourneySpec, TraitSpec
from engagectl.desired.selective_sync import Rules, Verdict
from engagectl.model.column_type import Boolean, ColumnType
from engagectl.model.feed import (
    Declared,
    EventKind,
    EventRule,
    Feed,
    FeedColumn,
    FeedTable,
    Schedule,
    Transform,
    Value,
)
from engagectl.model.names import fit, stored_name
from engagectl.model.origin import NOWHERE, Origin
from engagectl.model.schema import Column, Family, Table, TableName

DEFAULT_EVENT_NAMES: Mapping[EventKind, tuple[str, ...]] = {
    "audience_entered": ("Audience Entered",),
    "audience_exited": ("Audience Exited",),
    "entity_added": ("Entity Added",),
    "entity_removed": ("Entity Removed",),
    "audience_membership_changed": (),  # an identify has no event name
    "entity_values_changed": ("Entity Values Changed",),
    "step_entered": ("Journey Step Entered",),
    "trait_computed": ("Trait Computed",),
}


class NameLimits(Protocol):
    @property
    def identifier_bytes(self) -> int | None: ...
    @property
    def system_columns(self) -> Collection[str]: ...


class FeedFacts(Protocol):
    """What desired has to know of a warehouse type; never a connection."""

    @property
    def limits(self) -> NameLimits: ...
    @property
    def settle(self) -> Callable[[ColumnType], ColumnType]: ...
    @property
    def native_type(self) -> Callable[[str], ColumnType]: ...


@dataclass(slots=True, kw_only=True)
class Draft:
    """A column before selective sync has spoken: what feeds it, and what the schema should know of it.

    `subject` is empty for id, standard and context columns, which follow their table. It is read once and thrown away;
    not frozen, for that would cost 3 µs for each column of a project.
    """

    name: str
    type: ColumnType
    value: Value
    subject: str = ""
    required: bool = False
    transforms: tuple[Transform, ...] = ()
    mobile: bool = False
    native: str | None = None
    description: str | None = None
    renamed_from: tuple[str, ...] = ()
    origin: Origin = NOWHERE
    owner: str = ""
    fed_by: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    feed: Feed
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One warehouse as the families see it. `declared` is what each space declares: one tuple for all of its feeds."""

    project: Project
    warehouse: str
    schedule: Schedule
    facts: FeedFacts
    rules: Rules
    declared: Mapping[str, tuple[Declared, ...]]

    def name(self, original: str) -> str:
        """Return the stored name of anything named in the data, within the warehouse's limit."""
        return fit(stored_name(original), original, identifier_bytes=self.facts.limits.identifier_bytes)

    def column(self, original: str) -> str:
        """Return the stored name of a column, which is also none that every table of the warehouse has."""
        limits = self.facts.limits
        return fit(
            stored_name(original), original, identifier_bytes=limits.identifier_bytes, reserved=limits.system_columns
        )

    def table(
        self,
        name: TableName,
        drafts: Iterable[Draft],
        *,
        source: str,
        head: Table,
        role: str,
        events: tuple[str, ...] = (),
        stopped_by: str | None = None,
    ) -> tuple[FeedTable, Table]:
        """Return the table for the feed and for the schema. `stopped_by` is a rule that stops its activation."""
        text = str(name)
        columns = tuple(self._column(text, draft) for draft in drafts)
        verdict = self.rules.table(text, source)
        if stopped_by is not None:
            fed, rule = False, stopped_by
        elif verdict is not None:
            fed, rule = verdict.fed, verdict.rule
        elif self.rules.excludes_by_default:
            fed, rule = any(column.fed and column.subject for column, _ in columns), ""
        else:
            fed, rule = True, ""
        feed_table = FeedTable(
            name=name,
            role=role,  # type: ignore[arg-type]  # a TableRole, written by our own families only
            columns=tuple(column for column, _ in columns),
            events=events,
            fed=fed,
            decided_by=rule,
        )
        table = Table(
            name=name,
            columns=tuple(column for _, column in columns),
            family=head.family,
            description=head.description,
            renamed_from=head.renamed_from,
            origin=head.origin,
            owner=head.owner,
            fed_by=head.fed_by,
        )
        return feed_table, table

    def _column(self, table: str, draft: Draft) -> tuple[FeedColumn, Column]:
        stored = self.facts.native_type(draft.native) if draft.native is not None else self.facts.settle(draft.type)
        address = f"{table}.{draft.name}"
        verdict = self.rules.value(address, draft.subject) if draft.subject else self.rules.attendant(address)
        fed = _cell(
            draft.name,
            draft.type,
            stored,
            draft.value,
            verdict,
            draft.required,
            draft.transforms,
            draft.mobile,
            draft.subject,
        )
        column = Column(
            name=draft.name,
            type=stored,
            description=draft.description,
            renamed_from=draft.renamed_from,
            origin=draft.origin,
            owner=draft.owner,
            fed_by=_alone(draft.fed_by),
        )
        return fed, column

    def transforms(self, specs: Iterable[TransformSpec]) -> tuple[Transform, ...]:
        return tuple(
            Transform("hmac_sha256", spec.hmac_sha256) if isinstance(spec, HmacTransformSpec) else Transform(spec)
            for spec in specs
        )


@lru_cache(maxsize=1_024)
def _alone(address: str) -> tuple[str, ...]:
    """Return one value for all columns that one thing feeds."""
    return (address,) if address else ()


@lru_cache(maxsize=65_536)
def _cell(
    name: str,
    type: ColumnType,
    stored: ColumnType,
    value: Value,
    verdict: Verdict,
    required: bool,
    transforms: tuple[Transform, ...],
    mobile: bool,
    subject: str,
) -> FeedColumn:
    """Return one value for equal cells: tables of one family have most of theirs in common."""
    return FeedColumn(
        name=name,
        type=type,
        stored=stored,
        value=value,
        fed=verdict.fed,
        required=required,
        transforms=transforms,
        decided_by=verdict.rule,
        mobile=mobile,
        subject=subject,
    )


def head(family: Family, *, origin: Origin, owner: str, fed_by: str, **more: object) -> Table:
    """Return a table without columns: what is known of it before its columns are."""
    description, renamed_from = more.get("description"), more.get("renamed_from", ())
    return Table(
        name=TableName("", ""),
        columns=(),
        family=family,
        origin=origin,
        owner=owner,
        fed_by=(fed_by,),
        description=description if isinstance(description, str) else None,
        renamed_from=renamed_from if isinstance(renamed_from, tuple) else (),
    )


def keys(id: str, spec: TraitSpec | AudienceSpec) -> tuple[str, ...]:
    """Return the keys under which messages carry it: its own first, then the old one of a rename hint; as written."""
    key = spec.key or id
    return (key, *(spec.renamed_from or ()))


def declared(project: Project, space: str, type_of: Callable[[TraitSpec], ColumnType]) -> tuple[Declared, ...]:
    """Return every trait, audience and journey of a space."""
    found: list[Declared] = []
    for id_, trait in sorted(project.spec.traits.items()):
        if trait.space == space:
            normal = tuple(stored_name(key) for key in keys(id_, trait))
            found.append(Declared(kind="trait", id=id_, keys=normal, type=type_of(trait)))
    for id_, audience in sorted(project.spec.audiences.items()):
        if audience.space == space:
            normal = tuple(stored_name(key) for key in keys(id_, audience))
            found.append(Declared(kind="audience", id=id_, keys=normal, type=Boolean()))
    for id_, journey in sorted(project.spec.journeys.items()):
        if journey.space == space:
            found.append(journey_declared(id_, journey))
    return tuple(found)


def journey_declared(id: str, journey: JourneySpec) -> Declared:
    return Declared(kind="journey", id=id, keys=(journey.key or id,), journey_id=journey.journey_id)


def event_rules(kinds: Iterable[EventKind], said: Mapping[EventKind, tuple[str, ...]]) -> tuple[EventRule, ...]:
    """Return the event names that mean each kind, as sent."""
    return tuple(EventRule(kind=kind, names=said.get(kind, DEFAULT_EVENT_NAMES[kind])) for kind in dict.fromkeys(kinds))


def settings(**said: object) -> tuple[tuple[str, str], ...]:
    """Return settings as (name, text), sorted; what is not said is left out."""
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))
        for name, value in sorted(said.items())
        if isinstance(value, str) or (value is not None and value is not False and value != [] and value != {})
    )


def schedule_settings(schedule: Schedule) -> dict[str, object]:
    """Return the schedule as settings."""
    if schedule.cron:
        return {"sync.cron": f"{schedule.cron} {schedule.timezone}", "sync.blackout": list(schedule.blackout)}
    every = schedule.every_s or 0
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if every and every % length == 0:
            text = f"{every // length}{unit}"
            break
    else:
        text = f"{every}s"
    return {"sync.every": text, "sync.blackout": list(schedule.blackout)}


def excluded(tables: Iterable[FeedTable]) -> list[str]:
    """Return the addresses that selective sync keeps from being fed, for the settings."""
    found: list[str] = []
    for table in tables:
        if not table.fed:
            found.append(f"table.{table.name}")
            continue
        found += [f"column.{table.name}.{column.name}" for column in table.columns if not column.fed]
    return sorted(found)
