"""Two schemas compared, as text and as JSON data."""

from typing import Any

from engagectl.inspect.compare import Comparison
from engagectl.show.terminal import columns, escape


def comparison_text(found: Comparison) -> str:
    """Return a line a table, then what differs in it, then the verdict."""
    lines = [f"engagectl compare: {found.warehouse}, {found.first} with {found.second}", ""]
    rows = [
        (one.table, one.rows[0], one.rows[1], one.missing, one.extra, one.unequal)
        for one in found.tables
        if not one.unkeyed
    ]
    if rows:
        heads = ("table", found.first, found.second, f"only {found.first}", f"only {found.second}", "unequal")
        lines.append(columns(heads, rows))
    for one in found.tables:
        if one.unkeyed:
            lines.append(f"{escape(one.table)}: the key is not in both tables; not compared")
        if one.columns:
            told = ", ".join(f"{name} in {number:,} rows" for name, number in one.columns)
            lines.append(f"{escape(one.table)} differs by {escape(told)}")
        for schema, names in ((found.first, one.only_first), (found.second, one.only_second)):
            if names:
                lines.append(f"{escape(one.table)}: only {schema} has {escape(', '.join(names))}; not compared")
    for schema, tables in ((found.first, found.missing), (found.second, found.extra)):
        if tables:
            lines.append(f"tables of {schema} alone: {escape(', '.join(tables))}")
    lines += ["", "They differ." if found.differs else "Equal, row by row."]
    return "\n".join(lines)


def comparison_data(found: Comparison) -> dict[str, Any]:
    """Return the keys of the JSON document."""
    return {
        "warehouse": found.warehouse,
        "first": found.first,
        "second": found.second,
        "differs": found.differs,
        "tables": [
            {
                "table": one.table,
                "rows": list(one.rows),
                "missing": one.missing,
                "extra": one.extra,
                "unequal": one.unequal,
                "columns": dict(one.columns),
                "only_first": list(one.only_first),
                "only_second": list(one.only_second),
                "unkeyed": one.unkeyed,
            }
            for one in found.tables
        ],
        "missing": list(found.missing),
        "extra": list(found.extra),
    }
