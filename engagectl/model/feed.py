"""Feeds: what loads what. The applied state of a feed is this value, as JSON, in the journal; sync runs by it alone.

A feed is one connection, one activation, or the `users` of one classic schema, in one warehouse. Everything a rule of
the YAML decides (globs, selective sync, defaults, event names) is decided before a Feed is made: nothing here is a
pattern (but `undeclared_rules`), nothing refers to another resource.
"""

from dataclasses import dataclass, field
from typing import Literal

from engagectl.model.address import Address
from engagectl.model.column_type import ColumnType
from engagectl.model.origin import NOWHERE, Origin
from engagectl.model.schema import TableName

FeedKind = Literal["connection", "activation", "users"]
EventKind = Literal[
    "audience_entered",
    "audience_exited",
    "entity_added",
    "entity_removed",
    "audience_membership_changed",
    "entity_values_changed",
    "step_entered",
    "trait_computed",
]
StandardField = Literal[
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
OnUndeclared = Literal["count", "quarantine", "add_column", "fail"]


# --- where a cell comes from -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard column: `id` is the messageId (in users: the user id), `timestamp` the event time, `event` the
    normalised and `event_text` the event name as sent, `uuid_ts` the load stamp of the chunk.
    """

    field: StandardField


@dataclass(frozen=True, slots=True)
class AtPath:
    """Payload paths from the top of the message, by their raw keys; the first that is there (and not null) counts."""

    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class InBody:
    """A key of the message's body (traits, or properties; a track may use either), compared after normalisation.

    Several keys are a rename hint, the new one first: when a message holds both, the first counts.
    """

    keys: tuple[str, ...]


Value = Standard | AtPath | InBody


@dataclass(frozen=True, slots=True)
class Transform:
    """One step of the closed list.

    `credentials` names the hmac key and `check` is 8 hex of HMAC(key, 'engagectl key check').
    """

    name: Literal["trim", "lower", "upper", "sha256", "hmac_sha256", "epoch_s_to_timestamp", "epoch_ms_to_timestamp"]
    credentials: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedColumn:
    """`type` is the declared type (limits and text forms follow it), `stored` the column's type in this warehouse.

    `fed` is False when selective sync excludes the cell; `decided_by` is the rule that said so ("" for the default).
    `mobile` columns are filled for messages of the computations that are sent with `mobile_ids`, and for no others.
    """

    name: str
    type: ColumnType
    stored: ColumnType
    value: Value
    fed: bool = True
    required: bool = False
    transforms: tuple[Transform, ...] = ()
    decided_by: str = ""
    added_by_sync: bool = False
    mobile: bool = False
    subject: str = ""  # the address of what declared it: trait.x, audience.y, "" for standard and context columns


TableRole = Literal["identifies", "tracks", "event", "users", "activation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTable:
    """`events` are the raw event names of an event table; a table that is not fed stays and gets no rows."""

    name: TableName
    role: TableRole
    columns: tuple[FeedColumn, ...]
    events: tuple[str, ...] = ()
    fed: bool = True
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A trait, audience or journey of the space, sent by this feed or not. `keys` are normalised, the current one first
    and then those of a rename hint; a journey's keys are raw.
    """

    kind: Literal["trait", "audience", "journey"]
    id: str
    keys: tuple[str, ...]
    type: ColumnType | None = None
    journey_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """The raw event names that mean one kind of event."""

    kind: EventKind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One computation that a connection sends, and how. `fed` is False when selective sync excludes its value here."""

    kind: Literal["trait", "audience"]
    id: str
    keys: tuple[str, ...]
    identify: bool
    track: bool
    events: tuple[EventRule, ...] = ()
    mobile_ids: bool = False
    fed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a feed is due. `every_s` counts periods since 1970 UTC; `cron` has a time zone; blackout as written.

    `trigger` each_run: when a run is complete; schedule: by the clock. `quiet_for_s`: a plain file that has not grown
    for so long is complete.
    """

    every_s: int | None = 3600
    cron: str | None = None
    timezone: str = "UTC"
    blackout: tuple[str, ...] = ()
    trigger: Literal["each_run", "schedule"] = "schedule"
    quiet_for_s: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Identity is (project, kind, id). `warehouse` is the YAML id of the warehouse, for output only.

    `ids_before` are old ids of a rename hint. `excluded_by` is the source rule that stops the whole feed, "" when none.
    `settings` are the settings that are no schema, as (name, YAML text), compared by plan. `sent`, `on_undeclared`,
    `null_erases`, `context_columns` belong to connections (null_erases to users too); `subject`, `events`,
    `emitter_id` to activations. `undeclared_rules` are those of selective sync, as (default, include or exclude; rule),
    for columns that add_column would make: they alone are decided when the data comes. `declared` is every trait,
    audience and journey of the space. `retired` are normalised keys whose data is filtered.
    """

    project: str
    kind: FeedKind
    id: str
    warehouse: str
    space: str
    source: str
    space_id: str | None = None
    tables: tuple[FeedTable, ...]
    declared: tuple[Declared, ...] = ()
    retired: tuple[str, ...] = ()
    schedule: Schedule = Schedule()
    settings: tuple[tuple[str, str], ...] = ()
    excluded_by: str = ""
    ids_before: tuple[str, ...] = ()
    existing_rows: Literal["known", "keep"] | None = None
    integration: str | None = None
    dedupe_window_s: int | None = None
    sent: tuple[Sent, ...] = ()
    on_undeclared: OnUndeclared = "count"
    undeclared_rules: tuple[tuple[str, str], ...] = ()
    null_erases: bool = False
    context_columns: Literal["known", "all", "none", "listed"] = "known"
    subject: Declared | None = None
    events: tuple[EventRule, ...] = ()
    emitter_id: str | None = None
    owner: str = ""
    stopped: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def address(self) -> Address:
        return Address(self.kind, self.id)
