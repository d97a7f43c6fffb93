"""When a feed is due, counted from the start of its last successful sync."""

from datetime import UTC, datetime

import pytest

from engagectl.errors import FailedError
from engagectl.model.feed import Schedule
from engagectl.sync.due import boundary_after, is_due, next_due

BERLIN = Schedule(every_s=None, cron="30 2 * * *", timezone="Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = utc("2026-03-01T12:30")


def test_a_feed_that_never_loaded_is_due_now() -> None:
    assert is_due(Schedule(), None, NOW)
    assert next_due(Schedule(), None, NOW) == NOW


@pytest.mark.parametrize(
    ("every_s", "last", "due"),
    [
        (3600, "2026-03-01T12:05", "2026-03-01T13:00"),
        (3600, "2026-03-01T11:59:59.999999", "2026-03-01T12:00"),
        (3600, "2026-03-01T12:00", "2026-03-01T13:00"),
        (86_400, "2026-03-01T12:05", "2026-03-02T00:00"),
        (5400, "1970-01-01T00:00:01", "1970-01-01T01:30"),
    ],
)
def test_every_counts_periods_since_1970(every_s: int, last: str, due: str) -> None:
    assert boundary_after(Schedule(every_s=every_s), utc(last)) == utc(due)


def test_a_feed_is_due_from_the_boundary_on_and_not_before() -> None:
    schedule = Schedule(every_s=3600)
    assert not is_due(schedule, utc("2026-03-01T12:05"), utc("2026-03-01T12:59:59"))
    assert is_due(schedule, utc("2026-03-01T12:05"), utc("2026-03-01T13:00"))
    assert is_due(schedule, utc("2026-03-01T12:05"), utc("2026-03-04T07:00"))


def test_a_sync_that_ran_over_a_boundary_leaves_the_next_one_due() -> None:
    assert is_due(Schedule(every_s=3600), utc("2026-03-01T12:59:59"), utc("2026-03-01T13:20"))


def test_cron_is_read_in_its_time_zone() -> None:
    schedule = Schedule(every_s=None, cron="0 6 * * *", timezone="Europe/Berlin")
    assert boundary_after(schedule, utc("2026-03-01T12:00")) == utc("2026-03-02T05:00")
    assert boundary_after(schedule, utc("2026-07-01T12:00")) == utc("2026-07-02T04:00")


def test_a_cron_time_that_the_clocks_skip_is_taken_after_the_gap() -> None:
    # 02:30 is not there on 29 March 2026: the clocks go from 02:00 to 03:00 at 01:00 UTC
    assert boundary_after(BERLIN, utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")
    assert boundary_after(BERLIN, utc("2026-03-29T01:00:01")) == utc("2026-03-30T00:30")


def test_a_cron_time_that_the_clocks_repeat_is_taken_once() -> None:
    # 02:30 comes twice on 25 October 2026, at 00:30 and 01:30 UTC
    first = boundary_after(BERLIN, utc("2026-10-24T12:00"))
    assert first == utc("2026-10-25T00:30")
    assert boundary_after(BERLIN, first) == utc("2026-10-26T01:30")
    assert not is_due(BERLIN, utc("2026-10-25T00:31"), utc("2026-10-25T01:45"))


def test_an_hourly_cron_runs_in_both_repeated_hours() -> None:
    hourly = Schedule(every_s=None, cron="0 * * * *", timezone="Europe/Berlin")
    assert boundary_after(hourly, utc("2026-10-25T00:10")) == utc("2026-10-25T01:00")
    assert boundary_after(hourly, utc("2026-10-25T01:00")) == utc("2026-10-25T02:00")


def test_what_fell_due_in_a_blackout_is_taken_at_the_first_call_after_it() -> None:
    schedule = Schedule(every_s=3600, blackout=("02:00-03:30",))
    last = utc("2026-03-01T01:10")
    assert not is_due(schedule, last, utc("2026-03-01T02:05"))
    assert next_due(schedule, last, utc("2026-03-01T02:05")) == utc("2026-03-01T03:30")
    assert is_due(schedule, last, utc("2026-03-01T03:30"))


def test_a_boundary_inside_a_coming_blackout_waits_for_its_end() -> None:
    schedule = Schedule(every_s=86_400, blackout=("23:00-01:00",))
    assert next_due(schedule, utc("2026-03-01T12:00"), utc("2026-03-01T12:30")) == utc("2026-03-02T01:00")


def test_a_window_of_the_applied_state_that_cannot_be_read_is_said() -> None:
    with pytest.raises(FailedError, match=r"sync\.blackout"):
        is_due(Schedule(blackout=("whenever",)), None, NOW)
