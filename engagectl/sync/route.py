"""Feeds -> SQL over the staged messages: one outcome per feed and line, and the cells of each of its tables.

An outcome is `load`, `duplicate`, `f:<reason>` (filtered) or `q:<reason>` (quarantined whole).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engagectl.model.column_type import Boolean, ColumnType, Decimal, Float, Integer, JsonText, Text, Timestamp
from engagectl.model.feed import AtPath, Declared, Feed, FeedColumn, FeedTable, InBody, Standard
from engagectl.model.names import stored_name
from engagectl.sync.sql.casts import as_text, nothing, strict, string_of, transformed
from engagectl.sync.sql.quoting import literal, one_of
from engagectl.sync.stage import Stage, alternatives
from engagectl.sync.tombstones import is_erased

KEYS = "hmac_keys"  # not of a chunk: forget() leaves it
ERASED = "ec_erased_lines"
DEFAULT_NAMES = {
    "Audience Entered": "audience_entered",
    "Audience Exited": "audience_exited",
    "Entity Added": "entity_added",
    "Entity Removed": "entity_removed",
    "Audience Membership Changed": "audience_membership_changed",
    "Entity Values Changed": "entity_values_changed",
    "Journey Step Entered": "step_entered",
    "Trait Computed": "trait_computed",
}
STANDARD_NAMES = frozenset(
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
        "type",
    ]
)
STANDARD_SQL = {
    "id": "message_id",
    "received_at": "received_at",
    "sent_at": "sent_at",
    "timestamp": "event_time",
    "original_timestamp": "original_timestamp",
    "anonymous_id": "anonymous_id",
    "user_id": "user_id",
    "event_text": "event",
}
"""The columns of a staged message that the standard columns of tables are filled from, in any engine."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What this chunk holds: raw computation keys, with the numbers that they have in it, and event names."""

    numbers: Mapping[str, int]
    events: tuple[str, ...]

    @property
    def computations(self) -> tuple[str, ...]:
        return tuple(self.numbers)


def computation(stage: Stage) -> str:
    """Return the raw computation key of a message: of its personas, or named by a track that has none."""
    named = f"coalesce({string_of(stage.in_body(('audience_key',)))}, {string_of(stage.in_body(('trait_key',)))})"
    return f"CASE WHEN has_personas THEN computation_key WHEN type = 'track' THEN {named} END"


def mark(stage: Stage) -> Seen:
    """Write the computation beside each message and return what there is."""
    query = stage.handle.execute
    query(f"CREATE OR REPLACE TEMP VIEW ec_named AS SELECT *, {computation(stage)} AS computation FROM ec_full")
    said = "SELECT DISTINCT computation_key, personas_no FROM ec_personas WHERE computation_key IS NOT NULL ORDER BY 2"
    numbers = dict(query(said).fetchall())
    others = "SELECT DISTINCT computation FROM ec_named WHERE has_personas IS NOT true AND computation IS NOT NULL"
    named = [raw for (raw,) in query(f"{others} ORDER BY 1").fetchall()]
    number, source = "CASE WHEN has_personas THEN personas_no END", "ec_named"
    if named:  # by tracks without personas: only these have to be looked up
        numbers |= {raw: n for n, raw in enumerate(named, len(numbers) + 1) if raw not in numbers}
        rows = "SELECT unnest(?) AS computation, unnest(?) AS computation_no"
        query(f"CREATE OR REPLACE TEMP TABLE ec_computations AS {rows}", [list(numbers), list(numbers.values())])
        number, source = "computation_no", f"{source} LEFT JOIN ec_computations USING (computation)"
    query(f"CREATE OR REPLACE TEMP VIEW ec_routed AS SELECT ec_named.*, {number} AS computation_no FROM {source}")
    if stage.has_tombstones:
        query(
            f"CREATE OR REPLACE TEMP TABLE {ERASED} AS SELECT line_no FROM ec_messages"
            f" WHERE {is_erased('user_id', 'received_at')}"
        )
    return Seen(
        numbers,
        tuple(r[0] for r in query("SELECT DISTINCT event FROM ec_messages WHERE event IS NOT NULL").fetchall()),
    )


