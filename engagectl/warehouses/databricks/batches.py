"""One statement for many rows: each is a commit of its table, and takes about a second however many rows it has."""

import re
from collections.abc import Iterator, Sequence

ROWS = 500
_VALUES = re.compile(r"(INSERT INTO .* VALUES) (\((?:[^()']|\([^()]*\))*\))\s*", re.DOTALL)
_DELETE = re.compile(r"(DELETE FROM \S+ WHERE) ((?:(?! OR |\bSELECT\b).)*)", re.DOTALL)


def batches(sql: str, rows: Sequence[Sequence[object]]) -> Iterator[tuple[str, list[object]]]:
    """Yield statements that together do what `sql` does for each of the rows, in order, each with its values."""
    values, delete = _VALUES.fullmatch(sql), _DELETE.fullmatch(sql)
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        flat = [value for row in some for value in row]
        if values is not None:
            yield f"{values[1]} {', '.join([values[2]] * len(some))}", flat
        elif delete is not None:
            yield f"{delete[1]} {' OR '.join([f'({delete[2]})'] * len(some))}", flat
        else:
            for row in some:
                yield sql, list(row)
