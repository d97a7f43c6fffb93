"""What becomes of a message for a feed: None when it loads, else ("filtered" | "quarantined", reason)."""

from collections.abc import Iterator

from engagectl.model.feed import Declared, Feed, InBody
from tests.reference.message import Message
from tests.reference.names import column_name

Fate = tuple[str, str] | None
EVENT_KINDS = {
    "Audience Entered": "audience_entered",
    "Audience Exited": "audience_exited",
    "Entity Added": "entity_added",
    "Entity Removed": "entity_removed",
    "Audience Membership Changed": "audience_membership_changed",
    "Entity Values Changed": "entity_values_changed",
    "Journey Step Entered": "step_entered",
    "Trait Computed": "trait_computed",
}


def fate(feed: Feed, message: Message) -> Fate:
    reason = next(_reasons(feed, message), "")
    if reason:
        return ("filtered", reason)
    return ("quarantined", message.invalid) if message.invalid else None


def _reasons(feed: Feed, message: Message) -> Iterator[str]:
    """Yield why the feed does not take the message, the reason that counts first."""
    personas = message.personas or {}
    if message.type == "run_completed":
        yield "control"
    if message.type not in ("identify", "track"):
        yield "call_type"
    space = personas.get("space_id", personas.get("namespace"))
    if feed.space_id is not None and isinstance(space, str) and space != feed.space_id:
        yield "other_space"
    if feed.integration is not None and message.at(("integrations", feed.integration)) is not True:
        yield "not_routed"
    match feed.kind:
        case "connection":
            yield from _connection(feed, message)
        case "users":
            yield from _users(feed, message)
        case "activation":
            yield from _activation(feed, message)


def _named(raw: str | None, declared: tuple[Declared, ...]) -> Declared | None:
    """Return the declared thing that a raw computation key names; of several journeys the longest key."""
    if raw is None:
        return None
    for item in declared:
        if item.kind != "journey" and column_name(raw) in item.keys:
            return item
    journeys = [
        (len(key), item)
        for item in declared
        if item.kind == "journey"
        for key in item.keys
        if raw == key or raw.startswith(f"{key}__")
    ]
    return max(journeys, key=lambda pair: pair[0])[1] if journeys else None


def _keys(declared: tuple[Declared, ...]) -> tuple[str, ...]:
    return tuple(key for item in declared if item.kind != "journey" for key in item.keys)


def _is_retired(feed: Feed, message: Message) -> bool:
    """What was retired is filtered; an identify that carries a declared trait beside it loads that one."""
    if message.computation is not None:
        return column_name(message.computation) in feed.retired
    return message.names_traits and message.held(*feed.retired) is not None


def _connection(feed: Feed, message: Message) -> Iterator[str]:
    item = _named(message.computation, feed.declared)
    by_traits = message.names_traits and message.held(*_keys(feed.declared)) is not None
    if item is None and not by_traits:
        yield "retired" if _is_retired(feed, message) else "undeclared"
    sent = [one for one in feed.sent if item is not None and (one.kind, one.id) == (item.kind, item.id)]
    by_role = {table.role: table for table in feed.tables}
    cells = by_role["identifies"].columns if "identifies" in by_role else ()
    fed_keys = [key for cell in cells if cell.fed and isinstance(cell.value, InBody) for key in cell.value.keys]
    holds_fed = message.type == "identify" and message.held(*fed_keys) is not None
    if message.type == "identify":
        sent_keys = [key for one in feed.sent if one.identify for key in one.keys]
        if not any(one.identify for one in sent) and not (by_traits and message.held(*sent_keys) is not None):
            yield "not_routed"
        if "identifies" not in by_role or not by_role["identifies"].fed:
            yield "selective_sync"
    else:
        names = {name for one in sent if one.track for rule in one.events for name in rule.names}
        if message.event not in names:
            yield "not_routed"
        if not any(t.fed and (t.role == "tracks" or message.event in t.events) for t in feed.tables):
            yield "selective_sync"
    is_excluded = any(not one.fed for one in sent) if sent else message.names_traits
    if is_excluded and not holds_fed:
        yield "selective_sync"


def _users(feed: Feed, message: Message) -> Iterator[str]:
    (table,) = feed.tables
    if message.type != "identify":
        yield "call_type"
    if not message.user_id:
        yield "anonymous"
    if not table.fed:
        yield "selective_sync"
    traits = [(column.value.keys, column.fed) for column in table.columns if hasattr(column.value, "keys")]
    every = [key for keys, _ in traits for key in keys]
    fed = [key for keys, is_fed in traits if is_fed for key in keys]
    has_null = feed.null_erases and any(value is None for key in fed for value in message.spelled(key))
    if message.held(*every) is None and not has_null:
        yield "retired" if message.held(*feed.retired) is not None else "undeclared"
    if message.held(*fed) is None and not has_null:
        yield "selective_sync"


def _activation(feed: Feed, message: Message) -> Iterator[str]:
    assert feed.subject is not None
    item = _named(message.computation, feed.declared or (feed.subject,))
    is_ours = item is not None and (item.kind, item.id) == (feed.subject.kind, feed.subject.id)
    if item is None and feed.subject.journey_id is not None:
        is_ours = message.at(("properties", "journey_metadata", "journey_id")) == feed.subject.journey_id
    if item is None and feed.subject.kind == "audience" and message.names_traits:
        is_ours = message.held(*map(column_name, feed.subject.keys)) is not None
    if not is_ours:
        if _is_retired(feed, message) and item is None:
            yield "retired"
        yield "undeclared" if message.computation is not None and item is None else "not_routed"
    if feed.emitter_id is not None and (message.personas or {}).get("event_emitter_id") != feed.emitter_id:
        yield "not_routed"
    if event_kind(feed, message) not in {rule.kind for rule in feed.events}:
        yield "not_routed"
    if not feed.tables[0].fed:
        yield "selective_sync"


def event_kind(feed: Feed, message: Message) -> str:
    """Return the kind by the event's name, else by the class of the computation, else by membership."""
    if message.type == "identify":
        return "audience_membership_changed"
    said = {rule.kind for rule in feed.events}
    names = {name: kind for name, kind in EVENT_KINDS.items() if kind not in said}
    names |= {name: rule.kind for rule in feed.events for name in rule.names}
    if message.event in names:
        return names[message.event]
    if (message.personas or {}).get("computation_class") == "journey_step":
        return "step_entered"
    assert feed.subject is not None
    member = message.held(*map(column_name, feed.subject.keys))
    return {
        True: "audience_entered",
        "true": "audience_entered",
        False: "audience_exited",
        "false": "audience_exited",
    }.get(member if isinstance(member, bool | str) else None, "")
