"""What a warehouse holds and the YAML does not name -> the resources that would name it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from engagectl.config.check.facts import (
    AUDIENCE_PRESET,
    JOURNEY_PRESET,
    classic_schema,
    key_of,
    table_of_activation,
)
from engagectl.config.field import IDENTIFIER, parse_type
from engagectl.config.project import Project
from engagectl.edit.spelling import Spelled, event_name, event_table_kind, id_of, is_writable, spelled, unusual_names
from engagectl.inspect.recognise import FoundSchema, FoundTable
from engagectl.inspect.survey import Computation, Survey
from engagectl.model.column_type import Json, Text, Timestamp
from engagectl.model.names import stored_name
from engagectl.model.schema import Column
from engagectl.warehouses.contract import Warehouse

Resource = dict[str, Any]
_JSON = {"entity_context": "entity", "journey_context": "journey", "journey_metadata": "journey_metadata"}
_PRESET = {**JOURNEY_PRESET, **AUDIENCE_PRESET}


@dataclass(kw_only=True)
class Proposal:
    """`new` are whole resources by (map, id), each with its space; `sends` and `columns` are added to a connection."""

    new: dict[tuple[str, str], Resource] = field(default_factory=dict)
    spaces: dict[tuple[str, str], str] = field(default_factory=dict)
    sends: dict[str, list[Resource]] = field(default_factory=dict)
    columns: dict[str, dict[str, Resource]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.sends or self.columns)

    def add(self, kind: str, id: str, resource: Resource, *, space: str) -> None:
        self.new[kind, id] = resource
        self.spaces[kind, id] = space


@dataclass(kw_only=True)
class Author:
    """Writes one proposal. `owned` are (schema, table, column) that this project owns: what it no longer declares it
    keeps on purpose.
    """

    project: Project
    warehouse: str
    record: Warehouse
    found: Survey
    owned: frozenset[tuple[str, str, str]] = frozenset()
    made: Proposal = field(default_factory=Proposal)

    def propose(self) -> Proposal:
        for schema in self.found.schemas:
            if schema.kind in ("classic", "activations") and not re.fullmatch(IDENTIFIER, schema.name):
                self.made.notes.append(f"{schema.name}: the YAML cannot name a schema that is spelled so")
            elif schema.kind == "classic":
                self._classic(schema)
        for schema in self.found.schemas:
            if schema.kind == "activations" and re.fullmatch(IDENTIFIER, schema.name):
                for table in schema.tables:
                    self._activation(schema, table)
        return self.made

    @property
    def role(self) -> str:
        return next(role for role, id_ in self.project.roles.items() if id_ == self.warehouse)

    # --- classic schemas ---

    def _classic(self, schema: FoundSchema) -> None:
        place = self._space_and_source(schema)
        if place is None:
            return
        space, source = place
        named = {(one.kind, one.key): one for one in self.found.computations if one.space == schema.slug}
        for key, places in _columns_of(schema).items():
            computation = named.get(("audience", key)) or named[("trait", key)]
            self._computation(space, computation, places)
        self._connection(schema, space, source)

    def _space_and_source(self, schema: FoundSchema) -> tuple[str, str] | None:
        """Return whose schema it is; None for one more schema of a space that the YAML has: people say."""
        spec = self.project.spec
        for space, said in spec.spaces.items():
            for source in said.sources:
                if classic_schema(self.project, space, source) == schema.name:
                    return space, source
        space = self._space(schema.slug)
        is_usual = schema.name == f"engage_{schema.slug}"
        if ("spaces", space) in self.made.new:
            source = (
                "main" if "main" not in self.made.new["spaces", space]["sources"] or is_usual else id_of(schema.name)
            )
            self.made.new["spaces", space]["sources"][source] = {} if is_usual else {"schema": schema.name}
            return space, source
        self.made.notes.append(f"{schema.name} looks like a further source of space {space}: declare it there by hand")
        return None

    def _space(self, slug: str) -> str:
        """Return the id of the space of a slug; a new one is Segment's until somebody says otherwise."""
        for space, said in self.project.spec.spaces.items():
            if (said.slug or space) == slug:
                return space
        for kind, id_ in self.made.new:
            if kind == "spaces" and (self.made.new[kind, id_].get("slug") or id_) == slug:
                return id_
        id_ = id_of(slug)
        resource: Resource = {} if id_ == slug else {"slug": slug}
        resource |= {"managed_by": "segment", "sources": {}}
        self.made.add("spaces", id_, resource, space=id_)
        return id_

    def _computation(self, space: str, one: Computation, places: list[tuple[FoundTable, Column]]) -> None:
        """Declare a trait or audience, unless it is, or is retained, or cannot be."""
        for kind in ("traits", "audiences"):
            for id_, said in getattr(self.project.spec, kind).items():
                if said.space == space and key_of(self.project, kind, id_) == one.key:
                    return
        if any((t.table.name.schema, t.table.name.table, one.key) in self.owned for t, _ in places):
            return
        if self._stored(one.key) != one.key:
            self.made.notes.append(f"column {one.key} of space {space}: no key in messages becomes this name")
            return
        kind = f"{one.kind}s"
        id_ = self._free_id(kind, one.key, space)
        resource: Resource = {"space": space}
        if one.kind == "audience":
            resource["kind"] = "profile"
        else:
            resource |= {"kind": "sql", **spelled(self.record, _first(places).type).fields}
        if id_ != one.key:
            resource["key"] = one.key
        if one.guessed:
            self.made.notes.append(f"{one.kind}.{id_} is a guess: its column is boolean, no row says what it is")
        self.made.add(kind, id_, resource, space=space)

    def _free_id(self, kind: str, key: str, space: str) -> str:
        taken = {*getattr(self.project.spec, kind), *(id_ for of, id_ in self.made.new if of == kind)}
        candidates = (id_of(key), id_of(f"{space}_{key}"), *(id_of(f"{space}_{key}_{n}") for n in range(2, 10_000)))
        return next(one for one in candidates if one not in taken)

    def _stored(self, name: str) -> str:
        limit = self.record.limits.identifier_bytes
        stored = stored_name(name)
        return stored if limit is None or len(stored.encode()) <= limit else ""

    def _connection(self, schema: FoundSchema, space: str, source: str) -> None:
        spec = self.project.spec.connections
        there = next((id_ for id_, said in spec.items() if (said.space, said.source) == (space, source)), None)
        patterns = {"traits": set[str](), "audiences": set[str]()}
        for item in spec[there].send if there is not None else ():
            patterns["traits"].update(item.traits)
            patterns["audiences"].update(item.audiences)
        new = {
            (kind, resource.get("key") or id_): id_
            for (kind, id_), resource in self.made.new.items()
            if kind in patterns and resource["space"] == space
        }
        known = {
            (kind, key_of(self.project, kind, id_)): id_
            for kind in patterns
            for id_, said in getattr(self.project.spec, kind).items()
            if said.space == space
        }
        send: list[Resource] = []
        for (kind, key), id_ in sorted({**known, **new}.items()):
            if there is not None and ((kind, key) in known or any(fnmatchcase(id_, one) for one in patterns[kind])):
                continue
            calls = self._calls(schema, key, kind)
            if calls is None:
                continue
            alike = next(
                (item for item in send if kind in item and {**item, kind: None} == {kind: None, **calls}), None
            )
            if alike is not None:
                alike[kind].append(id_)
            else:
                send.append({kind: [id_], **calls})
        if there is not None:
            if send:
                self.made.sends[there] = send
            return
        id_ = self._free_id("connections", f"{space}_classic" if source == "main" else f"{space}_{source}", space)
        resource: Resource = {"space": space}
        if source != "main":
            resource["source"] = source
        resource |= {"warehouses": [self.role], "standard_columns": "as_found", "send": send}
        self.made.add("connections", id_, resource, space=space)

    def _calls(self, schema: FoundSchema, key: str, kind: str) -> Resource | None:
        """Return how a computation is sent, by the tables that carry its column; None when only users does."""
        carrying = [one for one in schema.tables if any(column.name == key for column in one.values)]
        calls = ["identify"] if any(one.role == "identifies" for one in carrying) else []
        kinds = ("trait_computed",) if kind == "traits" else ("audience_entered", "audience_exited")
        names: dict[str, list[str]] = {one: [] for one in kinds}
        for one in carrying:
            if one.role == "event":
                facts = self.found.facts[str(one.table.name)]
                of = event_table_kind(one.table, kind)
                names[of] += event_name(one.table.name.table, facts.events)
        if any(names.values()):
            calls.append("track")
            differing = unusual_names({of: sorted(said) for of, said in names.items()})
            return {"as": calls, **({"event_names": differing} if differing else {})}
        return {"as": calls} if calls else None

    # --- storage actions ---

    def _activation(self, schema: FoundSchema, found: FoundTable) -> None:
        name = found.table.name
        targets = (table_of_activation(self.project, id_) for id_ in self.project.spec.activations)
        if found.role != "activation" or (name.schema, name.table) in targets:
            return
        if (name.schema, name.table, "") in self.owned:
            return
        if self._stored(name.table) != name.table:
            self.made.notes.append(f"table {name}: no activation can have this name")
            return
        space = self._space(schema.slug)
        if ("spaces", space) in self.made.new:
            self.made.new["spaces", space]["sources"].setdefault("main", {})
        columns = found.table.by_name
        is_journey = bool({"journey_context", "journey_metadata"} & columns.keys())
        facts = self.found.facts[str(name)]
        keys = facts.keys or (name.table,)
        if is_journey:
            keys = tuple(dict.fromkeys(key.partition("__")[0] for key in keys))
        if not facts.keys:
            self.made.notes.append(f"table {name}: no row names its audience or journey; {name.table} is a guess")
        shape = self._shape(found, is_journey=is_journey)
        table: Resource = {"table": name.table}
        if len(keys) > 1:
            shared = self._free_id("tables", name.table, space)
            data: Resource = {"space": space, "table": name.table, "mappings": shape.pop("mappings", [])}
            self.made.add("tables", shared, {key: part for key, part in data.items() if part}, space=space)
            table = {"into": shared}
        for key in keys:
            kind = "journey" if is_journey else "audience"
            subject = self._subject(space, kind, key, is_linked="entity_context" in columns)
            id_ = self._free_id("activations", name.table if len(keys) == 1 else f"{name.table}_{subject}", space)
            self.made.add("activations", id_, {kind: subject, "warehouses": [self.role], **table, **shape}, space=space)

    def _subject(self, space: str, kind: str, key: str, *, is_linked: bool) -> str:
        plural = f"{kind}s"
        stored = stored_name(key)
        for id_, said in getattr(self.project.spec, plural).items():
            if said.space == space and stored_name(said.key or id_) == stored:
                return str(id_)
        for (of, id_), resource in self.made.new.items():
            if of == plural and resource["space"] == space and stored_name(resource.get("key") or id_) == stored:
                if is_linked:
                    resource["kind"] = "linked"
                return id_
        id_ = self._free_id(plural, stored, space)
        resource = {
            "space": space,
            "kind": "event_triggered" if kind == "journey" else "linked" if is_linked else "profile",
        }
        if id_ != key:
            resource["key"] = key
        self.made.add(plural, id_, resource, space=space)
        return id_

    def _shape(self, found: FoundTable, *, is_journey: bool) -> Resource:
        """Return properties and mappings that make exactly the columns of the table."""
        properties: list[str] = []
        mappings: list[Resource] = []
        text, time = self.record.settle(Text()), self.record.settle(Timestamp())
        usual = ("journey_context", "journey_metadata") if is_journey else ("entity_context",)
        has = {name for name in _JSON if name in found.table.by_name}
        plain = all(found.table.by_name[name].type == text for name in has) and has in (set(usual), set())
        for column in found.table.columns:
            name = column.name
            if name in ("id", "received_at"):
                if column.type != (text if name == "id" else time):
                    path = "messageId" if name == "id" else "receivedAt"
                    mappings.append(self._mapping(path, column, "string" if name == "id" else "timestamp"))
            elif name in _JSON:
                if not plain:
                    as_type = "json" if isinstance(column.type, Json) else "json_text"
                    mappings.append(self._mapping(_JSON[name], column, as_type))
            elif name in _PRESET and column.type == text:
                properties.append(name)
            elif self._stored(name) == name and is_writable(self.record, column.type):
                mappings.append(self._mapping(_PRESET.get(name, f"properties.{name}"), column, ""))
            else:
                self.made.notes.append(f"column {found.table.name}.{name}: no mapping can have this name or type")
        shape: Resource = {"properties": properties}
        if mappings:
            shape["mappings"] = mappings
        if not (plain and has):
            shape["json_columns"] = False
        return shape

    def _mapping(self, path: str, column: Column, as_type: str) -> Resource:
        """Return the mapping that makes the column as it is; `as_type` where its meaning decides the declared type."""
        said = spelled(self.record, column.type)
        if as_type:
            usual = self.record.settle(parse_type(as_type))
            said = Spelled({"type": as_type}, None if column.type == usual else self.record.type_sql(column.type))
        mapping: Resource = {"from": path, "to": column.name, **said.fields}
        if said.native is not None:
            mapping["native"] = {self.warehouse: said.native}
        return mapping


def _columns_of(schema: FoundSchema) -> Mapping[str, list[tuple[FoundTable, Column]]]:
    found: dict[str, list[tuple[FoundTable, Column]]] = {}
    for table in schema.tables:
        for column in table.values:
            found.setdefault(column.name, []).append((table, column))
    return found


def _first(places: list[tuple[FoundTable, Column]]) -> Column:
    """Return the column whose type the trait takes: that of users, else identifies, else the first event table."""
    order = {"users": 0, "identifies": 1}
    return min(places, key=lambda place: (order.get(place[0].role, 2), place[0].table.name))[1]
