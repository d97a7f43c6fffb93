"""What sync met undeclared, or added by itself -> the resources that declare it. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from engagectl.config.check.facts import key_of
from engagectl.config.project import Project
from engagectl.edit.propose import Proposal, Resource
from engagectl.edit.spelling import id_of, spelled
from engagectl.journal.applied import AppliedFeed
from engagectl.journal.undeclared import Undeclared
from engagectl.model.names import stored_name
from engagectl.warehouses.contract import Warehouse

_NUMBERS = ("number", "integer", "ubigint", "bigint", "hugeint", "uhugeint", "double")
_TYPES = {  # JSON's own words, and those of the engine that reads it
    **dict.fromkeys(_NUMBERS, "decimal(38,9)"),
    **dict.fromkeys(("string", "varchar"), "string"),
    **dict.fromkeys(("object", "array"), "json_text"),
    "boolean": "boolean",
}


def propose_undeclared(
    project: Project, record: Warehouse, feeds: Iterable[AppliedFeed], counted: Sequence[Undeclared]
) -> Proposal:
    """Return a trait for each column that sync added and for each undeclared key of the data."""
    made = Proposal()
    by_number = {one.number: one.feed for one in feeds if one.retired_at is None}
    for feed in by_number.values():
        for table in feed.tables:
            for column in table.columns:
                if column.added_by_sync:
                    _trait(project, made, feed.space, column.name, dict(spelled(record, column.stored).fields))
    for one in counted:
        counted_by = by_number.get(one.feed)
        if counted_by is None:
            continue
        if one.kind in ("trait", "property", "computation"):
            _trait(project, made, counted_by.space, one.key, {"type": _type_of(one.types)})
        else:
            made.notes.append(
                f"{one.kind} {one.key}: {one.messages:,} messages of {counted_by.address}; declare it by hand"
            )
    return made


def _trait(project: Project, made: Proposal, space: str, key: str, fields: Resource) -> None:
    stored = stored_name(key)
    if stored in _known(project, made, space):
        return
    taken = {*project.spec.traits, *(id_ for kind, id_ in made.new if kind == "traits")}
    id_ = next(one for one in (id_of(stored), id_of(f"{space}_{stored}")) if one not in taken)
    resource: Resource = {"space": space, "kind": "sql", **fields}
    if stored_name(id_) != stored:
        resource["key"] = key
    made.add("traits", id_, resource, space=space)


def _known(project: Project, made: Proposal, space: str) -> Iterator[str]:
    for kind in ("traits", "audiences"):
        for id_, said in getattr(project.spec, kind).items():
            if said.space == space:
                yield key_of(project, kind, id_)
    for (_, id_), resource in made.new.items():
        if resource["space"] == space:
            yield stored_name(resource.get("key") or id_)


def _type_of(types: str) -> str:
    """Return the declared type that holds every JSON type that was seen."""
    said = (one.strip().lower() for one in types.split(","))
    found = {_TYPES.get(one, "string") for one in said if one not in ("", "null")}
    return found.pop() if len(found) == 1 else "string"