def resolve(raw: str, declared: Iterable[Declared]) -> Declared | None:
    """Return the computation that a raw key names; of several journeys the one with the longest key."""
    name = stored_name(raw)
    journeys = []
    for item in declared:
        if item.kind == "journey":
            journeys += [(len(key), item) for key in item.keys if raw == key or raw.startswith(key + "__")]
        elif name in item.keys:
            return item
    return max(journeys, key=lambda pair: pair[0])[1] if journeys else None


def outcome(feed: Feed, stage: Stage, seen: Seen) -> str:
    """Return the CASE that decides what becomes of a line for this feed, over `ec_routed`."""
    cases = ["WHEN broken IS NOT NULL THEN 'q:' || broken", "WHEN type = 'run_completed' THEN 'f:control'"]
    if stage.has_tombstones:  # before anything that would keep it, the quarantine included
        cases.insert(0, f"WHEN line_no IN (SELECT line_no FROM {ERASED}) THEN 'f:erased'")
    cases.append("WHEN type NOT IN ('identify', 'track') THEN 'f:call_type'")
    if feed.space_id is not None:
        cases.append(f"WHEN space_id <> {literal(feed.space_id)} THEN 'f:other_space'")
    if feed.integration is not None:
        taken = f"json_extract(integrations, {literal('/' + feed.integration.replace('~', '~0').replace('/', '~1'))})"
        cases.append(f"WHEN coalesce(CAST({taken} AS VARCHAR), '') <> 'true' THEN 'f:not_routed'")
    match feed.kind:
        case "connection":
            cases += _connection(feed, stage, seen)
        case "users":
            cases += _users(feed, stage)
        case "activation":
            cases += _activation(feed, stage, seen)
    cases.append("WHEN invalid IS NOT NULL THEN 'q:' || invalid")
    return "CASE " + "\n ".join(cases) + " ELSE 'load' END"


def _named(seen: Seen, raws: Iterable[str]) -> str:
    """Return the predicate "the computation is one of these", true or false: numbers compare faster than texts."""
    numbers = sorted({seen.numbers[raw] for raw in raws})
    return f"coalesce(computation_no IN ({', '.join(map(str, numbers))}), false)" if numbers else "false"


def _any(predicates: Iterable[str]) -> str:
    return " OR ".join(dict.fromkeys(predicates)) or "false"


def _holds(stage: Stage, keys: Iterable[str]) -> str:
    found = dict.fromkeys(key for key in keys if key in stage.spellings)
    return f"{stage.in_body(found)} IS NOT NULL" if found else "false"


def _retired(feed: Feed, stage: Stage, seen: Seen) -> str:
    raws = [raw for raw in seen.computations if stored_name(raw) in feed.retired]
    held = _holds(stage, feed.retired)
    living = _holds(stage, [key for item in feed.declared if item.kind != "journey" for key in item.keys])
    return f"{_named(seen, raws)} OR (computation IS NULL AND type = 'identify' AND ({held}) AND NOT ({living}))"


