"""A view of ours read back: what its query says, as sql/set_view.sql.j2 writes it."""

import re
from collections.abc import Mapping

from engagectl.model.schema import TableName, View, view_name

_LABEL = "engagectl"
_NAME = r"`((?:[^`\\]|\\.)*)`"
_QUERY = re.compile(
    r"SELECT \* EXCEPT \(ec_newest\) FROM \( SELECT \*, ROW_NUMBER\(\) OVER \(PARTITION BY `id` ORDER BY "
    rf"{_NAME} DESC\) AS ec_newest FROM (?:`[^`]+`\.)?{_NAME}\.{_NAME} WHERE {_NAME} >= TIMESTAMP_SUB\("
    r"TIMESTAMP_TRUNC\(CURRENT_TIMESTAMP\(\), DAY\), INTERVAL (\d+) DAY\) AND .* \) WHERE ec_newest = 1",
    re.DOTALL,
)


def read(name: TableName, query: str | None, labels: Mapping[str, str] | None) -> View | None:
    """Return what a view is; None for one that is not ours. One that somebody has edited is of no days."""
    if _LABEL not in (labels or {}):
        return None
    found = _QUERY.fullmatch(" ".join((query or "").split()))
    if found is None:
        return View(table=TableName(name.schema, name.table.removesuffix("_view")), days=0, by="", newest="")
    newest, schema, table, by, days = (_plain(one) for one in found.groups())
    read_from = TableName(schema, table)
    return View(table=read_from, days=int(days) if view_name(read_from) == name else 0, by=by, newest=newest)


def _plain(name: str) -> str:
    """Take the quotes' escapes out of a name, as spelling.name writes them."""
    return re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), name)
