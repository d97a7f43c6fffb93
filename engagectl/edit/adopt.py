"""Import: look at a warehouse, propose YAML for what is not declared, and see that the plan is then empty there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engagectl.config.files import read_files
from engagectl.config.project import Project
from engagectl.desired.build import build
from engagectl.edit.place import changed_files, loaded
from engagectl.edit.propose import Author, Proposal, Resource
from engagectl.edit.spelling import is_writable
from engagectl.edit.undeclared import propose_undeclared
from engagectl.inspect.survey import Survey, survey
from engagectl.journal.applied import read_feeds
from engagectl.journal.ownership import read_owned
from engagectl.journal.undeclared import read_undeclared
from engagectl.model.schema import Column, State, TableName
from engagectl.planner.seen import as_found
from engagectl.warehouses.contract import Connection, Warehouse


@dataclass(frozen=True, kw_only=True)
class Imported:
    """`before` and `after` are the files that change; a file that is made has an empty `before`."""

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    resources: tuple[str, ...]
    notes: tuple[str, ...]


def import_schemas(
    project: Project,
    warehouse: str,
    connection: Connection,
    record: Warehouse,
    *,
    schemas: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
) -> Imported:
    """Return the YAML for what the warehouse holds and nobody declares. `files` replace those of the project's root."""
    known = files if files is not None else {name: source.raw for name, source in read_files(project.root).items()}
    found = survey(connection, record, schemas=schemas, journal=project.spec.journal_schema)
    owned = frozenset(
        row.key for row in read_owned(connection, project.spec.journal_schema) if row.project == project.spec.project
    )
    author = Author(project=project, warehouse=warehouse, record=record, found=found, owned=owned)
    return written(project, warehouse, record, author.propose(), known, found)


def import_undeclared(project: Project, warehouse: str, connection: Connection, record: Warehouse) -> Imported:
    """Return the YAML for what sync counted as undeclared, and for the columns that it added."""
    known = {name: source.raw for name, source in read_files(project.root).items()}
    journal = project.spec.journal_schema
    proposal = propose_undeclared(
        project,
        record,
        read_feeds(connection, journal, project=project.spec.project),
        read_undeclared(connection, journal),
    )
    return written(project, warehouse, record, proposal, known, None)


def written(
    project: Project,
    warehouse: str,
    record: Warehouse,
    proposal: Proposal,
    known: Mapping[str, bytes],
    found: Survey | None,
) -> Imported:
    """Return the files of a proposal, with `native` types where the catalog's are not the declared ones."""
    if proposal.is_empty:
        return Imported(before={}, after={}, resources=(), notes=tuple(proposal.notes))
    changed = changed_files(known, project, proposal)
    if found is not None:
        with loaded(project, {**known, **changed}) as then:
            _add_natives(then, warehouse, record, proposal, found)
        changed = changed_files(known, project, proposal)
    with loaded(project, {**known, **changed}):
        pass  # valid, or a ConfigError has told why
    return Imported(
        before={name: known.get(name, b"") for name in changed},
        after=changed,
        resources=tuple(
            [f"{kind.removesuffix('s')}.{id_}" for kind, id_ in proposal.new]
            + [f"connection.{id_}" for id_ in {*proposal.sends, *proposal.columns}]
        ),
        notes=tuple(proposal.notes),
    )


def _add_natives(then: Project, warehouse: str, record: Warehouse, proposal: Proposal, found: Survey) -> None:
    """Accept found types of classic columns by `columns.<table.column>.native`; one entry where all tables agree."""
    actual = State(
        schemas=tuple(schema.name for schema in found.schemas),
        tables=tuple(one.table for schema in found.schemas for one in schema.tables),
    )
    desired = as_found(build(then, warehouse, record), actual)
    for id_, said in then.spec.connections.items():
        is_new = ("connections", id_) in proposal.new
        if not is_new and id_ not in proposal.sends:
            continue
        mine = (f"connection.{id_}", f"users.{said.space}.{said.source}")
        new = {f"{kind.removesuffix('s')}.{one}" for kind, one in proposal.new}
        types: dict[str, dict[str, tuple[Column, Column]]] = {}
        for table in (*desired.watched.tables, *desired.state.tables):
            there = actual.find(table.name)
            if there is None or not set(mine) & set(table.fed_by):
                continue
            for column in table.columns:
                has = there.find(column.name)
                if has is not None and (is_new or set(column.fed_by) & new):
                    types.setdefault(column.name, {})[table.name.table] = (column, has)
        columns = _entries(types, warehouse, record, proposal, said.space)
        if columns and is_new:
            proposal.new["connections", id_]["columns"] = columns
        elif columns:
            proposal.columns[id_] = columns


def _entries(
    types: Mapping[str, Mapping[str, tuple[Column, Column]]],
    warehouse: str,
    record: Warehouse,
    proposal: Proposal,
    space: str,
) -> dict[str, Resource]:
    columns: dict[str, Resource] = {}
    for name, tables in sorted(types.items()):
        odd = {table: has for table, (column, has) in tables.items() if column.type != has.type}
        natives = {record.type_sql(has.type) for has in odd.values()}
        for table, has in odd.items():
            if not is_writable(record, has.type):
                proposal.notes.append(f"column {TableName(space, table)}.{name}: its type cannot be written in YAML")
            elif len(natives) == 1 and len(odd) == len(tables):
                columns[name] = {"native": {warehouse: record.type_sql(has.type)}}
            else:
                columns[f"{table}.{name}"] = {"native": {warehouse: record.type_sql(has.type)}}
    return columns
