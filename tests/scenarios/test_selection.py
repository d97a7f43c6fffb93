"""Selective sync: two questions, whether the table is fed and whether the value is."""

from tests.scenarios.house import House, identify, track

REVENUE, SHOPPER = "total_revenue_180_days", "first_time_shopper"


def _play(house: House, rules: str) -> None:
    house.write(settings=f"    selective_sync: {rules}\n")
    house.messages(
        identify(1, {REVENUE: 5, SHOPPER: True}),
        identify(2, {REVENUE: 6}),
        track(3, "Trait Computed", {"trait_key": REVENUE, REVENUE: 7}),
        track(4, "Audience Entered", {"audience_key": SHOPPER, SHOPPER: True}),
    )
    house.apply()
    house.sync()


def test_an_excluded_trait_leaves_its_tables_fed(house: House) -> None:
    _play(house, f"{{exclude: [trait.{REVENUE}]}}")
    assert house.rows("engage_default.identifies", f"id, {SHOPPER}") == [("m1", True)]
    assert house.rows("engage_default.tracks", "id", order="1") == [("m4",)]
    assert house.rows("engage_default.users", f"id, {SHOPPER}") == [("u123", True)]


def test_an_excluded_table_leaves_the_trait_in_the_others(house: House) -> None:
    _play(house, "{exclude: [table.engage_default.trait_computed]}")
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 2
    assert house.rows("engage_default.tracks", "id", order="1") == [("m3",), ("m4",)]


def test_a_column_that_is_included_wins_over_its_trait(house: House) -> None:
    _play(house, f"{{exclude: [trait.{REVENUE}], include: [column.engage_default.users.{REVENUE}]}}")
    assert [int(row[1]) for row in house.rows("engage_default.users", f"id, {REVENUE}")] == [6]
    assert house.rows("engage_default.identifies", f"id, {SHOPPER}") == [("m1", True)]


def test_under_default_exclude_an_included_value_feeds_its_tables(house: House) -> None:
    _play(house, f"{{default: exclude, include: [audience.{SHOPPER}]}}")
    assert house.rows("engage_default.identifies", f"id, {SHOPPER}") == [("m1", True)]
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m4",)]


def test_an_excluded_source_keeps_its_place_and_loads_all_when_it_comes_back(house: House) -> None:
    _play(house, "{exclude: [source.default.main]}")
    house.write()
    house.apply()
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",), ("m2",)]
