"""Rules about lines that can be read and would do nothing, or not what they say: a slip here would pass in silence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import get_args

from engagectl.config.activation import EventKind, HmacTransformSpec, MappingSpec
from engagectl.config.check.facts import (
    BODY_KEYS,
    CLASSIC_TABLES,
    STANDARD,
    event_tables,
    events_of,
    is_glob,
    key_of,
    report,
    send_items,
    space_of_activation,
)
from engagectl.config.connection import ColumnSpec, ConnectionSpec
from engagectl.config.locate import closest
from engagectl.config.project import Project
from engagectl.config.space import MessageField, TraitSpec
from engagectl.errors import Diagnostic
from engagectl.model.context import KNOWN_CONTEXT, MOBILE_CONTEXT, context_name
from engagectl.model.names import stored_name
from engagectl.model.origin import Origin

_TOPS = frozenset(
    (*get_args(MessageField), "entity", "journey", "journey_metadata", "channel", "name", "projectId", "version")
) | {"writeKey", "_metadata"}
_EPOCHS = frozenset({"epoch_s_to_timestamp", "epoch_ms_to_timestamp"})
_NUMBERS = ("integer", "float", "boolean", "decimal")
_LONG = 40  # of a longer name only this much is compared: a warehouse may end it with a hash
_KINDS = {
    "journey": frozenset({"step_entered"}),
    "profile": frozenset(
        {"audience_entered", "audience_exited", "audience_membership_changed", "entity_values_changed"}
    ),
    "linked": frozenset(get_args(EventKind)) - {"step_entered"},
}


def sent_things_are_declared(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.connections.items():
        for index, item in enumerate(spec.send):
            for kind, patterns, resources in (
                ("traits", item.traits, project.spec.traits),
                ("audiences", item.audiences, project.spec.audiences),
            ):
                known = [name for name, one in resources.items() if one.space == spec.space]
                for position, pattern in enumerate(patterns):
                    if pattern == "*" or any(fnmatchcase(name, pattern) for name in known):
                        continue
                    meant = closest(pattern, known)
                    yield report(
                        project,
                        "EC212",
                        "warning" if is_glob(pattern) else "error",
                        f"connection.{this} sends {kind[:-1]}.{pattern}, and space {spec.space} declares none",
                        project.origin("connections", this).under("send", index, kind, position),
                        f"declared: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}" if known else "",
                        label=f"did you mean `{meant}`?" if meant else "",
                    )


def columns_of_a_connection_are_there(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.connections.items():
        if not spec.columns:
            continue
        tables = {*CLASSIC_TABLES, *(table for _, table, _ in event_tables(project, this))}
        keys = [key_of(project, "traits", one) for one, said in project.spec.traits.items() if said.space == spec.space]
        keys += [
            key_of(project, "audiences", one)
            for one, said in project.spec.audiences.items()
            if said.space == spec.space
        ]
        known = {*STANDARD, *BODY_KEYS, *_context(spec), *keys, *(f"_{key}" for key in keys)}
        begins = {key[:_LONG] for key in known if len(key) > _LONG}
        for written in spec.columns:
            table, _, name = written.rpartition(".")
            is_known = name in known or name[:_LONG] in begins
            if is_known and (not table or table in tables):
                continue
            wrong = name if not is_known else table
            meant = closest(wrong, sorted(known if not is_known else tables))
            yield report(
                project,
                "EC213",
                "error",
                f"connection.{this} has no {'column' if not is_known else 'table'} {wrong}",
                project.origin("connections", this).under("columns", written),
                "a column is the normalised key of a trait or audience of the space, or a standard or context column",
                key=True,
                label=f"did you mean `{meant}`?" if meant else "",
            )


def _context(spec: ConnectionSpec) -> Iterator[str]:
    paths = (*KNOWN_CONTEXT, *MOBILE_CONTEXT)
    listed = spec.context_columns if isinstance(spec.context_columns, tuple) else ()
    for name in (*(context_name(path) for path in paths), *listed):
        yield f"context_{name.removeprefix('context_')}"


def writers_are_named(project: Project) -> Iterator[Diagnostic]:
    for this, spec in project.spec.activations.items():
        table = project.spec.tables.get(spec.into or "")
        if table is None:
            continue
        at = project.origin("activations", this)
        if table.writers is not None and (spec.owner or "") not in (*table.writers, table.owner):
            who = spec.owner or "an activation without an owner"
            yield report(
                project,
                "EC323",
                "error",
                f"{who} may not write into table {spec.into}",
                at.under("into"),
                f"its writers: {', '.join(table.writers)}; the owner of the table decides who is one",
                related=[(project.origin("tables", spec.into or "").under("writers"), "said here")],
            )
        if space_of_activation(project, this) not in (None, table.space):
            yield report(
                project,
                "EC207",
                "error",
                f"table {spec.into} is of space {table.space}; activation.{this} is of another",
                at.under("into"),
                "declare a table in the activation's own space",
            )
        for key, said in (("schema", spec.schema_), ("table_renamed_from", spec.table_renamed_from)):
            if said is not None:
                yield report(
                    project,
                    "EC102",
                    "error",
                    f"activations.{this} has `into`: {key} belongs to tables.{spec.into}",
                    at.under(key),
                    f"say it there{' (renamed_from)' if key != 'schema' else ''}, and leave it out here",
                    key=True,
                )


def event_kinds_go_with_what_sends_them(project: Project) -> Iterator[Diagnostic]:
    for this, connection in project.spec.connections.items():
        for index, item in enumerate(connection.send):
            sent = {"trait_computed"} if item.traits else set[str]()
            sent |= {"audience_entered", "audience_exited"} if item.audiences else set()
            sent = sent if "track" in item.as_ else set()
            at = project.origin("connections", this).under("send", index, "event_names")
            yield from _wrong_kinds(
                project, f"connections.{this}.send[{index}]", list(item.event_names or ()), sorted(sent), at
            )
    for this, activation in project.spec.activations.items():
        audience = project.spec.audiences.get(activation.audience or "")
        if audience is None and activation.journey is None:
            continue
        fits = _KINDS["journey" if audience is None else audience.kind]
        at = project.origin("activations", this)
        known = [kind for kind in activation.events or () if kind != "trait_computed"]  # that one is EC301
        yield from _wrong_kinds(project, f"activation.{this}", known, sorted(fits), at.under("events"))
        shared = project.spec.defaults.activation.get("event_names") or ()  # one list for audiences and journeys
        named = [kind for kind in activation.event_names or () if kind not in shared]
        used = sorted(fits & set(events_of(project, this)))
        yield from _wrong_kinds(project, f"activation.{this}", named, used, at.under("event_names"))


def _wrong_kinds(
    project: Project, who: str, said: Sequence[str], fits: Sequence[str], at: Origin
) -> Iterator[Diagnostic]:
    for position, kind in enumerate(said):
        if kind not in fits:
            is_name = at.path[-1] == "event_names"
            yield report(
                project,
                "EC324",
                "error",
                f"{who} has no event {kind}",
                at.under(kind if is_name else position),
                f"events here: {', '.join(fits)}" if fits else "names of events need `as: [track]`",
                key=is_name,
            )


def mappings_mean_something(project: Project) -> Iterator[Diagnostic]:
    for kind, resources in (("activations", project.spec.activations), ("tables", project.spec.tables)):
        for this, spec in resources.items():
            taken: dict[str, int] = {}
            for index, mapping in enumerate(spec.mappings or ()):
                for slip in (*_path_slips(mapping), *_limit_slips(mapping)):
                    yield _told(project, slip, project.origin(kind, this).under("mappings", index))
                problem = _step_problem(_steps(mapping), mapping.type) if mapping.transform else None
                if problem is not None and not mapping.native:
                    at = project.origin(kind, this).under("mappings", index, "transform")
                    yield report(project, "EC326", "error", f"{kind[:-1]}.{this}: {problem}", at)
                first = taken.setdefault(stored_name(mapping.to), index)
                if first != index:
                    at = project.origin(kind, this)
                    yield report(
                        project,
                        "EC310",
                        "error",
                        f"{kind[:-1]}.{this} maps two values to the column {stored_name(mapping.to)}",
                        at.under("mappings", index, "to"),
                        "name one of them otherwise; `from: [a, b]` takes the first path that is there",
                        related=[(at.under("mappings", first), "first mapped here")],
                    )


@dataclass(frozen=True, slots=True)
class _Slip:
    """What is wrong with one key of a mapping or trait, before its place is known: nearly all of them have none."""

    code: str
    key: str
    message: str
    advice: str
    label: str = ""
    is_key_wrong: bool = False


def _told(project: Project, slip: _Slip, at: Origin) -> Diagnostic:
    return report(
        project,
        slip.code,
        "error",
        slip.message,
        at.under(slip.key),
        slip.advice,
        label=slip.label,
        key=slip.is_key_wrong,
    )


def _path_slips(mapping: MappingSpec) -> Iterator[_Slip]:
    for path in mapping.from_:
        parts = path.removeprefix("$.").split(".")
        if "" in parts:
            problem, advice = "has an empty part", "write the keys with one point between them"
        elif "]" in path and any(re.search(r"\[[0-9*]*\]$", part) for part in parts):
            problem, advice = "takes one item of a list", "map the whole list, with the type json_text"
        elif parts[0] not in _TOPS and not path.startswith("$."):
            problem = "begins with nothing that a message has"
            advice = (
                "begin with context., traits., properties., entity., journey. or a field such as userId; $. for others"
            )
        else:
            continue
        meant = closest(parts[0], sorted(_TOPS)) if parts[0] not in _TOPS else ""
        label = f"did you mean `{meant}`?" if meant else ""
        yield _Slip("EC325", "from", f"the path {path} {problem}", advice, label)


def types_say_what_they_can(project: Project) -> Iterator[Diagnostic]:
    for this, trait in project.spec.traits.items():
        for slip in _limit_slips(trait):
            yield _told(project, slip, project.origin("traits", this))
    for this, connection in project.spec.connections.items():
        if not connection.columns:
            continue
        types = {
            key_of(project, "traits", one): said.type
            for one, said in project.spec.traits.items()
            if said.space == connection.space
        }
        types |= {
            key_of(project, "audiences", one): "boolean"
            for one, said in project.spec.audiences.items()
            if said.space == connection.space
        }
        for written, column in connection.columns.items():
            type_ = types.get(written.rpartition(".")[2], "string")
            problem = None if column.native else _step_problem(_steps(column), type_)
            if problem is not None:
                at = project.origin("connections", this).under("columns", written, "transform")
                yield report(project, "EC326", "error", f"connection.{this}, column {written}: {problem}", at)


def _steps(said: MappingSpec | ColumnSpec) -> list[str]:
    return ["hmac_sha256" if isinstance(one, HmacTransformSpec) else str(one) for one in said.transform]


def _step_problem(steps: Sequence[str], type_: str) -> str | None:
    """Return why no value could be stored after these transforms; None when there is no reason."""
    epochs = [step for step in steps if step in _EPOCHS]
    if epochs and (type_ != "timestamp" or steps[-1] not in _EPOCHS or len(epochs) > 1):
        return f"{epochs[0]} is the last transform of a column of the type timestamp, and this is {type_}" + (
            "" if type_ != "timestamp" else " with more after it"
        )
    if {"sha256", "hmac_sha256"} & set(steps) and type_ not in ("string", "json_text", "json"):
        return f"a hash is text: the type must be string, not {type_}"
    if steps and not epochs and type_.startswith(_NUMBERS):
        return f"{steps[0]} makes text: the type must be string, not {type_}"
    return None


def _limit_slips(said: MappingSpec | TraitSpec) -> Iterator[_Slip]:
    type_ = str(said.type)
    if type_ == "string":
        return
    for key, limit in (("max_chars", said.max_chars), ("max_bytes", said.max_bytes)):
        if limit is not None:
            message = f"{key} is a limit of the type string, and this is {type_}"
            yield _Slip("EC102", key, message, "leave it out", is_key_wrong=True)
    found = re.fullmatch(r"decimal\( ?(\d+) ?, ?(\d+) ?\)", type_) if type_.startswith("decimal") else None
    if found is not None and (int(found[1]) < 1 or int(found[2]) > int(found[1])):
        message = f"{type_} has more digits after the point than in all"
        yield _Slip("EC102", "type", message, "decimal(18,2) has 18 digits, 2 after it")


def sources_that_are_read_have_an_input(project: Project) -> Iterator[Diagnostic]:
    """A source without one is left out by sync, and the others load: so no error."""
    reads = [("connections", this, spec.space, spec.source) for this, spec in project.spec.connections.items()]
    for this, activation in project.spec.activations.items():
        reads.append(("activations", this, space_of_activation(project, this) or "", activation.source))
    told: set[tuple[str, str]] = set()
    for kind, this, space, source in reads:
        spec = project.spec.spaces.get(space)
        if spec is None or spec.managed_by == "segment" or (space, source) in told:
            continue
        there = spec.sources.get(source)
        if (there is not None and there.input is not None) or (there is None and spec.sources):
            continue  # an unknown one is EC209
        told.add((space, source))
        at = project.origin("spaces", space)
        yield report(
            project,
            "EC327",
            "warning",
            f"spaces.{space}.sources.{source} has no input, and {kind[:-1]}.{this} reads it: sync would leave it out",
            at if there is None else at.under("sources", source),
            f"name one: sources: {{{source}: {{input: ..}}}}, or say `managed_by: segment` where Segment loads it",
            key=True,
        )


def linked_audiences_go_by_activations(project: Project) -> Iterator[Diagnostic]:
    for this in project.spec.connections:
        for item in send_items(project, this, ("audiences",)):
            if item.named and project.spec.audiences[item.id].kind == "linked":
                yield report(
                    project,
                    "EC328",
                    "info",
                    f"connection.{this} sends audience.{item.id}, a linked one: Segment sends it by activations only",
                    project.origin("connections", this).under("send", item.index, item.kind, item.position),
                    f"activations: {{{item.id}: {{audience: {item.id}, warehouses: [..], table: ..}}}}",
                )
