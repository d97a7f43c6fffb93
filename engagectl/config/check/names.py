"""Rules about names: what two resources may not both be called, and where a name is already taken."""

from collections.abc import Collection, Iterator

from engagectl.config.check.facts import (
    BODY_KEYS,
    CLASSIC_TABLES,
    STANDARD,
    classic_schema,
    columns_of,
    event_tables,
    key_of,
    preset_of,
    report,
    space_of_activation,
    table_of_activation,
    warehouses_of,
)
from engagectl.config.project import Project
from engagectl.errors import Diagnostic
from engagectl.model.names import stored_name
from engagectl.model.origin import Origin

_PREFIXES = ("engage_", "personas_")
_RESERVED_SCHEMAS = frozenset({"information_schema", "public", "main"})


def source_schemas_begin_as_engage_does(project: Project) -> Iterator[Diagnostic]:
    for space, spec in project.spec.spaces.items():
        for name, source in spec.sources.items():
            if source.schema_ is not None and not source.schema_.startswith(_PREFIXES):
                yield report(
                    project,
                    "EC302",
                    "error",
                    f"the classic schema of spaces.{space}.sources.{name} must begin with engage_ or personas_",
                    project.origin("spaces", space).under("sources", name, "schema"),
                    "leave `schema` out for the source main: it is engage_<slug>",
                )


def no_two_in_one_schema(project: Project) -> Iterator[Diagnostic]:
    taken: dict[str, Origin] = {}
    for space, spec in project.spec.spaces.items():
        for name, source in spec.sources.items():
            schema = classic_schema(project, space, name)
            if schema is None:
                continue
            at = project.origin("spaces", space).under("sources", name)
            said = at.under("schema") if source.schema_ is not None else at
            if schema in taken:
                related = [(taken[schema], "first used here")]
                message = f"two sources would share the schema {schema}; each source has its own"
                yield report(project, "EC312", "error", message, said, related=related)
            taken.setdefault(schema, at)
    journal = project.spec.journal_schema
    for this, activation in project.spec.activations.items():
        target = table_of_activation(project, this)
        if target is None:
            continue
        schema = target[0]
        at = project.origin("activations", this)
        at = at.under("schema") if activation.schema_ is not None else at
        if schema in taken:
            message = f"activation.{this} would write into {schema}, the classic schema of a source"
            yield report(project, "EC312", "error", message, at, related=[(taken[schema], "the source is here")])
        elif schema == journal or schema in _RESERVED_SCHEMAS or schema.startswith("pg_"):
            yield report(
                project,
                "EC312",
                "error",
                f"activation.{this} would write into {schema}, which is not a schema for data of Engage",
                at,
                "name another `schema:`, or give the space a `slug:` of its own",
            )


def keys_make_columns_of_their_own(project: Project) -> Iterator[Diagnostic]:
    taken: dict[tuple[str, str], tuple[str, str]] = {}
    for kind, resources in (("traits", project.spec.traits), ("audiences", project.spec.audiences)):
        for this, resource in resources.items():
            key = key_of(project, kind, this)
            first = taken.setdefault((resource.space, key), (kind, this))
            if first != (kind, this):
                other = f"{first[0][:-1]}.{first[1]}"
                yield report(
                    project,
                    "EC305",
                    "error",
                    f"{kind[:-1]}.{this} and {other} both become the column {key} of space {resource.space}",
                    project.origin(kind, this),
                    "give one of them another `key`, or declare only one",
                    key=True,
                    related=[(project.origin(*first), "first declared here")],
                )
    journeys: dict[tuple[str, str], str] = {}
    for this, journey in project.spec.journeys.items():
        other = journeys.setdefault((journey.space, journey.key or this), this)
        if other != this:
            yield report(
                project,
                "EC305",
                "error",
                f"journey.{this} and journey.{other} have one key in space {journey.space}",
                project.origin("journeys", this),
                "a message says its journey by its key: give one of them another",
                key=True,
                related=[(project.origin("journeys", other), "first declared here")],
            )


def events_make_tables_of_their_own(project: Project) -> Iterator[Diagnostic]:
    taken: dict[tuple[str, str, str], tuple[str, Origin]] = {}
    for this, spec in project.spec.connections.items():
        for event, table, at in event_tables(project, this):
            if table in CLASSIC_TABLES:
                message = f"the event {event!r} becomes the table {table}, which holds other rows"
                yield report(project, "EC306", "error", message, at, "name the event otherwise")
                continue
            first = taken.setdefault((spec.space, spec.source, table), (event, at))
            if first[0] != event:
                message = f"the events {event!r} and {first[0]!r} both become the table {table}"
                yield report(project, "EC306", "error", message, at, related=[(first[1], "first named here")])


def old_names_are_gone(project: Project) -> Iterator[Diagnostic]:
    spec = project.spec
    for kind, resources in (("traits", spec.traits), ("audiences", spec.audiences)):
        keys = {(resource.space, key_of(project, kind, this)): this for this, resource in resources.items()}
        for this, resource in resources.items():
            for old in resource.renamed_from or ():
                other = keys.get((resource.space, stored_name(old)))
                if other is not None:
                    yield _declared_again(project, f"{kind[:-1]}.{this}", old, kind, this, other)
    by_id: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
        ("connections", {this: tuple(one.renamed_from or ()) for this, one in spec.connections.items()}),
        ("activations", {this: tuple(one.renamed_from or ()) for this, one in spec.activations.items()}),
        ("tables", {this: tuple(one.renamed_from or ()) for this, one in spec.tables.items()}),
    )
    for kind, hints in by_id:
        for this, olds in hints.items():
            for old in olds:
                if old in hints:
                    yield _declared_again(project, f"{kind[:-1]}.{this}", old, kind, this, old)


