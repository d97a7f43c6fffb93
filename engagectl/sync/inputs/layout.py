"""Which day a file is of, where an input is laid out by day: what `from:` goes by."""

import re
from datetime import UTC, date, datetime

_DAY = re.compile(r"(?:^|[/=_.-])(\d{4})[-/]?(\d{2})[-/]?(\d{2})(?=$|[/T_.-])")
_HIVE = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})/day=(\d{1,2})(?=/)")
# Segment's S3 destination writes segment-logs/<source id>/<received day as a Unix timestamp>/<name>.gz. Whether the
# timestamp counts seconds or milliseconds is not said, so both are read.
_SEGMENT = re.compile(r"(?:^|/)segment-logs/[^/]+/(\d{9,13})(?=/)")


def day_of(key: str) -> date | None:
    """Return the day that a path names, None when it names none. The first form found counts."""
    if (found := _SEGMENT.search(key)) is not None:
        stamp = int(found[1])
        return datetime.fromtimestamp(stamp / 1000 if stamp >= 1e11 else stamp, UTC).date()
    for form in (_HIVE, _DAY):
        for found in form.finditer(key):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                continue  # thirteen digits of something else
    return None


def is_from(key: str, first: date | None) -> bool:
    """Tell whether a file is of that day or later. A file of no day always is: leaving it out would lose it."""
    if first is None:
        return True
    day = day_of(key)
    return day is None or day >= first
