"""Rules about what feeds what: connections, activations and the warehouses they reach."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engagectl.config.check.facts import (
    Column,
    Item,
    columns_of,
    events_of,
    report,
    send_items,
    space_of_activation,
    table_of_activation,
    warehouses_of,
)
from engagectl.config.project import Project
from engagectl.config.regular import real_path
from engagectl.errors import Diagnostic
from engagectl.model.column_type import NATIVE_SHAPE
from engagectl.model.names import stored_name
from engagectl.model.origin import Origin

_MESSAGING = frozenset({"messaging", "email", "sms", "whatsapp", "push", "twilio", "sendgrid", "twilio_messaging"})
# digits, and those after the point: each vendor's manual, on its exact numeric type
_DECIMALS = {
    "duckdb": (38, 38),
    "postgres": (1000, 1000),
    "redshift": (38, 37),
    "snowflake": (38, 37),
    "bigquery": (76, 38),  # BIGNUMERIC
    "databricks": (38, 38),
}
_COLUMN_LIMITS = {"postgres": 1600, "redshift": 1600, "bigquery": 10000}


def no_computed_trait_in_an_activation(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.activations.items():
        at = project.origin("activations", this)
        if spec.audience in project.spec.traits and spec.audience not in project.spec.audiences:
            where, what = at.under("audience"), f"trait.{spec.audience}"
        elif "trait_computed" in (spec.events or ()):
            where, what = at.under("events", (spec.events or ()).index("trait_computed")), "trait_computed"
        else:
            continue
        yield report(
            project,
            "EC301",
            "error",
            f"activation.{this} asks for {what}: computed traits do not go through storage actions",
            where,
            "send the trait by a connection: connections.<id>.send: [{traits: [..], as: [identify, track]}]",
        )


def activations_outside_segments_list(project: Project) -> Iterator[Diagnostic]:
    reached: dict[str, list[str]] = {}
    for this, spec in project.spec.activations.items():
        for warehouse in warehouses_of(project, spec.warehouses):
            reached.setdefault(warehouse, []).append(this)
    for warehouse, ids in reached.items():
        kind = project.spec.warehouses[warehouse].type
        if kind in ("duckdb", "postgres"):
            many = f"{len(ids)} activations write" if len(ids) > 1 else f"activation.{ids[0]} writes"
            yield report(
                project,
                "EC307",
                "info",
                f"{many} to {warehouse} ({kind}): fine here, but Segment's storage actions do not offer {kind}",
                project.origin("warehouses", warehouse).under("type"),
            )


def tables_stay_below_the_column_limit(project: Project) -> Iterator[Diagnostic]:
    wide: dict[tuple[str, str, str], dict[str, Origin]] = {}
    for this, spec in project.spec.activations.items():
        target = table_of_activation(project, this)
        for warehouse in warehouses_of(project, spec.warehouses) if target is not None else ():
            schema, table = target or ("", "")
            if project.spec.warehouses[warehouse].type not in _COLUMN_LIMITS:
                continue
            columns = wide.setdefault((warehouse, schema, table), {})
            for column in columns_of(project, this):
                columns.setdefault(column.name, column.origin)
    for (warehouse, schema, table), columns in wide.items():
        kind = project.spec.warehouses[warehouse].type
        limit = _COLUMN_LIMITS.get(kind)
        if limit is not None and len(columns) > 0.8 * limit:
            yield report(
                project,
                "EC308",
                "warning",
                f"{schema}.{table} would have {len(columns)} mapped columns; {kind} allows {limit}",
                list(columns.values())[-1],
                "leave fields in the JSON column and map the ones you query",
            )


def types_fit_the_warehouse(project: Project) -> Iterator[Diagnostic]:
    seen: set[tuple[str, Origin]] = set()
    for written in _written(project):
        for warehouse in written.warehouses:
            kind = project.spec.warehouses[warehouse].type
            if written.native and warehouse in written.native:
                if not NATIVE_SHAPE.fullmatch(written.native[warehouse]):
                    yield report(
                        project,
                        "EC411",
                        "error",
                        "`native` must be the name of a type, with its sizes in parentheses",
                        written.origin.under("native", warehouse),
                        "such as smallint, varchar(64) or timestamp without time zone",
                    )
                continue
            found = re.fullmatch(r"decimal\((\d+), ?(\d+)\)", written.type)
            digits, scale = _DECIMALS[kind]
            if found is None or (int(found[1]) <= digits and int(found[2]) <= scale):
                continue
            if (warehouse, written.origin) not in seen:
                seen.add((warehouse, written.origin))
                yield report(
                    project,
                    "EC410",
                    "error",
                    f"{warehouse} ({kind}) cannot store {written.type}: a decimal has at most {digits} digits there"
                    + (f", {scale} of them after the point" if scale < digits else ""),
                    written.origin.under("type"),
                    "choose a smaller precision, or float or string",
                )


@dataclass(frozen=True, slots=True)
class _Written:
    """A type that a warehouse may refuse, decimal or native, and the warehouses that it reaches."""

    type: str
    native: Mapping[str, str] | None
    warehouses: tuple[str, ...]
    origin: Origin


def _written(project: Project) -> Iterator[_Written]:
    """Yield such types of mappings, and of the traits of a space that a connection loads (users holds them all)."""
    for this, spec in project.spec.activations.items():
        reached = warehouses_of(project, spec.warehouses)
        places = [("activations", this, spec.mappings or ())]
        if spec.into in project.spec.tables:
            places.append(("tables", spec.into or "", project.spec.tables[spec.into or ""].mappings))
        for kind, id_, mappings in places:
            for index, mapping in enumerate(mappings):
                if mapping.native or mapping.type.startswith("decimal"):
                    at = project.origin(kind, id_).under("mappings", index)
                    yield _Written(str(mapping.type), mapping.native, reached, at)
    for this, connection in project.spec.connections.items():
        reached = warehouses_of(project, connection.warehouses)
        for trait, said in project.spec.traits.items():
            if said.space == connection.space and said.type.startswith("decimal"):
                yield _Written(str(said.type), None, reached, project.origin("traits", trait))
        for name, column in connection.columns.items():
            if column.native:
                at = project.origin("connections", this).under("columns", name)
                yield _Written("string", column.native, reached, at)


def one_column_one_meaning(project: Project) -> Iterator[Diagnostic]:
    for ids in _by_table(project).values():
        columns: dict[str, tuple[str, Column]] = {}
        for this in ids:
            for column in columns_of(project, this):
                other, first = columns.setdefault(column.name, (this, column))
                if other != this and (first.type, first.paths) != (column.type, column.paths):
                    what = "types" if first.type != column.type else "paths"
                    yield report(
                        project,
                        "EC310",
                        "error",
                        f"activation.{this} and activation.{other} write different {what} into column {column.name}",
                        column.origin,
                        "make both the same, or name the columns differently",
                        related=[(first.origin, "the other one is here")],
                    )
        yield from _messages_twice(project, ids)


def _messages_twice(project: Project, ids: list[str]) -> Iterator[Diagnostic]:
    """Yield one finding for all activations that hang together by messages that two of them would write."""
    groups: list[list[str]] = []
    for this in ids:
        met = [group for group in groups if any(_writes_the_same(project, this, other) for other in group)]
        groups = [group for group in groups if group not in met]
        groups.append([this, *(other for group in reversed(met) for other in group)])
    for this, *others in (group for group in groups if len(group) > 1):
        named = [f"activation.{one}" for one in (this, *others)]
        yield report(
            project,
            "EC310",
            "error",
            f"{', '.join(named[:-1])} and {named[-1]} would write the same messages into one table",
            project.origin("activations", this),
            f"give {'both' if len(named) == 2 else 'each'} an `emitter_id`, and different ones",
            key=True,
            related=[(project.origin("activations", other), "the other one is here") for other in others],
        )


def _writes_the_same(project: Project, one: str, other: str) -> bool:
    spec, before = project.spec.activations[one], project.spec.activations[other]
    same = (spec.audience, spec.journey, spec.source) == (before.audience, before.journey, before.source)
    apart = None not in (spec.emitter_id, before.emitter_id) and spec.emitter_id != before.emitter_id
    return same and not apart and bool(set(events_of(project, one)) & set(events_of(project, other)))


def _by_table(project: Project) -> dict[tuple[str, str, str], list[str]]:
    """Return the activations of each table in each warehouse; a table met in two warehouses counts once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for this, spec in project.spec.activations.items():
        target = table_of_activation(project, this)
        if target is not None:
            for warehouse in warehouses_of(project, spec.warehouses):
                found.setdefault((warehouse, *target), []).append(this)
    seen: set[tuple[str, ...]] = set()
    once = {}
    for key, ids in found.items():
        if len(ids) > 1 and (*key[1:], *ids) not in seen:
            seen.add((*key[1:], *ids))
            once[key] = ids
    return once


