"""What a plan lists apart: it is there, and no step touches it."""

from collections.abc import Collection, Iterator

from engagectl.config.check.facts import CLASSIC_TABLES, STANDARD
from engagectl.config.project import Project
from engagectl.desired.build import Desired
from engagectl.diff import Difference, diff
from engagectl.journal.ownership import Owned
from engagectl.model.address import column_address, table_address
from engagectl.model.change import (
    AddColumn,
    Change,
    CreateSchema,
    CreateTable,
    RebuildColumn,
    RenameColumn,
    RenameTable,
    WidenColumn,
    address_of,
)
from engagectl.model.column_type import ColumnType, JsonText, Native, Text, type_text
from engagectl.model.names import stored_name
from engagectl.model.plan import Noted
from engagectl.model.schema import State
from engagectl.planner.laid_out import left_layouts
from engagectl.planner.seen import Seen
from engagectl.planner.views import is_view_beside
from engagectl.risk import Judged
from engagectl.warehouses.contract import Warehouse

SEGMENTS_OWN = STANDARD | {"audience_key", "trait_key", "uuid", "loaded_at"}
"""Columns of a classic table that stand for no computation; `uuid` is Redshift's, `loaded_at` BigQuery's."""


def noted(desired: Desired, seen: Seen, difference: Difference, *, project: str, target: str) -> Iterator[Noted]:
    id_ = desired.warehouse
    for one in difference.held:
        address = column_address(one.table.schema, one.table.table, one.found.name, warehouse=id_)
        yield Noted(
            kind="found",
            address=address,
            detail=f"{type_text(one.found.type)} holds every {type_text(one.wanted.type)}",
        )
    yield from left_layouts(difference, id_)
    for table in desired.watched.tables:
        address = table_address(table.name.schema, table.name.table, warehouse=id_)
        yield Noted(kind="segment", address=address, detail="managed by Segment: compared, never written")
    yield from _unmanaged_by_segment(desired, seen.actual)
    asked = set(_unknown(desired.state, seen.actual))
    ours = {row.key for row in seen.owned if row.key in asked and is_ours(row, project=project, target=target)}
    others = {row.key for row in seen.owned if not row.column} - ours
    added = {
        (table.name, column.name)
        for feed in seen.prior.values()
        for table in feed.tables
        for column in table.columns
        if column.added_by_sync
    }
    renamed = {change.before for change in difference.changes if isinstance(change, RenameTable)}
    renamed_columns = {
        (change.table, change.before) for change in difference.changes if isinstance(change, RenameColumn)
    }
    schemas = set(desired.state.schemas)
    for table in seen.actual.tables:
        key = (table.name.schema, table.name.table, "")
        address = table_address(table.name.schema, table.name.table, warehouse=id_)
        wanted = desired.state.find(table.name)
        if desired.watched.find(table.name) is not None or key in others or table.name in renamed:
            continue
        if is_view_beside(table, seen.actual):
            continue
        if wanted is None:
            if (table.name, "") in desired.dormant:
                continue
            if key in ours:
                yield Noted(
                    kind="retained", address=address, detail="no longer declared; kept, not fed", rows=table.rows
                )
            elif table.name.schema in schemas:
                yield Noted(kind="unmanaged", address=address, rows=table.rows)
            continue
        for column in table.columns:
            if wanted.find(column.name) is not None or (table.name, column.name) in desired.dormant | renamed_columns:
                continue
            place = column_address(table.name.schema, table.name.table, column.name, warehouse=id_)
            if (table.name, column.name) in added:
                yield Noted(kind="added_by_sync", address=place, detail=type_text(column.type))
            elif (*key[:2], column.name) in ours:
                yield Noted(kind="retained", address=place, detail="no longer declared; kept, not fed", rows=table.rows)
            else:
                yield Noted(kind="unmanaged", address=place)


def chosen_schemas(desired: Desired, project: Project) -> Iterator[Noted]:
    """Yield the tables of activations outside the schema of their space, for a warehouse where Segment's own Storage
    Actions could not write them: their setting `schemaOverride` is for Snowflake alone.
    """
    for feed in desired.feeds:
        if feed.kind != "activation":
            continue
        usual = stored_name(project.spec.spaces[feed.space].slug or feed.space)
        for table in feed.tables:
            if table.name.schema != usual:
                address = table_address(table.name.schema, table.name.table, warehouse=desired.warehouse)
                yield Noted(kind="schema", address=address, detail=f"not {usual}, the schema of the space")


