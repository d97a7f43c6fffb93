"""Blackout windows: over midnight, on some days, and where clocks change."""

from datetime import UTC, datetime

import pytest

from engagectl.model.window import is_shut, opens_at, parse_window


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "at", "inside"),
    [
        ("02:00-03:30", "2026-03-02T02:00", True),
        ("02:00-03:30", "2026-03-02T03:29", True),
        ("02:00-03:30", "2026-03-02T03:30", False),
        ("02:00-03:30", "2026-03-02T01:59", False),
        ("02:00-03:30 Europe/Berlin", "2026-01-05T01:00", True),  # CET is UTC+1
        ("02:00-03:30 Europe/Berlin", "2026-07-05T00:00", True),  # CEST is UTC+2
        ("02:00-03:30 Europe/Berlin", "2026-07-05T01:30", False),
        ("22:00-06:00", "2026-03-02T23:00", True),
        ("22:00-06:00", "2026-03-03T05:59", True),
        ("22:00-06:00", "2026-03-03T06:00", False),
        ("fri 22:00-06:00", "2026-03-06T23:00", True),  # a Friday
        ("fri 22:00-06:00", "2026-03-07T05:00", True),  # it began on Friday
        ("fri 22:00-06:00", "2026-03-07T23:00", False),
        ("fri 22:00-06:00", "2026-03-06T05:00", False),
        ("mon-fri 09:00-17:00", "2026-03-07T12:00", False),
        ("sat-mon 00:00-24:00", "2026-03-09T23:59", True),
        ("sat-mon 00:00-24:00", "2026-03-10T00:00", False),
        ("SAT,sun 00:00-24:00 UTC", "2026-03-08T12:00", True),
    ],
)
def test_a_time_is_in_a_window_or_not(window: str, at: str, inside: bool) -> None:
    assert parse_window(window).holds(utc(at)) is inside


@pytest.mark.parametrize(
    ("windows", "at", "opens"),
    [
        (["02:00-03:30"], "2026-03-02T01:00", "2026-03-02T01:00"),
        (["02:00-03:30"], "2026-03-02T02:10:05", "2026-03-02T03:30"),
        (["02:00-03:30", "03:15-04:00"], "2026-03-02T02:10", "2026-03-02T04:00"),
        (["fri 22:00-24:00", "sat,sun 00:00-24:00"], "2026-03-06T22:30", "2026-03-09T00:00"),
        # Berlin's clocks go from 02:00 to 03:00 on 29 March 2026, 01:00 UTC
        (["01:30-02:30 Europe/Berlin"], "2026-03-29T00:45", "2026-03-29T01:00"),
        (["02:15-02:45 Europe/Berlin"], "2026-03-29T01:00", "2026-03-29T01:00"),
        # and from 03:00 back to 02:00 on 25 October 2026, 01:00 UTC: 02:00 to 03:00 comes twice
        (["02:00-03:30 Europe/Berlin"], "2026-10-25T00:00", "2026-10-25T02:30"),
    ],
)
def test_a_window_ends_when_the_wall_clock_leaves_it(windows: list[str], at: str, opens: str) -> None:
    assert opens_at([parse_window(text) for text in windows], utc(at)) == utc(opens)


def test_windows_that_leave_no_minute_never_open() -> None:
    windows = [parse_window("00:00-12:00"), parse_window("12:00-24:00")]
    assert is_shut(windows, utc("2026-03-02T12:00"))
    assert opens_at(windows, utc("2026-03-02T12:00")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2:00-3:00",
        "24:00-01:00",
        "02:00-24:01",
        "02:60-03:00",
        "02:00-02:00",
        "02:00-03:00 Mars/Olympus",
        "02:00-03:00 ../../etc/passwd",
        "foo 02:00-03:00",
        "mon- 02:00-03:00",
        ", 02:00-03:00",
        "02:00-03:00 Europe",
    ],
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not a window|no such time|a window that|no time zone|days are)"):
        parse_window(text)
