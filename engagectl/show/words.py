"""The words for changes and notes, the same in every output."""

from collections import Counter
from collections.abc import Iterable

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
    kind_of,
)
from engagectl.model.column_type import type_text
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.model.schema import Layout, LayoutField, partition_text

NOTED = {
    "retained": "Retained (ours, no longer declared; kept, not fed)",
    "unmanaged": "Unmanaged (not ours; never touched)",
    "segment": "Managed by Segment (compared, never written)",
    "added_by_sync": "Added by sync (engagectl import --undeclared writes their YAML)",
    "found": "Found types, taken as they are",
    "retired": "Retired",
    "layout": "Laid out in another way than `layout` says (a statement of yours writes the table again)",
    "schema": "In a schema of their own (Segment's Storage Actions have that on Snowflake only)",
    "landing": "Objects that the warehouse reaches",
}
COUNTED = {
    "create_schema": "create",
    "create_table": "create",
    "add_column": "add",
    "rename_table": "rename",
    "rename_column": "rename",
    "widen_column": "widen",
    "rebuild_column": "rebuild",
    "set_comment": "comment",
    "set_layout": "layout",
    "change_setting": "settings",
    "drop_column": "drop",
    "drop_table": "drop",
    "set_view": "view",
    "drop_view": "drop",
}


def counts(steps: Iterable[Step]) -> Counter[str]:
    """Count steps by the word that sums them up."""
    return Counter(COUNTED[kind_of(step.change)] for step in steps)


def cost(part: WarehousePlan) -> str:
    """Return what a plan or drift has cost its warehouse, "" where it asked nothing."""
    if not part.queries:
        return ""
    queries = f"{part.queries} quer{'y' if part.queries == 1 else 'ies'}"
    return f"{queries}, {part.rows_read:,} row{'' if part.rows_read == 1 else 's'} read"


def compared_with(plan: Plan) -> str:
    """Return what a plan was compared with, where that is not the warehouse as it is now."""
    match plan.mode:
        case "offline":
            return "compared with an empty warehouse"
        case "base":
            return "compared with the YAML at another revision"
        case "catalog":
            return f"compared with the catalog snapshot of {plan.taken_at}"
        case "warehouse":
            return ""


def layout_text(layout: Layout, fields: Iterable[LayoutField]) -> str:
    """Return what a layout says of some of its fields."""
    parts: dict[LayoutField, str] = {
        "distribute": f"spread by {layout.distribute or 'nothing'}",
        "sort": f"clustered by {', '.join(layout.sort) or 'nothing'}",
        "partition": f"partitioned by {partition_text(layout)}",
        "filter_required": "a partition filter required" if layout.filter_required else "no partition filter required",
        "expires_days": f"partitions kept {layout.expires_days} days" if layout.expires_days else "partitions kept",
    }
    return ", ".join(parts[one] for one in fields)


def said(change: Change) -> tuple[str, str, str]:
    """Return symbol, style and words of a change."""
    match change:
        case CreateSchema():
            return "+", "green", "new schema"
        case CreateTable(table=table):
            count = len(table.columns)
            return "+", "green", f"new table, {count} column{'' if count == 1 else 's'}"
        case AddColumn(column=column):
            return "+", "green", type_text(column.type)
        case RenameTable(before=before):
            return "~", "yellow", f"renamed from {before}"
        case RenameColumn(before=old):
            return "~", "yellow", f"renamed from {old}"
        case WidenColumn(before=has, column=column):
            return "~", "yellow", f"{type_text(has.type)} -> {type_text(column.type)}"
        case RebuildColumn(before=has, column=column):
            return "~", "yellow", f"rebuilt: {type_text(has.type)} -> {type_text(column.type)}"
        case SetComment(comment=comment):
            return "~", "yellow", f"comment: {comment or '(none)'}"
        case SetLayout(before=kept, layout=layout, fields=fields):
            return (
                "~",
                "yellow",
                f"{layout_text(kept, fields)} -> {layout_text(layout, fields)}; rows there stay as they are",
            )
        case ChangeSetting(setting="feed", after=None):
            return "-", "yellow", "retired: its tables are kept, it no longer reads"
        case ChangeSetting(setting="feed"):
            return "+", "green", "new feed: reads its inputs from the beginning"
        case ChangeSetting(setting=setting, before=old, after=new):
            return (
                "~",
                "yellow",
                f"{setting}: {old if old is not None else '(unset)'} -> {new if new is not None else '(unset)'}",
            )
        case SetView(view=view, before=None):
            return "+", "green", f"new view, the newest row of each id of the last {view.days} days"
        case SetView(view=view):
            return "~", "yellow", f"view made anew, the newest row of each id of the last {view.days} days"
        case DropView():
            return "-", "yellow", "dropped: a view of a table that goes"
        case DropColumn(reason=reason) | DropTable(reason=reason):
            return "-", "red", f"dropped ({reason})"