def messaging_destinations_have_no_source(project: Project) -> Iterator[Diagnostic]:
    for space, spec in project.spec.spaces.items():
        for name, source in spec.sources.items():
            if source.destination is not None and stored_name(source.destination) in _MESSAGING:
                yield report(
                    project,
                    "EC311",
                    "error",
                    f"spaces.{space}.sources.{name} is for {source.destination}: messaging destinations make no schema",
                    project.origin("spaces", space).under("sources", name, "destination"),
                    "remove this source",
                )


def paths_fit_the_events(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.activations.items():
        events = set(events_of(project, this))
        for index, mapping in enumerate(spec.mappings or ()):
            for path in mapping.from_:
                bare = path.removeprefix("$.")
                if bare.startswith("traits.") and "audience_membership_changed" not in events:
                    hint = f"a track has it in context.{bare}"
                elif bare.startswith(("properties.", "entity.")) and events == {"audience_membership_changed"}:
                    hint = "an identify has its values under traits."
                else:
                    continue
                yield report(
                    project,
                    "EC313",
                    "warning",
                    f"no event of activation.{this} holds {path}",
                    project.origin("activations", this).under("mappings", index, "from"),
                    hint,
                )


def resources_are_somewhere(project: Project) -> Iterator[Diagnostic]:
    targets = project.spec.targets
    if not targets:
        return
    roles = {role for target in targets.values() for role in target.warehouses}
    for kind, resources in (("connections", project.spec.connections), ("activations", project.spec.activations)):
        for this, resource in resources.items():
            if resource.warehouses and not roles & set(resource.warehouses):
                named = ", ".join(resource.warehouses)
                yield report(
                    project,
                    "EC314",
                    "info",
                    f"{kind[:-1]}.{this} is in no target: none has the warehouse role {named}",
                    project.origin(kind, this).under("warehouses"),
                    f"roles of the targets: {', '.join(sorted(roles)) or 'none'}",
                )


def spaces_on_one_input_say_who_they_are(project: Project) -> Iterator[Diagnostic]:
    readers: dict[str, dict[str, Origin]] = {}
    for space, spec in project.spec.spaces.items():
        for name, source in spec.sources.items():
            if isinstance(source.input, str):
                at = project.origin("spaces", space).under("sources", name, "input")
                readers.setdefault(source.input, {}).setdefault(space, at)
    for input_id, spaces in readers.items():
        mute = [space for space in spaces if project.spec.spaces[space].space_id is None]
        if len(spaces) > 1 and mute:
            first = next(space for space in spaces if space != mute[-1])
            yield report(
                project,
                "EC315",
                "error",
                f"the spaces {', '.join(spaces)} read the input {input_id}, and {', '.join(mute)} has no space_id",
                spaces[mute[-1]],
                "set `space_id` on each of them: messages are told apart by context.personas.space_id",
                related=[(spaces[first], "also read here")],
            )


def one_connection_per_source_and_warehouse(project: Project) -> Iterator[Diagnostic]:
    taken: dict[tuple[str, str, str], str] = {}
    for this, spec in project.spec.connections.items():
        for warehouse in warehouses_of(project, spec.warehouses):
            first = taken.setdefault((spec.space, spec.source, warehouse), this)
            if first != this:
                yield report(
                    project,
                    "EC316",
                    "error",
                    f"connection.{this} and connection.{first} both load {spec.space}.{spec.source} into {warehouse}",
                    project.origin("connections", this),
                    "put both lists under one `send`",
                    key=True,
                    related=[(project.origin("connections", first), "the other one is here")],
                )


def each_computation_is_sent_once(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.connections.items():
        taken: dict[tuple[str, str], Item] = {}
        kinds = [kind for kind in ("traits", "audiences") if sum(bool(getattr(item, kind)) for item in spec.send) > 1]
        for item in send_items(project, this, kinds):
            first = taken.setdefault((item.kind, item.id), item)
            if first is not item and first.named == item.named:
                at = project.origin("connections", this)
                yield report(
                    project,
                    "EC317",
                    "error",
                    f"{item.kind[:-1]}.{item.id} is in two items of connections.{this}.send",
                    at.under("send", item.index, item.kind, item.position),
                    "name it in one item; an item that names it decides over one that holds it by a glob",
                    related=[(at.under("send", first.index), "also sent here")],
                )
            elif item.named:
                taken[(item.kind, item.id)] = item


def activations_beside_tracks_name_their_emitter(project: Project) -> Iterator[Diagnostic]:
    tracked: dict[tuple[str, str, str], tuple[str, int]] = {}
    for this, spec in project.spec.connections.items():
        for item in send_items(project, this, ("audiences",)):
            if "track" in item.calls:
                tracked.setdefault((spec.space, spec.source, item.id), (this, item.index))
    for this, activation in project.spec.activations.items():
        space = space_of_activation(project, this)
        if space is None or activation.audience is None or activation.emitter_id is not None:
            continue
        found = tracked.get((space, activation.source, activation.audience))
        if found is not None:
            yield report(
                project,
                "EC320",
                "info",
                f"activation.{this} has no emitter_id and connection.{found[0]} sends audience.{activation.audience} "
                "as track too: if Engage sends the activation calls of its own, both become rows",
                project.origin("activations", this),
                "set `emitter_id` to the activation's this (context.personas.event_emitter_id)",
                key=True,
                related=[(project.origin("connections", found[0]).under("send", found[1]), "sent here")],
            )


def one_database_one_warehouse(project: Project) -> Iterator[Diagnostic]:
    """Compare by text: a server with two names is found when we connect."""
    taken: dict[tuple[str, ...], str] = {}
    for this in dict.fromkeys(project.roles.values()):
        spec = project.spec.warehouses.get(this)
        if spec is None:
            continue
        fields = {name: str(getattr(spec, name, None) or "").lower() for name in _IDENTITY[spec.type]}
        if spec.type == "duckdb":
            fields["path"] = str(real_path(project.root / spec.path)) if isinstance(spec.path, str) else ""
        if not any(fields.values()):
            continue
        first = taken.setdefault((spec.type, *fields.values()), this)
        if first != this:
            yield report(
                project,
                "EC413",
                "error",
                f"the warehouses {first} and {this} are one database",
                project.origin("warehouses", this),
                "let both roles mean one warehouse: targets.<id>.warehouses: {a: one, b: one}",
                key=True,
                related=[(project.origin("warehouses", first), "the other one is here")],
            )


_IDENTITY = {
    "duckdb": ("path",),
    "postgres": ("host", "port", "database", "dsn"),
    "redshift": ("host", "port", "database", "dsn", "cluster", "workgroup"),
    "snowflake": ("account", "database"),
    "bigquery": ("project",),
    "databricks": ("host", "catalog"),
}
