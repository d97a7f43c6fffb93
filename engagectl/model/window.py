"""Blackout windows: the times of day, on a wall clock of a time zone, in which nothing is loaded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(r"(?:([a-z,-]+) )?(\d\d):(\d\d)-(\d\d):(\d\d)(?: ([A-Za-z0-9_+/-]+))?", re.IGNORECASE)
_LONGEST = timedelta(days=8)
"""A window returns every week at least: what is still shut after eight days never opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Minutes of the day; a window whose end is not after its start goes over midnight. `days` count from Monday 0 and
    are the days on which it starts.
    """

    start_minute: int
    end_minute: int
    timezone: str = "UTC"
    days: frozenset[int] = frozenset(range(7))

    def holds(self, at: datetime) -> bool:
        """Tell whether the zone's wall clock shows a time of this window; an hour that comes twice is in it twice."""
        local = at.astimezone(ZoneInfo(self.timezone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.start_minute < self.end_minute:
            return self.start_minute <= minute < self.end_minute and day in self.days
        return (minute >= self.start_minute and day in self.days) or (
            minute < self.end_minute and (day - 1) % 7 in self.days
        )


def parse_window(text: str) -> Window:
    """Read `02:00-03:30 Europe/Berlin`, `sat,sun 00:00-24:00` or `mon-fri 22:00-06:00 UTC`; without a zone it is UTC.

    Raises ValueError that says what is wrong.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError('not a window such as "02:00-03:30 Europe/Berlin" or "sat,sun 22:00-06:00"')
    said_days, *times, zone = found.groups()
    hour, minute, end_hour, end_minute = map(int, times)
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if hour > 23 or minute > 59 or end_minute > 59 or end > 24 * 60:
        raise ValueError("no such time of day: 00:00 to 24:00")
    if start == end:
        raise ValueError("a window that ends when it starts; the whole day is 00:00-24:00")
    return Window(
        start_minute=start,
        end_minute=end,
        timezone=known_zone(zone or "UTC"),
        days=_days(said_days.lower()) if said_days else frozenset(range(7)),
    )


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"days are {', '.join(_DAYS)}, with commas, or from-to")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update((start + n) % 7 for n in range((end - start) % 7 + 1))
    return frozenset(days)


def known_zone(name: str) -> str:
    """Return the name of a time zone that this system knows. Raises ValueError for another."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not known; not a name; the name of a folder
        raise ValueError(f"no time zone {name!r}; names are those of IANA, such as Europe/Berlin") from None
    return name


def is_shut(windows: Sequence[Window], at: datetime) -> bool:
    return any(window.holds(at) for window in windows)


def opens_at(windows: Sequence[Window], at: datetime) -> datetime | None:
    """Return the first minute from `at` on that is in no window; `at` itself when it is in none; None for never.

    Looked at minute by minute: windows may overlap, and clocks may change inside one.
    """
    last = at + _LONGEST
    if not is_shut(windows, at):
        return at
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    while is_shut(windows, minute):
        minute += timedelta(minutes=1)
        if minute > last:
            return None
    return minute
