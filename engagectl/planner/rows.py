"""What only the rows can tell: names that clash, values that would not cast, how much would be rewritten."""

from collections.abc import Iterable

from engagectl.config.project import Project
from engagectl.diff import Clash
from engagectl.errors import StatementError
from engagectl.model.address import Address
from engagectl.model.change import RebuildColumn, WidenColumn
from engagectl.model.column_type import type_text
from engagectl.model.origin import Origin
from engagectl.model.plan import Step
from engagectl.model.schema import Column, TableName
from engagectl.planner.renamed import Renamed
from engagectl.risk import Judged, refusal
from engagectl.warehouses.contract import Connection, Warehouse

NO_PRIVILEGE = "42501"  # insufficient_privilege (SQL standard)


def full_clashes(clashes: Iterable[Clash], connection: Connection | None, record: Warehouse) -> tuple[Clash, ...]:
    """Return the clashes whose old column or table holds something."""
    found = []
    for clash in clashes:
        if connection is None:
            found.append(clash)
            continue
        from engagectl.render import ident, table_sql

        if isinstance(clash.wanted, Column):
            place, test = table_sql(record, clash.table), f" WHERE {ident(record, clash.old)} IS NOT NULL"
        else:
            schema, _, table = clash.old.partition(".")
            place, test = table_sql(record, TableName(schema, table)), ""
        if _holds_any(connection, f"SELECT 1 FROM {place}{test} LIMIT 1"):
            found.append(clash)
    return tuple(found)


def _holds_any(connection: Connection, sql: str) -> bool:
    """Tell whether there is a row; what may not be read is taken to hold something."""
    try:
        return bool(connection.query(sql))
    except StatementError as error:
        if error.sqlstate != NO_PRIVILEGE:
            raise
        return True


def judge_rows(
    steps: Iterable[Step],
    project: Project,
    id_: str,
    connection: Connection | None,
    record: Warehouse,
    names: Renamed,
    *,
    is_snapshot: bool = False,
) -> list[Judged]:
    """Return what is refused because of the rows themselves: values that would not cast, too many rows rewritten."""
    found: list[Judged] = []
    rewritten, limit = 0, project.spec.lifecycle.max_rows_rewritten
    for step in steps:
        if isinstance(step.change, RebuildColumn) and connection is not None:
            from engagectl.render import count_misfits

            sql = count_misfits(names.as_it_is(step.change), record)
            misfits = _ask(connection, sql, step, found)
            if misfits:
                message = f"{misfits} values of {step.address} would not fit {type_text(step.change.column.type)}"
                found.append(
                    refusal("EC602", message, step.address, step.change.origin, "correct them first, or keep the type")
                )
        elif isinstance(step.change, RebuildColumn) and is_snapshot:
            found.append(
                Judged(
                    code="EC602",
                    severity="warning",
                    message=f"whether each value of {step.address} fits {type_text(step.change.column.type)}"
                    " is not in the snapshot",
                    address=step.address,
                    origin=step.change.origin,
                    help=("a plan against the warehouse counts the values that do not; apply refuses then",),
                )
            )
        if "TABLE_REWRITE" in step.hazards:
            rewritten += step.rows or 0
            if step.rows is None and connection is not None and isinstance(step.change, WidenColumn | RebuildColumn):
                from engagectl.render import table_sql  # the catalog does not know: PostgreSQL has not analysed it yet

                place = table_sql(record, names.table_before(step.change.table))
                some = f"SELECT 1 FROM {place} LIMIT {limit + 1}"
                rewritten += _ask(connection, f"SELECT count(*) FROM ({some}) AS counted", step, found)
    if rewritten > limit:
        message = f"{rewritten} rows would be rewritten; lifecycle.max_rows_rewritten is {limit}"
        found.append(
            refusal(
                "EC607",
                message,
                Address("warehouse", id_),
                Origin(""),
                "raise the limit, or select fewer changes",
            )
        )
    return found


def _ask(connection: Connection, sql: str, step: Step, found: list[Judged]) -> int:
    """Count; where this session may not read the rows, say so in a finding and go on."""
    try:
        return int(connection.query(sql)[0][0])
    except StatementError as error:
        if error.sqlstate != NO_PRIVILEGE:
            raise
    found.append(
        Judged(
            code="EC531",
            severity="warning",
            message=f"the rows of {step.address} cannot be read here; apply counts what would not convert",
            address=step.address,
            origin=step.change.origin,
            help=(f"GRANT SELECT on {step.address.name.rpartition('.')[0]} to the role that plans",),
        )
    )
    return 0
