"""By which hmac keys a feed was applied: their checks, carried over until a key is known to be another."""

import dataclasses
from collections.abc import Callable, Mapping

from engagectl.model.feed import Feed, Transform
from engagectl.planner.seen import Seen
from engagectl.risk import prior_of


def with_checks(feed: Feed, seen: Seen, checks: Mapping[str, str]) -> Feed:
    """Return the feed with the check of each of its keys: as applied, unless that is unknown now or is another."""
    before = prior_of(feed, seen.prior)
    applied = checks_of(before) if before is not None else {}

    def check(step: Transform) -> Transform:
        known = applied.get(step.credentials)
        # One that was not known at the time of the apply stays so: sync records what it then hashes by.
        said = known if known == "" else checks.get(step.credentials, known or "")
        return dataclasses.replace(step, check=said)

    return _mapped(feed, check)


def without_checks(feed: Feed) -> Feed:
    return _mapped(feed, lambda step: dataclasses.replace(step, check=""))


def checks_of(feed: Feed) -> dict[str, str]:
    """Return the check of each key that the feed hashes by."""
    return {
        step.credentials: step.check
        for table in feed.tables
        for column in table.columns
        for step in column.transforms
        if step.name == "hmac_sha256"
    }


def _mapped(feed: Feed, change: Callable[[Transform], Transform]) -> Feed:
    if not checks_of(feed):
        return feed
    return dataclasses.replace(
        feed,
        tables=tuple(
            dataclasses.replace(
                table,
                columns=tuple(
                    dataclasses.replace(
                        column,
                        transforms=tuple(
                            change(step) if step.name == "hmac_sha256" else step for step in column.transforms
                        ),
                    )
                    for column in table.columns
                ),
            )
            for table in feed.tables
        ),
    )
