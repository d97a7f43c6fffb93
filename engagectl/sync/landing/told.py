"""The SQL of what a warehouse has read and judged, and of what it leaves to the client. Pure."""

from collections.abc import Sequence

from engagectl.sync.chunk import Work
from engagectl.sync.landing.messages import outcome_of
from engagectl.warehouses.landing import LINES, PLAIN, Words


def files(words: Words) -> str:
    """Return the SELECT (file, lines, last line, bytes with an end for each line)."""
    size = f"SUM({words.bytes('line')} + 1)"
    return f"SELECT file, COUNT(*), MAX(row_no), {size} FROM {LINES} GROUP BY file"


def odd(words: Words) -> str:
    """Return the SELECT (file, row, offset, line) of the lines that are the client's, in their order."""
    size = f"{words.bytes('line')} + 1"
    before = "OVER (PARTITION BY file ORDER BY row_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return (
        "SELECT l.file, l.row_no, l.place, l.line FROM"
        f" (SELECT file, row_no, line, COALESCE(SUM({size}) {before}, 0) AS place FROM {LINES}) AS l"
        f" LEFT JOIN {PLAIN} AS p ON p.file = l.file AND p.row_no = l.row_no WHERE p.row_no IS NULL"
        " ORDER BY l.file, l.row_no"
    )


def twins(words: Words, hashes: Sequence[str]) -> str:
    """Return the statement that leaves to the client what has the id of a line of the client's."""
    listed = ", ".join(words.literal(one) for one in hashes)
    return f"DELETE FROM {PLAIN} WHERE hash IN ({listed})"


def counts(work: Work) -> str:
    """Return the SELECT (file, outcome, messages, skewed)."""
    name = outcome_of(work)
    return f"SELECT file, {name}, COUNT(*), SUM(skewed) FROM {PLAIN} GROUP BY file, {name}"


def met(words: Words, work: Work) -> str:
    """Return the SELECT (kind of message, outcome, messages, first and last receipt)."""
    name = outcome_of(work)
    first, last = words.stamp("MIN(received_at)"), words.stamp("MAX(received_at)")
    return f"SELECT kind, {name}, COUNT(*), {first}, {last} FROM {PLAIN} GROUP BY kind, {name}"
