"""What files of messages hold -> the YAML that would load all of it. Guesses are said, none is silent. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from engagectl.config.check.facts import BODY_KEYS, CLASSIC_TABLES, STANDARD
from engagectl.desired.part import DEFAULT_EVENT_NAMES
from engagectl.edit.place import in_lines
from engagectl.edit.spelling import id_of, unusual_names
from engagectl.edit.text import new_text
from engagectl.errors import RefusedError
from engagectl.inspect.files import ComputationFacts, ComputationKey, FileFacts
from engagectl.inspect.values import Values
from engagectl.model.names import stored_name

Resource = dict[str, Any]
INPUT = "engage_events"
_KIND_OF = {name: kind for kind, names in DEFAULT_EVENT_NAMES.items() for name in names}
_LINKED = ("entity_added", "entity_removed", "entity_values_changed")
_ORDER = ("spaces", "traits", "audiences", "journeys", "connections", "activations")
_ON_A_LINE = ("traits", "audiences", "journeys")


@dataclass(kw_only=True)
class Draft:
    """`inputs` and `resources` are maps of the YAML; `notes` tell what was guessed or could not be declared."""

    inputs: Resource
    resources: dict[str, dict[str, Resource]]
    notes: list[str] = field(default_factory=list)

    @property
    def inputs_text(self) -> str:
        return new_text(in_lines({"inputs": self.inputs}, is_line=False))

    @property
    def resources_text(self) -> str:
        return "\n".join(
            new_text(
                {kind: {id_: in_lines(one, is_line=kind in _ON_A_LINE) for id_, one in self.resources[kind].items()}}
            )
            for kind in _ORDER
            if self.resources.get(kind)
        )


def draft(facts: FileFacts, *, files: Sequence[str], role: str) -> Draft:
    """Return the YAML for these files. Raises RefusedError where they hold no messages."""
    if not facts.calls:
        shown = (
            f": their keys are {', '.join(name for name, _ in facts.fields.most_common(12))}" if facts.fields else ""
        )
        raise RefusedError(
            f"the files hold no messages that say their `type`{shown}",
            help="say in the YAML what they are: `type` and `fields` of the input (docs/configuration.md, Inputs)",
        )
    return _Author(facts=facts, role=role).write(files)


@dataclass(kw_only=True)
class _Author:
    facts: FileFacts
    role: str
    made: dict[str, dict[str, Resource]] = field(default_factory=lambda: {kind: {} for kind in _ORDER})
    notes: list[str] = field(default_factory=list)
    columns: dict[tuple[str, str], str] = field(default_factory=dict)
    event_tables: dict[tuple[str, str], str] = field(default_factory=dict)

    def write(self, files: Sequence[str]) -> Draft:
        spaces = self._spaces()
        for one, computed in sorted(self._computations().items()):
            space = spaces.get(one.space, next(iter(spaces.values())))
            if one.kind == "journey":
                self._journey(space, one.key)
            else:
                self._computation(space, one, computed)
        first = next(iter(spaces.values()))
        known = {key for space, key in self.columns if space == first}
        for key, values in sorted(self.facts.loose.items()):
            if key not in known:
                kind = _guessed(values)
                self.notes.append(f"{kind} {key} is a guess: its messages name no computation")
                facts = ComputationFacts(messages=values.messages, identifies=values.messages, values=values)
                self._computation(first, ComputationKey("", kind, min(values.spellings)), facts)
        if not any(self.made[kind] for kind in ("traits", "audiences", "journeys")):
            raise RefusedError(
                "the messages name no computation, and identify no trait", help="look at: engagectl inspect"
            )
        return Draft(inputs={INPUT: self._input(files)}, resources=self.made, notes=self.notes)

    def _input(self, files: Sequence[str]) -> Resource:
        said: Resource = {"files": list(files)}
        if any("segment-logs/" in file for file in files):
            said["format"] = "segment_s3"
        elif self.facts.context_traits:
            said["format"] = "rudderstack"
        return said

    def _spaces(self) -> dict[str, str]:
        """Return the id of each space of the messages. Two that read one input must say their `space_id`."""
        found = sorted(self.facts.spaces) or [""]
        ids = {space: "default" if len(found) == 1 else id_of(stored_name(space)) for space in found}
        for space, id_ in ids.items():
            resource: Resource = {"space_id": space} if space else {}
            self.made["spaces"][id_] = {**resource, "sources": {"main": {"input": INPUT}}}
        self.notes.append(
            "the slug of a space is not in its messages: say `slug` where the schema is not engage_<id of the space>"
        )
        return ids

    def _computations(self) -> dict[ComputationKey, ComputationFacts]:
        """Return the computations, each of one kind: what some message does not say, others do, or its values."""
        found: dict[ComputationKey, ComputationFacts] = {}
        kinds: dict[tuple[str, str], str] = {}
        for one in sorted(self.facts.computations, key=lambda one: one.kind == ""):
            facts = self.facts.computations[one]
            place = (one.space, stored_name(one.key) if one.kind != "journey" else one.key)
            if place not in kinds:
                kinds[place] = one.kind or _guessed(facts.values)
                if not one.kind:
                    self.notes.append(f"{kinds[place]} {one.key} is a guess: no message says what it is")
            kind = kinds[place]
            same = next(
                (
                    other
                    for other in found
                    if (other.space, other.kind, stored_name(other.key)) == (one.space, kind, stored_name(one.key))
                ),
                ComputationKey(one.space, kind, one.key),
            )
            found.setdefault(same, ComputationFacts()).merge(facts)
        return found

    def _computation(self, space: str, one: ComputationKey, facts: ComputationFacts) -> None:
        """Declare a trait or audience, and send it the ways that its messages came."""
        column = stored_name(one.key)
        if column in STANDARD or column in BODY_KEYS or column.startswith("context_"):
            self.notes.append(f"{one.kind} {one.key} cannot be declared: every table has a column {column}")
            return
        self.columns[space, column] = one.key
        kind = f"{one.kind}s"
        id_ = self._id(kind, column, space)
        resource: Resource = {"space": space}
        events = self._events(one.kind, facts)
        is_linked = one.kind == "audience" and (bool(facts.entities) or any(of in _LINKED for of in events))
        if one.kind == "trait":
            resource |= {"kind": "event", "type": facts.values.column_type if facts.values.types else "string"}
        else:
            resource["kind"] = "linked" if is_linked else "profile"
            if is_linked and len(facts.entities) == 1:
                resource["entity"] = next(iter(facts.entities))
        if id_ != column:
            resource["key"] = one.key
        self.made[kind][id_] = resource
        if is_linked:
            self._activation(space, "audience", id_, events)
            events = {}
        self._send(space, kind, id_, events, is_identified=bool(facts.identifies))

    def _events(self, kind: str, facts: ComputationFacts) -> dict[str, list[str]]:
        """Return the names of the events of each kind."""
        found: dict[str, list[str]] = {}
        for name, is_member in sorted(facts.events):
            if kind == "trait":
                of: str = "trait_computed"
            else:
                of = _KIND_OF.get(name) or ("audience_entered" if is_member else "audience_exited")
            if name not in found.get(of, ()) and (
                name in _KIND_OF or not any(name in names for names in found.values())
            ):
                found.setdefault(of, []).append(name)
        return found

    def _send(self, space: str, kind: str, id_: str, events: dict[str, list[str]], *, is_identified: bool) -> None:
        """Add to the connection of the space how a computation is sent; items that say the same are one."""
        events = {
            of: kept
            for of, names in events.items()
            if (kept := [name for name in names if self._has_table(space, name)])
        }
        calls = [*(["identify"] if is_identified else []), *(["track"] if events else [])]
        if not calls:
            return
        item: Resource = {kind: [id_], "as": calls}
        if differing := unusual_names(events):
            item["event_names"] = differing
        connection = self.made["connections"].setdefault(
            f"{space}_classic", {"space": space, "warehouses": [self.role], "send": []}
        )
        for other in connection["send"]:
            if kind in other and {**other, kind: None} == {**item, kind: None}:
                other[kind].append(id_)
                return
        connection["send"].append(item)

    def _has_table(self, space: str, event: str) -> bool:
        """Tell whether an event may have a table of its own; two names may not share one."""
        table = stored_name(event)
        if table in CLASSIC_TABLES or self.event_tables.setdefault((space, table), event) != event:
            self.notes.append(f"event {event!r} cannot be sent: its table {table} holds other rows")
            return False
        return True

    def _journey(self, space: str, key: str) -> None:
        id_ = self._id("journeys", stored_name(key), space)
        resource: Resource = {"space": space, "kind": "event_triggered"}
        if id_ != key:
            resource["key"] = key
        self.made["journeys"][id_] = resource
        self._activation(space, "journey", id_, {})

    def _activation(self, space: str, kind: str, subject: str, events: dict[str, list[str]]) -> None:
        id_ = self._id("activations", subject, space)
        resource: Resource = {kind: subject, "warehouses": [self.role], "table": id_}
        if events:
            resource["events"] = [of for of in DEFAULT_EVENT_NAMES if of in events]
        if differing := unusual_names(events):
            resource["event_names"] = differing
        self.made["activations"][id_] = resource

    def _id(self, kind: str, name: str, space: str) -> str:
        candidates = (id_of(name), id_of(f"{space}_{name}"), *(id_of(f"{space}_{name}_{n}") for n in range(2, 100)))
        return next((one for one in candidates if one not in self.made[kind]), "") or next(
            one for n in count(100) if (one := f"{candidates[0]}_{n}") not in self.made[kind]
        )


def _guessed(values: Values) -> str:
    """Tell an audience from a trait by its values, as `import` does by its column."""
    return "audience" if values.types == {"boolean"} else "trait"
