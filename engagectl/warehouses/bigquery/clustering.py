"""The one change of a table that is no statement: by which columns its rows are kept together.

GoogleSQL has no ALTER TABLE .. CLUSTER BY; tables.patch does it ("Create and use clustered tables", modify the
clustering specification). A plan shows it as that statement, and here it becomes the call. The call carries the etag
of the table as it was read a moment before, so that nobody's change in between is written over.
"""

import re
from collections.abc import Sequence
from typing import Any

from engagectl.model.schema import TableName

_NAME = r"`((?:[^`\\]|\\.)*)`"
_STATEMENT = re.compile(rf"ALTER TABLE {_NAME}\.{_NAME}\s+CLUSTER BY (.+)", re.DOTALL)


def asked(sql: str) -> tuple[TableName, tuple[str, ...]] | None:
    """Return the table and the columns of such a statement, as render writes it; None where it is another one."""
    found = _STATEMENT.fullmatch(sql.strip())
    if found is None:
        return None
    columns = () if found[3].strip() == "NONE" else tuple(map(_plain, re.findall(_NAME, found[3])))
    return TableName(_plain(found[1]), _plain(found[2])), columns


def change(client: Any, table: str, columns: Sequence[str]) -> None:
    """Patch the clustering of a table, and nothing else of it. Raises what the client does."""
    from google.api_core.exceptions import PreconditionFailed

    wanted = list(columns) or None
    there = client.get_table(table)
    there.clustering_fields = wanted
    try:
        client.update_table(there, ["clustering_fields"])  # If-Match: the etag that get_table brought
    except PreconditionFailed:  # or this call was sent twice, and its first answer was lost
        if client.get_table(table).clustering_fields != wanted:
            raise


def _plain(name: str) -> str:
    """Take the quotes' escapes out of a name, as spelling.name writes them."""
    return re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), name)
