"""The drops that `removed:` asks for."""

from engagectl.config.project import Project
from engagectl.desired.build import Desired
from engagectl.model.change import Change, DropColumn, DropTable
from engagectl.model.plan import Noted
from engagectl.model.schema import TableName
from engagectl.planner.seen import Seen
from engagectl.risk import Judged, refusal


def drops_asked(desired: Desired, seen: Seen, project: Project) -> tuple[list[Change], list[Noted], list[Judged]]:
    """Return the drops that `removed:` asks for; what it may not name is refused, what is gone already is a note."""
    changes: list[Change] = []
    findings: list[Judged] = []
    notes: list[Noted] = []
    if not desired.removed:
        return changes, notes, findings
    ours = {
        row.key for row in seen.owned if row.project == project.spec.project and row.origin in ("created", "imported")
    }
    for one in desired.removed:
        parts = one.address.name.split(".")
        if (one.address.kind, len(parts)) not in (("table", 2), ("column", 3)):
            message = f"removed: {one.address} names no table or column"
            findings.append(
                refusal(
                    "EC605", message, one.address, one.origin, "write table.SCHEMA.TABLE or column.SCHEMA.TABLE.COLUMN"
                )
            )
            continue
        name = TableName(parts[0], parts[1])
        column = parts[2] if len(parts) == 3 else ""
        there = seen.actual.find(name)
        has = there.find(column) if there is not None and column else None
        if there is None or (column and has is None):
            notes.append(Noted(kind="retired", address=one.address, detail="removed: nothing of that name is there"))
            continue
        wanted = desired.state.find(name)
        is_declared = (wanted is not None and (not column or wanted.find(column) is not None)) or (
            (name, column) in desired.dormant
        )
        is_watched = name.schema in desired.watched.schemas
        if is_declared or is_watched or (name.schema, name.table, column) not in ours:
            why = (
                "is still declared"
                if is_declared
                else "is in a schema that Segment manages"
                if is_watched
                else "was not made by this project"
            )
            message = f"removed: {name}{'.' + column if column else ''} {why}"
            findings.append(
                refusal(
                    "EC605",
                    message,
                    one.address,
                    one.origin,
                    "only what we made, and no longer declare, can be dropped",
                )
            )
        elif has is not None:
            changes.append(DropColumn(table=name, column=column, type=has.type, reason=one.reason, origin=one.origin))
        else:
            changes.append(DropTable(table=name, reason=one.reason, origin=one.origin))
    return changes, notes, findings
