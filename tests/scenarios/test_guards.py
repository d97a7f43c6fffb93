"""Two writers never meet by accident."""

import pytest

from engagectl import api
from engagectl.errors import RefusedError
from tests.scenarios.house import SPACE, House, identify, track


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


@pytest.mark.parametrize("is_analysed", [True, False])
def test_more_rows_than_the_limit_are_not_rewritten(house: House, *, is_analysed: bool) -> None:
    """PostgreSQL knows of no rows before it was analysed: they are counted then."""
    text = SPACE.replace('type: "decimal(18,2)"', "type: string")
    house.write(text)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": "12"}))
    house.sync()
    if is_analysed:
        house.execute("ANALYZE")
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


def _with_an_activation(house: House) -> None:
    house.write(
        SPACE
        + """
activations:
  ads:
    audience: first_time_shopper
    warehouses: [cdp]
    table: ads
    mappings: [{from: properties.visits, to: visits, type: integer}]
"""
    )
    entered = {"audience_key": "first_time_shopper", "first_time_shopper": True, "visits": 70_000}
    house.messages(identify(1, {"first_time_shopper": True}), track(2, "Audience Entered", entered))
    house.apply()


def test_a_column_that_cannot_hold_the_applied_type_stops_its_feed_alone(house: House) -> None:
    _with_an_activation(house)
    house.execute('ALTER TABLE "default".ads ALTER COLUMN visits TYPE SMALLINT')
    report = house.sync()
    assert report.exit_code == 5
    (left,) = report.left_out
    assert (left.code, str(left.address), left.help) == ("EC702", "local/activation.ads", "run: engagectl plan")
    assert left.reason.lower() == "column default.ads.visits is smallint, which cannot hold the applied integer"
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
    house.apply()
    assert (house.sync().exit_code, [int(n) for (n,) in house.rows("default.ads", "visits", order="1") if n]) == (
        0,
        [70_000],
    )


def test_a_column_that_somebody_made_wider_still_loads(house: House) -> None:
    _with_an_activation(house)
    house.execute('ALTER TABLE "default".ads ALTER COLUMN visits TYPE DECIMAL(30, 2)')
    assert list(house.sync().left_out) == []
