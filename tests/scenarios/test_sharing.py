"""Spaces, projects, targets and strangers that meet in one database or one input."""

import pytest

from engagectl import api
from engagectl.errors import EngagectlError, RefusedError
from tests.scenarios.house import SPACE, House, identify, track

SHOPPER = "first_time_shopper"
ENTERED = {"audience_key": SHOPPER, SHOPPER: True}
TWO_SPACES = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  shop: {slug: shop, space_id: spa_shop, sources: {main: {input: events}}}
  blog: {slug: blog, space_id: spa_blog, sources: {main: {input: events}}}
traits:
  visits: {space: shop, kind: event, type: integer}
  reads: {space: blog, kind: event, type: integer, key: visits}
connections:
  of_shop: {space: shop, warehouses: [cdp], send: [{traits: ["*"], as: [identify]}]}
  of_blog: {space: blog, warehouses: [cdp], send: [{traits: ["*"], as: [identify]}]}
"""
SHOPPERS = """
activations:
  shoppers:
    audience: first_time_shopper
    warehouses: [cdp]
    table: shoppers
    properties: [user_id]
"""


def _rename(house: House, before: str, after: str) -> None:
    root = house.root / "engagectl.yaml"
    root.write_text(root.read_text().replace(before, after))


def test_two_spaces_share_one_input_and_keep_their_messages_apart(house: House) -> None:
    house.write(TWO_SPACES)
    of = {space: {"personas": {"space_id": f"spa_{space}", "computation_key": "visits"}} for space in ("shop", "blog")}
    house.messages(
        identify(1, {"visits": 1}, context=of["shop"]),
        identify(2, {"visits": 2}, context=of["blog"]),
        identify(3, {"visits": 3}, context={"personas": {"space_id": "spa_else", "computation_key": "visits"}}),
    )
    house.apply()
    report = house.sync()
    assert house.rows("engage_shop.identifies", "id, visits") == [("m1", 1)]
    assert house.rows("engage_blog.identifies", "id, visits") == [("m2", 2)]
    assert house.rows("engage_shop.users", "id, visits") == [("u123", 1)]
    assert {counts.filtered["other_space"] for counts in report.feeds.values()} == {2}


def test_another_target_is_refused_until_it_takes_over_and_then_loads_nothing_twice(house: House) -> None:
    house.write(SPACE + SHOPPERS)
    _rename(house, "targets:\n", "targets:\n  prod: {warehouses: {cdp: local}}\n")
    house.messages(track(1, "Audience Entered", ENTERED), identify(2, {SHOPPER: True}))
    house.apply()
    house.sync()
    _rename(house, "default_target: dev", "default_target: prod")
    with pytest.raises(RefusedError) as refused:
        house.apply()
    assert refused.value.code == "EC603"
    house.apply(take_over=True)
    house.messages(track(3, "Audience Entered", ENTERED))
    report = house.sync()
    assert sum(counts.duplicate for counts in report.feeds.values()) == 0
    assert house.rows("default.shoppers", "id", order="1") == [("m1",), ("m3",)]
    assert house.rows("engage_default.identifies", "id", order="1") == [("m2",)]
    assert house.drift().steps == ()


def test_two_projects_side_by_side_load_their_own_schemas(house: House) -> None:
    house.write()
    house.messages(identify(1, {SHOPPER: True}))
    house.apply()
    house.sync()
    _rename(house, "project: acme", "project: other")
    house.write(SPACE.replace("slug: default", "slug: second"))
    _rename(house, "project: acme", "project: other")
    house.apply()
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
    assert house.rows("engage_second.identifies", "id", order="1") == [("m1",)]


def test_an_activation_adds_its_columns_to_a_table_that_exists(house: House) -> None:
    house.write(SPACE + SHOPPERS + "    existing_rows: keep\n")
    house.messages(track(1, "Audience Entered", ENTERED))
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('CREATE SCHEMA "default"')
        connection.execute('CREATE TABLE "default".shoppers (id varchar, note varchar)')
        connection.execute("INSERT INTO \"default\".shoppers VALUES ('m0', 'theirs')")
    house.apply()
    house.sync()
    assert house.rows("default.shoppers", "id, note, user_id") == [("m0", "theirs", None), ("m1", None, "u123")]
    assert house.plan().steps == ()


def test_one_broken_feed_is_named_and_the_others_load(house: House) -> None:
    house.write(SPACE + SHOPPERS)
    house.messages(track(1, "Audience Entered", ENTERED))
    house.apply()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        connection.execute('DROP TABLE "default".shoppers')
    report = house.sync()
    assert report.exit_code == 5
    assert [str(item.address) for item in report.left_out] == ["local/activation.shoppers"]
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m1",)]
    house.apply()
    house.sync()
    assert house.rows("default.shoppers", "id", order="1") == [("m1",)]


def test_users_holds_traits_that_are_sent_nowhere(house: House) -> None:
    house.write(SPACE.replace('      - {traits: ["*"], as: [identify, track]}\n', ""))
    house.messages(identify(1, {"total_revenue_180_days": 5}), identify(2, {SHOPPER: True}))
    house.apply()
    house.sync()
    assert [tuple(map(str, row)) for row in house.rows("engage_default.users", "id, total_revenue_180_days")] == [
        ("u123", "5.00")
    ]
    with pytest.raises(EngagectlError):
        house.rows("engage_default.identifies", "total_revenue_180_days")
