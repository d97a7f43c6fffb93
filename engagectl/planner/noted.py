"""What a plan lists apart: it is there, and no step touches it."""

from collections.abc import Iterator

from engagectl.desired.build import Desired
from engagectl.diff import Difference, diff
from engagectl.journal.ownership import Owned
from engagectl.model.address import column_address, table_address
from engagectl.model.change import (
    CreateSchema,
    RenameColumn,
    RenameTable,
    SetComment,
    address_of,
)
from engagectl.model.column_type import type_text
from engagectl.model.plan import Noted
from engagectl.planner.seen import Seen
from engagectl.risk import Judged
from engagectl.warehouses.contract import Warehouse


def noted(desired: Desired, seen: Seen, difference: Difference, *, project: str, target: str) -> Iterator[Noted]:
    id_ = desired.warehouse
    for one in difference.held:
        address = column_address(one.table.schema, one.table.table, one.found.name, warehouse=id_)
        yield Noted(
            kind="found",
            address=address,
            detail=f"{type_text(one.found.type)} holds every {type_text(one.wanted.type)}",
        )
    for table in desired.watched.tables:
        address = table_address(table.name.schema, table.name.table, warehouse=id_)
        yield Noted(kind="segment", address=address, detail="managed by Segment: compared, never written")
    ours = {row.key for row in seen.owned if is_ours(row, project=project, target=target)}
    others = {row.key for row in seen.owned} - ours
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


def is_ours(row: Owned, *, project: str, target: str) -> bool:
    """Tell whether a row is this target's: it applied it last, or nobody declares it any more."""
    return row.project == project and (row.target == target or row.state == "retained")


def judge_watched(desired: Desired, seen: Seen, record: Warehouse) -> Iterator[Judged]:
    """Yield a warning for each difference in what Segment manages."""
    if not desired.watched.tables:
        return
    for change in diff(desired.watched, seen.actual, relate=record.relate, retype="rebuild").changes:
        if not isinstance(change, CreateSchema | SetComment):
            address = address_of(change, warehouse=desired.warehouse)
            yield Judged(
                code="EC609",
                severity="warning",
                message=f"{address} is not in the warehouse as the YAML says; Segment manages it",
                address=address,
                origin=change.origin,
            )
