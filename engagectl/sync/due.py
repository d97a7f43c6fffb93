"""What is due when, by the clock: period boundaries, cron, blackout. Pure: the time is always handed in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engagectl.errors import FailedError
from engagectl.model.feed import Schedule
from engagectl.model.window import Window, is_shut, opens_at, parse_window


def boundary_after(schedule: Schedule, last: datetime) -> datetime:
    """Return the first boundary that lies after a time: a multiple of `every` since 1970 UTC, or a time of the cron.

    A cron time that the clocks skip is taken at once after the gap, one that they repeat is taken once, as cron does.
    """
    if schedule.cron is not None:
        from cronsim import CronSim

        due: datetime = next(CronSim(schedule.cron, last.astimezone(ZoneInfo(schedule.timezone))))
        return due.astimezone(UTC)
    every = schedule.every_s or 3600
    seconds = int((last - _EPOCH) // timedelta(seconds=1))
    return _EPOCH + timedelta(seconds=(seconds // every + 1) * every)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def windows(schedule: Schedule) -> tuple[Window, ...]:
    """Return the blackout windows. Raises FailedError when the applied state holds one that cannot be read."""
    try:
        return tuple(parse_window(text) for text in schedule.blackout)
    except ValueError as error:
        raise FailedError(f"sync.blackout: {error}", code="EC108", help="correct it and run: engagectl apply") from None


def is_blackout(schedule: Schedule, now: datetime) -> bool:
    return is_shut(windows(schedule), now)


def is_due(schedule: Schedule, last: datetime | None, now: datetime) -> bool:
    """Tell whether a boundary has passed since the start of the last successful sync; in a blackout nothing is due."""
    if is_blackout(schedule, now):
        return False
    return last is None or boundary_after(schedule, last) <= now


def next_due(schedule: Schedule, last: datetime | None, now: datetime) -> datetime | None:
    """Return when a feed by the clock is taken next: not before now, not in a blackout; None for never."""
    due = now if last is None else max(now, boundary_after(schedule, last))
    return opens_at(windows(schedule), due)
