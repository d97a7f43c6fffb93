"""Two writers never meet by accident."""

from engagectl import api
from tests.scenarios.house import SPACE, House, identify


def test_rows_of_somebody_else_stop_a_feed_until_it_is_told(house: House) -> None:
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.apply()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute("INSERT INTO engage_default.identifies (id) VALUES ('foreign')")
    report = house.sync()
    assert [item.code for item in report.left_out] == ["EC711"]
    assert house.rows("engage_default.identifies", "id", order="1") == [("foreign",)]


def test_a_keyed_hash_that_cannot_be_made_stops_its_feed_alone(house: House) -> None:
    house.write(
        SPACE
        + """
credentials:
  pepper: {method: hmac_key, key: {$env: PEPPER}}
activations:
  hashed:
    audience: first_time_shopper
    warehouses: [cdp]
    table: hashed
    mappings: [{from: properties.email, to: email, type: string, transform: [{hmac_sha256: pepper}]}]
"""
    )
    house.messages(identify(1, {"first_time_shopper": True}))
    house.apply()
    report = house.sync()
    assert [(item.code, str(item.address)) for item in report.left_out] == [("EC705", "local/activation.hashed")]
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
