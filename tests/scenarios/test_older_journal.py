"""A journal of an older engagectl: sync and status say what brings it up to date, and it does, with no change too."""

from datetime import UTC, datetime

import pytest

from engagectl import api
from engagectl.errors import RefusedError
from engagectl.sync.status import status
from tests.scenarios.house import House, identify


def _older(house: House) -> None:
    """Make the journal what version 1 wrote."""
    house.execute("ALTER TABLE engagectl.feeds DROP COLUMN digest")
    house.execute("ALTER TABLE engagectl.checkpoints DROP COLUMN version")
    house.execute("UPDATE engagectl.meta SET content = '1' WHERE item = 'version'")


def test_an_apply_without_a_change_brings_it_up_to_date(house: House) -> None:
    house.write()
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.sync()
    _older(house)
    house.messages(identify(2, {"first_time_shopper": True}))
    with pytest.raises(RefusedError, match="older engagectl") as caught:
        house.sync()
    assert caught.value.help == ("engagectl apply brings it up to date and keeps all that is in it",)
    with (
        api.connected(house.project, command="test", read_only=True) as connections,
        pytest.raises(RefusedError, match="older engagectl"),
    ):
        status(house.project, connections=connections, now=datetime.now(UTC))
    assert house.plan().steps == ()
    house.apply()
    report = house.sync()
    assert {counts.read for counts in report.feeds.values()} == {1}, "read on from where it stood"
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",), ("m2",)]