def _connection(feed: Feed, stage: Stage, seen: Seen) -> list[str]:
    by_thing: dict[tuple[str, str], list[str]] = {}
    for raw in seen.computations:
        if (item := resolve(raw, feed.declared)) is not None:
            by_thing.setdefault((item.kind, item.id), []).append(raw)
    declared = [raw for raws in by_thing.values() for raw in raws]
    named = {"identify": [], "track": []}  # type: dict[str, list[str]]
    cells: list[str] = []
    events: dict[tuple[str, ...], list[str]] = {}
    excluded: list[str] = []
    for sent in feed.sent:
        raws = by_thing.get((sent.kind, sent.id), [])
        if not sent.fed:
            excluded += raws
        if sent.identify:
            named["identify"] += raws
            cells += sent.keys
        if sent.track:
            names = tuple(sorted({name for rule in sent.events for name in rule.names}))
            events.setdefault(names, []).extend(raws)
    known = [key for item in feed.declared if item.kind != "journey" for key in item.keys]
    identify = f"{_named(seen, named['identify'])} OR (computation IS NULL AND ({_holds(stage, cells)}))"
    track = _any(f"({_named(seen, raws)} AND {one_of('event', names)})" for names, raws in events.items())
    roles = {table.role: table for table in feed.tables}
    identifies = "identifies" in roles and roles["identifies"].fed
    kept = [c for c in roles["identifies"].columns if c.fed] if identifies else []
    held = _holds(stage, (key for c in kept if isinstance(c.value, InBody) for key in c.value.keys))
    tracked = [name for table in feed.tables if table.role == "event" and table.fed for name in table.events]
    to_tables = "true" if "tracks" in roles and roles["tracks"].fed else one_of("event", tracked)
    undeclared = (
        f"NOT ({_named(seen, declared)})"
        f" AND NOT (computation IS NULL AND type = 'identify' AND ({_holds(stage, known)}))"
    )
    return [
        f"WHEN {undeclared} THEN CASE WHEN {_retired(feed, stage, seen)} THEN 'f:retired' ELSE 'f:undeclared' END",
        f"WHEN type = 'identify' AND NOT ({identify}) THEN 'f:not_routed'",
        f"WHEN type = 'track' AND NOT ({track}) THEN 'f:not_routed'",
        f"WHEN type = 'identify' AND NOT {'true' if identifies else 'false'} THEN 'f:selective_sync'",
        f"WHEN type = 'track' AND NOT ({to_tables}) THEN 'f:selective_sync'",
        f"WHEN {_named(seen, excluded)} AND NOT (type = 'identify' AND ({held})) THEN 'f:selective_sync'",
        f"WHEN computation IS NULL AND type = 'identify' AND NOT ({held}) THEN 'f:selective_sync'",
    ]


def _users(feed: Feed, stage: Stage) -> list[str]:
    (table,) = feed.tables
    traits = [(column.fed, column.value.keys) for column in table.columns if isinstance(column.value, InBody)]
    keys = [key for _, names in traits for key in names]
    fed = [key for is_fed, names in traits if is_fed for key in names]
    nulls = _any(stage.is_null(key) for key in fed if key in stage.spellings) if feed.null_erases else "false"
    unfed = (
        f"CASE WHEN {_holds(stage, keys)} THEN 'f:selective_sync'"
        f" WHEN {_holds(stage, feed.retired)} THEN 'f:retired' ELSE 'f:undeclared' END"
    )
    return [
        "WHEN type <> 'identify' THEN 'f:call_type'",
        "WHEN coalesce(user_id, '') = '' THEN 'f:anonymous'",
        f"WHEN NOT {'true' if table.fed else 'false'} THEN 'f:selective_sync'",
        f"WHEN NOT ({_holds(stage, fed)} OR {nulls}) THEN {unfed}",
    ]


def event_kind(feed: Feed, stage: Stage) -> str:
    """Return the kind of event of a message, for an activation: by name, by class, by membership."""
    names = {name: kind for name, kind in DEFAULT_NAMES.items() if kind not in {rule.kind for rule in feed.events}}
    names |= {name: rule.kind for rule in feed.events for name in rule.names}
    by_name = " ".join(f"WHEN {literal(name)} THEN {literal(kind)}" for name, kind in sorted(names.items()))
    keys = [stored_name(key) for key in feed.subject.keys] if feed.subject is not None else []
    member = strict(stage.in_body(keys), Boolean(), membership=True)
    return (
        "CASE WHEN type = 'identify' THEN 'audience_membership_changed' ELSE coalesce("
        f"CASE event {by_name} END, CASE WHEN computation_class = 'journey_step' THEN 'step_entered' END,"
        f" CASE {member} WHEN true THEN 'audience_entered' WHEN false THEN 'audience_exited' END, '') END"
    )


