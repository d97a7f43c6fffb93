"""Two writers never meet by accident."""

import pytest

from engagectl import api
from engagectl.errors import RefusedError
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


def test_a_feed_whose_table_is_gone_is_left_out_alone(house: House) -> None:
    house.write()
    house.messages(identify(1, {"first_time_shopper": True}))
    house.apply()
    house.execute("DROP TABLE engage_default.identifies")
    report = house.sync()
    assert ([item.code for item in report.left_out], report.exit_code) == (["EC702"], 5)


def test_a_drop_is_told_before_it_is_done(house: House) -> None:
    trait = "  old: {space: default, kind: event, type: string}\n"
    house.write(SPACE.replace("traits:\n", f"traits:\n{trait}", 1))
    house.apply()
    house.write(SPACE)
    house.apply()
    house.write(SPACE + "removed: [{address: local/column.engage_default.users.old, reason: D-1}]\n")
    (told,) = [one for one in house.plan().all_findings if one.code == "EC601"]
    assert (told.severity, told.refuses) == ("warning", False)
    assert told.message == "engage_default.users.old will be dropped with what it holds (D-1)"


def test_more_rows_than_the_limit_are_not_rewritten(house: House) -> None:
    text = SPACE.replace('type: "decimal(18,2)"', "type: string")
    house.write(text)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": "12"}))
    house.sync()
    house.execute("ANALYZE")  # PostgreSQL knows of no rows before
    house.write(text.replace("type: string", "type: integer"))
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text() + "\nlifecycle: {type_changes: rebuild, max_rows_rewritten: 1}\n")
    assert [one.code for one in house.plan().all_findings if one.refuses] == ["EC607"]
    with pytest.raises(RefusedError) as caught:
        house.apply()
    assert caught.value.exit_code == 4
    root.write_text(root.read_text().replace("max_rows_rewritten: 1", "max_rows_rewritten: 2"))
    house.apply()
    assert house.plan().steps == ()
