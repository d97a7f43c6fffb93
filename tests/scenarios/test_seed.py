"""Every table printed in the Engage and Warehouses page comes out of its own payloads, on both engines."""

from decimal import Decimal

from tests.scenarios.house import House, identify, track

REVENUE = Decimal("450.00")


def _seed(house: House) -> None:
    house.write()
    house.messages(
        identify(1, {"first_time_shopper": True}),
        identify(2, {"total_revenue_180_days": 450.00}),
        {
            **track(3, "Audience Entered", {}),
            "properties": None,
            "traits": {"audience_key": "first_time_shopper", "first_time_shopper": True},
        },
        track(4, "Audience Exited", {"audience_key": "first_time_shopper", "first_time_shopper": False}, user="u9"),
        track(5, "Trait Computed", {"trait_key": "total_revenue_180_days", "total_revenue_180_days": 450.00}),
    )
    house.apply()
    house.sync()


def test_identify_calls_fill_identifies_and_users(house: House) -> None:
    _seed(house)
    assert house.rows("engage_default.identifies", "id, user_id, first_time_shopper, total_revenue_180_days") == [
        ("m1", "u123", True, None),
        ("m2", "u123", None, REVENUE),
    ]
    assert house.rows("engage_default.users", "id, user_id, first_time_shopper, total_revenue_180_days") == [
        ("u123", "u123", True, REVENUE)
    ]


def test_track_calls_fill_one_table_per_event(house: House) -> None:
    _seed(house)
    key = "first_time_shopper"
    assert house.rows("engage_default.audience_entered", f"user_id, audience_key, {key}") == [("u123", key, True)]
    assert house.rows("engage_default.audience_exited", f"user_id, audience_key, {key}") == [("u9", key, False)]
    assert house.rows("engage_default.trait_computed", "user_id, total_revenue_180_days, trait_key") == [
        ("u123", REVENUE, "total_revenue_180_days")
    ]
    assert house.rows("engage_default.tracks", "id, event, event_text") == [
        ("m3", "audience_entered", "Audience Entered"),
        ("m4", "audience_exited", "Audience Exited"),
        ("m5", "trait_computed", "Trait Computed"),
    ]


def test_the_second_time_nothing_happens(house: House) -> None:
    _seed(house)
    assert house.plan().steps == ()
    before = house.rows("engage_default.identifies", "id", order="1")
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == before
    assert house.drift().steps == ()