def _activation(feed: Feed, stage: Stage, seen: Seen) -> list[str]:
    subject = feed.subject
    if subject is None:
        return ["WHEN true THEN 'f:not_routed'"]
    things = feed.declared or (subject,)
    declared = [(raw, resolve(raw, things)) for raw in seen.computations]
    mine = [raw for raw, item in declared if item is not None and (item.kind, item.id) == (subject.kind, subject.id)]
    ours = _named(seen, mine)
    if subject.journey_id is not None:
        journey = stage.at(("properties", "journey_metadata", "journey_id"))
        claimed = _named(seen, [raw for raw, item in declared if item is not None])
        ours = f"({ours} OR (NOT {claimed} AND coalesce({string_of(journey)}, '') = {literal(subject.journey_id)}))"
    elif subject.kind == "audience":
        keys = _holds(stage, (stored_name(key) for key in subject.keys))
        ours = f"({ours} OR (computation IS NULL AND type = 'identify' AND ({keys})))"
    known = _named(seen, [raw for raw, item in declared if item is not None])
    other = (
        f"CASE WHEN {_retired(feed, stage, seen)} THEN 'f:retired'"
        f" WHEN computation IS NOT NULL AND NOT {known} THEN 'f:undeclared' ELSE 'f:not_routed' END"
    )
    cases = [f"WHEN NOT {ours} THEN {other}"]
    if feed.emitter_id is not None:
        cases.append(f"WHEN coalesce(emitter_id, '') <> {literal(feed.emitter_id)} THEN 'f:not_routed'")
    cases.append(f"WHEN NOT {one_of(event_kind(feed, stage), (rule.kind for rule in feed.events))} THEN 'f:not_routed'")
    if not any(table.fed for table in feed.tables):
        cases.append("WHEN true THEN 'f:selective_sync'")
    return cases


