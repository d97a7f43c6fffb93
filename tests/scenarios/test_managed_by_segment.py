"""A space that Segment loads: sync passes it by, and is refused where nothing else is left."""

import pytest

from engagectl.errors import RefusedError
from tests.scenarios.house import SPACE, House, identify

OTHER = """
spaces:
  other: {slug: other, managed_by: segment, sources: {main: {}}}
audiences:
  others: {space: other, kind: profile}
connections:
  theirs:
    space: other
    warehouses: [cdp]
    send:
      - {audiences: ["*"], as: [identify]}
"""


def test_what_segment_loads_is_passed_by_with_one_line(house: House) -> None:
    house.write()
    house.write(OTHER, name="engage/other.yaml")
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}))
    report = house.sync()
    assert report.notes == ["passed by, Segment loads them: connection.theirs, users.other.main"]
    assert report.exit_code == 0
    assert {str(address) for address in report.feeds} == {"local/connection.classic", "local/users.default.main"}
    with pytest.raises(RefusedError) as error:
        house.sync(select=("connection.theirs",))
    assert error.value.code == "EC710"


def test_a_space_given_to_segment_is_refused_before_it_is_applied(house: House) -> None:
    house.write()
    house.apply()
    house.write(SPACE.replace("slug: default,", "slug: default, managed_by: segment,"))
    house.messages(identify(1, {"first_time_shopper": True}))
    with pytest.raises(RefusedError) as error:
        house.sync()
    assert error.value.code == "EC710"
    assert house.rows("engage_default.identifies", "id", order="1") == []
