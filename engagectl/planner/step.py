"""One change -> one step: its SQL, its hazards, what it stands on, where it was asked for."""

from engagectl.config.project import Project
from engagectl.errors import Place
from engagectl.model.change import (
    AddColumn,
    Change,
    ChangeSetting,
    CreateSchema,
    CreateTable,
    DropColumn,
    DropTable,
    DropView,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    SetComment,
    SetLayout,
    SetView,
    WidenColumn,
    address_of,
    hazards_of,
)
from engagectl.model.codec import encode
from engagectl.model.origin import Origin
from engagectl.model.plan import Finding, Step
from engagectl.model.schema import State, TableName
from engagectl.planfile import digest, step_id
from engagectl.risk import Judged
from engagectl.warehouses.contract import Warehouse


def make_step(project: Project, change: Change, id_: str, record: Warehouse, actual: State) -> Step:
    """Return the step of a change. `actual` has what an earlier step renames under both of its names."""
    statements: tuple[str, ...] = ()
    if not isinstance(change, ChangeSetting):
        from engagectl.render import render

        statements = render(change, record)
    address = address_of(change, warehouse=id_)
    hazards = tuple(dict.fromkeys((*hazards_of(change), *record.hazards(change, actual))))
    name = table_of(change)
    there = actual.find(name) if name is not None else None
    return Step(
        id=step_id(change, address, hazards=hazards, statements=statements),
        address=address,
        change=change,
        statements=statements,
        hazards=hazards,
        precondition=digest(_stands_on(change, actual)),
        rows=there.rows if there is not None else None,
        place=place_of(project, change.origin),
        owner=owner_of(project, change),
        fed_by=fed_by(change),
    )


def _stands_on(change: Change, actual: State) -> object:
    """Return the facts of the catalog that the change needs to be as they are, and no more."""

    def fact(name: TableName, column: str) -> object:
        table = actual.find(name)
        has = table.find(column) if table is not None else None
        return [table is not None, encode(has.type, tagged=True) if has is not None else None]

    match change:
        case CreateSchema(schema=schema):
            return schema in actual.schemas
        case CreateTable(table=table):
            return actual.find(table.name) is not None
        case RenameTable(before=before, table=name):
            return [actual.find(before) is not None, actual.find(name) is not None]
        case DropTable(table=name):
            return actual.find(name) is not None
        case RenameColumn(table=name, before=before, column=column):
            return [fact(name, before), fact(name, column)]
        case AddColumn(table=name, column=column) | WidenColumn(table=name, column=column):
            return fact(name, column.name)
        case RebuildColumn(table=name, column=column):
            return fact(name, column.name)
        case DropColumn(table=name, column=dropped):
            return fact(name, dropped)
        case SetComment(before=said) | ChangeSetting(before=said):
            return said
        case SetLayout(before=layout):
            return encode(layout)
        case SetView(before=view):
            return encode(view) if view is not None else None
        case DropView(name=name):
            return actual.find(name) is not None


def table_of(change: Change) -> TableName | None:
    """Return the table that a change is about; of a rename the one that is there."""
    match change:
        case CreateTable(table=table):
            return table.name
        case RenameTable(before=name) | DropTable(table=name):
            return name
        case RenameColumn(table=name) | AddColumn(table=name) | WidenColumn(table=name) | RebuildColumn(table=name):
            return name
        case SetComment(table=name) | SetLayout(table=name) | DropColumn(table=name):
            return name
        case SetView(view=view):
            return view.table
        case DropView(name=name):
            return name
        case CreateSchema() | ChangeSetting():
            return None


def fed_by(change: Change) -> tuple[str, ...]:
    match change:
        case CreateTable(table=table):
            return table.fed_by
        case AddColumn(column=column) | WidenColumn(column=column) | RebuildColumn(column=column):
            return column.fed_by
        case ChangeSetting(subject=subject):
            return (str(subject),)
        case _:
            return ()


def owner_of(project: Project, change: Change) -> str:
    match change:
        case CreateTable(table=table):
            return table.owner
        case AddColumn(column=column) | WidenColumn(column=column) | RebuildColumn(column=column) if column.owner:
            return column.owner
        case _:
            kind, id_ = (*change.origin.path, "", "")[:2]
            return (
                project.owner(str(kind), str(id_))
                if kind in ("connections", "activations", "traits", "audiences")
                else ""
            )


def place_of(project: Project, origin: Origin) -> Place | None:
    return project.place(origin) if origin.file else None


def placed(project: Project, one: Judged) -> Finding:
    return Finding(
        code=one.code,
        severity=one.severity,
        message=one.message,
        address=one.address,
        place=place_of(project, one.origin),
        help=one.help,
        refuses=one.refuses,
    )