def takes(table: FeedTable) -> str:
    """Return which loading messages of the feed give a row to this table."""
    match table.role:
        case "identifies" | "users":
            return "type = 'identify'"
        case "tracks":
            return "type = 'track'"
        case "event":
            return f"type = 'track' AND {one_of('event', table.events)}"
        case "activation":
            return "true"


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of one table: what was sent, an expression that is NULL when nothing was; None for what every message
    has, the `standard` expression. A `secret` value is kept nowhere else but as its hash; an `empty` column is one that
    no line of the chunk fills; a `shared` value is one that messages have in common, by their personas. `place` is
    where the typed value stands; `misfits` tells that some values do not fit.
    """

    column: FeedColumn
    sent: str | None
    standard: str = ""
    membership: bool = False
    secret: bool = False
    empty: bool = False
    shared: bool = False
    place: str = ""
    misfits: bool = False

    def typed(self, value: str) -> str:
        """Return what the column stores of a value, the name of what was sent."""
        if self.sent is None:
            return self.standard
        if self.empty:
            return nothing(self.column.type)
        return _typed(self.column, value, membership=self.membership)


def cells(feed: Feed, table: FeedTable, stage: Stage, seen: Seen, *, uuid_ts: str) -> tuple[Cell, ...]:
    members = _members(feed)
    made = (
        (column, _cell(column, table, stage, seen, uuid_ts=uuid_ts, members=members))
        for column in table.columns
        if column.fed
    )
    return tuple(_of_mobile(feed, stage, seen, cell) if column.mobile else cell for column, cell in made)


def _members(feed: Feed) -> set[str]:
    """Return the keys whose values are memberships."""
    members = {key for item in feed.declared if item.kind == "audience" for key in item.keys}
    if feed.subject is not None:
        members.update(stored_name(key) for key in feed.subject.keys)
    return members


def _of_mobile(feed: Feed, stage: Stage, seen: Seen, cell: Cell) -> Cell:
    """Return the cell for messages of computations sent with `mobile_ids`; for any other nothing was sent."""
    if cell.sent is None or all(sent.mobile_ids for sent in feed.sent):
        return cell
    asked = {(sent.kind, sent.id): sent.keys for sent in feed.sent if sent.mobile_ids}
    found = ((raw, resolve(raw, feed.declared)) for raw in seen.computations)
    named = _named(seen, [raw for raw, item in found if item is not None and (item.kind, item.id) in asked])
    held = _holds(stage, [key for keys in asked.values() for key in keys])
    sent = f"CASE WHEN {named} OR (computation IS NULL AND ({held})) THEN {cell.sent} END"
    return replace(cell, sent=sent, shared=False)


def _cell(column: FeedColumn, table: FeedTable, stage: Stage, seen: Seen, *, uuid_ts: str, members: set[str]) -> Cell:
    value = column.value
    if isinstance(value, Standard):
        return Cell(column, None, standard=_standard(value, table, seen, uuid_ts))
    if isinstance(value, AtPath):
        paths = [path for path in alternatives(value) if path in stage.columns]
        held = [f"nullif({stage.at(path)}, 'null')" for path in paths]
        sent = f"coalesce({', '.join(held)})" if held else stage.at(value.paths[0])
        empty = not held
        if column.added_by_sync:  # an object has columns of its own
            sent = f"CASE WHEN {sent}[1] <> '{{' THEN {sent} END"
        shared = bool(paths) and all(map(stage.is_shared, paths))
        return Cell(column, sent, empty=empty and not column.transforms, shared=shared)
    empty = not any(key in stage.spellings for key in value.keys)
    return Cell(
        column,
        stage.in_body(value.keys),
        membership=bool(members & set(value.keys)),
        empty=empty and not column.transforms,
    )


def retyped(feed: Feed, column: FeedColumn, sent: str) -> str:
    """Return what a column stores of a value, its compact JSON text, or NULL where it does not fit."""
    membership = isinstance(column.value, InBody) and bool(_members(feed) & set(column.value.keys))
    return as_stored(f"({_typed(column, sent, membership=membership)})", column.type, column.stored)


def _typed(column: FeedColumn, value: str, *, membership: bool) -> str:
    """Return a value as its column's type, or NULL: by the limits of what was declared and of what is stored."""
    kind, stored = column.type, column.stored
    if isinstance(kind, Text) and isinstance(stored, Text):
        kind = Text(_least(kind.max_chars, stored.max_chars), _least(kind.max_bytes, stored.max_bytes))
    if column.transforms:
        return transformed(value, column.transforms, kind, key_table=KEYS)
    typed = strict(value, kind, membership=membership)
    if isinstance(kind, JsonText) and isinstance(stored, Text) and stored.max_bytes is not None:
        return f"CASE WHEN strlen({typed}) <= {stored.max_bytes} THEN {typed} END"
    return typed


def _least(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one is not None and other is not None else one if other is None else other


def is_too_long(cell: Cell) -> str:
    """Return the predicate "a text that every message has is longer than its column holds"; "" where none can be."""
    stored = cell.column.stored
    if cell.sent is not None or not isinstance(stored, Text) or stored.max_bytes is None:
        return ""
    return f"strlen({cell.place}) > {stored.max_bytes}"


def _standard(value: Standard, table: FeedTable, seen: Seen, uuid_ts: str) -> str:
    match value.field:
        case "id" if table.role == "users":
            return "user_id"
        case "uuid_ts":
            return f"CAST({literal(uuid_ts)} AS TIMESTAMPTZ)"
        case "event":
            names = " ".join(f"WHEN {literal(name)} THEN {literal(stored_name(name))}" for name in seen.events)
            return f"CASE event {names} END" if names else "CAST(NULL AS VARCHAR)"
        case field:
            return STANDARD_SQL[field]


def as_stored(name: str, kind: ColumnType, stored: ColumnType) -> str:
    """Return the value as its column stores it: in its one text form where the column was widened to text."""
    if isinstance(stored, Text) and isinstance(kind, Boolean | Integer | Float | Decimal | Timestamp):
        return as_text(name, kind)
    return name
