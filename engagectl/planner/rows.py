"""What only the rows can tell: names that clash, values that would not cast, how much would be rewritten."""

from collections.abc import Iterable

from engagectl.config.project import Project
from engagectl.diff import Clash
from engagectl.model.address import Address
from engagectl.model.change import RebuildColumn
from engagectl.model.column_type import type_text
from engagectl.model.origin import Origin
from engagectl.model.plan import Step
from engagectl.model.schema import Column, TableName
from engagectl.risk import Judged, refusal
from engagectl.warehouses.contract import Connection, Warehouse


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
        if connection.query(f"SELECT 1 FROM {place}{test} LIMIT 1"):
            found.append(clash)
    return tuple(found)


def judge_rows(
    steps: Iterable[Step], project: Project, connection: Connection | None, record: Warehouse
) -> list[Judged]:
    """Return what is refused because of the rows themselves: values that would not cast, too many rows rewritten."""
    found: list[Judged] = []
    rewritten = 0
    for step in steps:
        if isinstance(step.change, RebuildColumn) and connection is not None:
            from engagectl.render import count_misfits

            misfits = int(connection.query(count_misfits(step.change, record))[0][0])
            if misfits:
                message = f"{misfits} values of {step.address} would not fit {type_text(step.change.column.type)}"
                found.append(
                    refusal("EC602", message, step.address, step.change.origin, "correct them first, or keep the type")
                )
        if "TABLE_REWRITE" in step.hazards:
            rewritten += step.rows or 0
    limit = project.spec.lifecycle.max_rows_rewritten
    if rewritten > limit:
        message = f"{rewritten} rows would be rewritten; lifecycle.max_rows_rewritten is {limit}"
        found.append(
            refusal(
                "EC607",
                message,
                Address("warehouse", record.name),
                Origin(""),
                "raise the limit, or select fewer changes",
            )
        )
    return found
