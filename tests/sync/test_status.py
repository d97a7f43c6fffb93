"""When a feed is due, counted from its last successful start."""

from datetime import UTC, datetime

from engagectl.model.feed import Schedule
from engagectl.sync.status import next_due

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_a_feed_that_never_loaded_is_due_now() -> None:
    assert next_due(Schedule(), None, NOW) == NOW


def test_every_counts_periods_since_1970() -> None:
    assert next_due(Schedule(every_s=3600), datetime(2026, 3, 1, 12, 5, tzinfo=UTC), NOW) == datetime(
        2026, 3, 1, 13, tzinfo=UTC
    )


def test_cron_is_read_in_its_time_zone() -> None:
    schedule = Schedule(every_s=None, cron="0 6 * * *", timezone="Europe/Berlin")
    assert next_due(schedule, datetime(2026, 3, 1, 12, tzinfo=UTC), NOW) == datetime(2026, 3, 2, 5, tzinfo=UTC)