def _declared_again(project: Project, address: str, old: str, kind: str, this: str, other: str) -> Diagnostic:
    return report(
        project,
        "EC318",
        "error",
        f"{address} says it was renamed from {old}, which is still declared",
        project.origin(kind, this).under("renamed_from"),
        "remove the hint, or the old declaration",
        related=[(project.origin(kind, other), "declared here")],
    )


def names_leave_the_standard_columns_alone(project: Project) -> Iterator[Diagnostic]:
    for kind, resources in (("traits", project.spec.traits), ("audiences", project.spec.audiences)):
        for this in resources:
            key = key_of(project, kind, this)
            if key in STANDARD or key in BODY_KEYS or key.startswith("context_"):
                yield report(
                    project,
                    "EC321",
                    "error",
                    f"{kind[:-1]}.{this} becomes the column {key}, which every table has for something else",
                    project.origin(kind, this),
                    "its data cannot be kept apart from that column; rename it in Engage",
                    key=True,
                )
    for this in project.spec.activations:
        own = {"id": "messageId", "received_at": "receivedAt", **preset_of(project, this)}
        spec = project.spec.activations[this]
        has = {"id", "received_at", *(spec.properties or ())}
        for index, mapping in enumerate(spec.mappings or ()):
            name = stored_name(mapping.to)
            if name in has and mapping.from_ != (own.get(name, f"properties.{name}"),):
                yield report(
                    project,
                    "EC321",
                    "error",
                    f"activation.{this} maps something else to {name}, a column that its table has already",
                    project.origin("activations", this).under("mappings", index, "to"),
                    f"choose another name, or take {own.get(name, 'its own path')}",
                )


def removed_things_can_be_dropped(project: Project) -> Iterator[Diagnostic]:
    if not project.spec.removed:
        return
    tables, columns = _declared_names(project)
    resources: dict[str, Collection[str]] = {
        "trait": project.spec.traits,
        "audience": project.spec.audiences,
        "journey": project.spec.journeys,
        "activation": project.spec.activations,
        "connection": project.spec.connections,
    }
    for origin, address in _removed(project):
        warehouse, _, rest = address.rpartition("/")
        kind, _, name = rest.partition(".")
        found = {"table": (name, warehouse) in tables, "column": (name, warehouse) in columns}
        if found.get(kind, name in resources.get(kind, ())):
            yield report(
                project,
                "EC605",
                "error",
                f"removed: names {address}, which is still declared",
                origin,
                "remove the declaration first, or this line",
            )
        elif (kind, name.count(".")) not in (("table", 1), ("column", 2)) or "" in name.split("."):
            message = "removed: this address names no table or column"
            advice = (
                "write table.SCHEMA.TABLE or column.SCHEMA.TABLE.COLUMN, with WAREHOUSE/ in front where several have it"
            )
            yield report(project, "EC605", "error", message, origin, advice)
        elif warehouse and ("warehouses", warehouse) not in project.origins:  # of any target
            known = ", ".join(id_ for kind_, id_ in project.origins if kind_ == "warehouses")
            message = f"removed: no warehouse is called {warehouse}"
            yield report(project, "EC605", "error", message, origin, f"warehouses: {known}")


def _removed(project: Project) -> Iterator[tuple[Origin, str]]:
    """Yield where each entry of `removed:` stands, and its address; every file may hold some."""
    for file, source in project.sources.items():
        for number, document in enumerate(source.documents):
            entries = document.get("removed") if isinstance(document, dict) else None
            for index, entry in enumerate(entries or ()):
                yield Origin(file, ("removed", index, "address"), number), str(entry["address"])


def _declared_names(project: Project) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return (schema.table, warehouse) and (schema.table.column, warehouse), each also with no warehouse."""
    tables: set[tuple[str, str]] = set()
    columns: set[tuple[str, str]] = set()
    for this, connection in project.spec.connections.items():
        schema = classic_schema(project, connection.space, connection.source)
        if schema is None:
            continue
        keys = [key_of(project, "traits", t) for t, one in project.spec.traits.items() if one.space == connection.space]
        keys += [
            key_of(project, "audiences", a)
            for a, one in project.spec.audiences.items()
            if one.space == connection.space
        ]
        for warehouse in ("", *warehouses_of(project, connection.warehouses)):
            for table in (*CLASSIC_TABLES, *(name for _, name, _ in event_tables(project, this))):
                tables.add((f"{schema}.{table}", warehouse))
            columns.update((f"{schema}.users.{key}", warehouse) for key in keys)
    for this, activation in project.spec.activations.items():
        target = table_of_activation(project, this)
        if target is None or space_of_activation(project, this) is None:
            continue
        for warehouse in ("", *warehouses_of(project, activation.warehouses)):
            tables.add((".".join(target), warehouse))
            columns.update((f"{'.'.join(target)}.{column.name}", warehouse) for column in columns_of(project, this))
    return tables, columns