def _unknown(wanted: State, actual: State) -> Iterator[tuple[str, str, str]]:
    """Yield each table that is there, and each of its columns that nobody wants."""
    for table in actual.tables:
        schema, name, known = table.name.schema, table.name.table, wanted.find(table.name)
        yield schema, name, ""
        yield from (
            (schema, name, column.name) for column in table.columns if known is None or known.find(column.name) is None
        )


def is_ours(row: Owned, *, project: str, target: str) -> bool:
    """Tell whether a row is this target's: it applied it last, or nobody declares it any more."""
    return row.project == project and (row.target == target or row.state == "retained")


def judge_watched(desired: Desired, seen: Seen, record: Warehouse) -> Iterator[Judged]:
    """Yield a warning for each difference in what Segment manages, with the words to act on."""
    if not desired.watched.tables:
        return
    difference = diff(desired.watched, seen.actual, relate=record.relate, retype="rebuild")
    absent = {change.schema for change in difference.changes if isinstance(change, CreateSchema)}
    for change in difference.changes:
        told = _told(change, absent)
        if told is not None:
            message, advice = told
            yield Judged(
                code="EC609",
                severity="warning",
                message=message,
                address=address_of(change, warehouse=desired.warehouse),
                origin=change.origin,
                help=advice,
            )


def _told(change: Change, absent: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return what differs and what to do about it; None where a comment differs, or the whole schema is missing."""
    correct = "or correct the YAML to what is there: engagectl import shows how"
    match change:
        case CreateSchema(schema=schema):
            return f"there is no schema {schema}; Segment manages it", (
                "Segment makes it with the first sync: see that the space is connected to this warehouse",
            )
        case CreateTable(table=table) if table.name.schema not in absent:
            return f"there is no table {table.name}; Segment manages its schema", (
                f"Segment makes it with the first row: see that {', '.join(table.fed_by)} sends to this warehouse",
                correct,
            )
        case AddColumn(table=name, column=column):
            what = ", ".join(column.fed_by) or "it"
            return f"{name} has no column {column.name}; Segment manages it", (
                f"Segment makes it with the first value: see that {what} is computed and sent to this warehouse",
                correct,
            )
        case (
            WidenColumn(table=name, before=found, column=column)
            | RebuildColumn(table=name, before=found, column=column)
        ):
            words = f"{name}.{column.name}.{_segment_word(found.type)}.{_segment_word(column.type)}"
            told = f"{name}.{column.name} is {type_text(found.type)}, the YAML says {type_text(column.type)}"
            return f"{told}; Segment manages it", (f"to have it changed, send to Segment's support: {words}", correct)
        case _:
            return None


def _segment_word(column_type: ColumnType) -> str:
    """Return Segment's own word for a type (schema.md, "Data types"); for others the catalog's."""
    match column_type:
        case Text() | JsonText():
            return "varchar"
        case Native(name):
            return name
        case _:
            return type_text(column_type)


def _unmanaged_by_segment(desired: Desired, actual: State) -> Iterator[Noted]:
    """Yield tables and columns of schemas that Segment manages and the YAML does not know."""
    detail = "not in the YAML: engagectl import shows how to declare it"
    for table in actual.tables:
        if table.name.schema not in desired.watched.schemas:
            continue
        wanted = desired.watched.find(table.name)
        if wanted is None and is_view_beside(table, actual):
            continue
        if wanted is None:
            is_bare = table.name.table in CLASSIC_TABLES and all(_is_standard(column.name) for column in table.columns)
            is_known = (table.name, "") in desired.watched_dormant or desired.state.find(table.name) is not None
            if not is_bare and not is_known:
                address = table_address(table.name.schema, table.name.table, warehouse=desired.warehouse)
                yield Noted(kind="unmanaged", address=address, rows=table.rows)
            continue
        is_classic = wanted.family in ("classic", "users")
        for column in table.columns:
            is_standard = is_classic and _is_standard(column.name)
            is_known = wanted.find(column.name) is not None or (table.name, column.name) in desired.watched_dormant
            if not is_known and not is_standard:
                place = column_address(table.name.schema, table.name.table, column.name, warehouse=desired.warehouse)
                yield Noted(kind="unmanaged", address=place, detail=detail)


def _is_standard(name: str) -> bool:
    return name in SEGMENTS_OWN or name.startswith("context_")
