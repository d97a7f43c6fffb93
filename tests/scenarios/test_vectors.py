"""The conformance vectors of payload to rows, as engagectl does them, on both engines."""

import hashlib
from decimal import Decimal
from typing import Any

from tests.scenarios.house import SPACE, House, identify, track

VIP = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
audiences:
  vip: {space: default, kind: linked, entity: account}
journeys:
  cart: {space: default, kind: event_triggered}
activations:
  vip_log:
    audience: vip
    warehouses: [cdp]
    table: vip_log
  vip_mapped:
    audience: vip
    warehouses: [cdp]
    table: vip_mapped
    events: [audience_entered, audience_exited]
    properties: [event_name, user_id]
    mappings:
      - {from: entity.account.mrr, to: account_mrr, type: "decimal(18,2)"}
      - {from: [context.traits.email, properties.email], to: email_hash, type: string, transform: [trim, lower, sha256]}
  cart_steps:
    journey: cart
    warehouses: [cdp]
    table: cart_steps
"""


def _personas(key: str, kind: str = "audience") -> dict[str, Any]:
    return {
        "computation_class": kind,
        "computation_id": "aud_1",
        "computation_key": key,
        "computation_run_id": "run_1",
        "event_emitter_id": "act_1",
        "namespace": "spa_1",
        "space_id": "spa_1",
    }


def _play(house: House, *messages: Any, yaml: str = SPACE) -> None:
    house.write(yaml)
    house.messages(*messages)
    house.apply()
    house.sync()


def test_v7_one_message_id_is_one_row(house: House) -> None:
    one = identify(1, {"first_time_shopper": True})
    _play(house, one, one)
    assert house.rows("engage_default.identifies", "id, user_id") == [("m1", "u123")]
    assert house.rows("engage_default.users", "id, first_time_shopper") == [("u123", True)]


def test_v8_an_anonymous_message_makes_no_user(house: House) -> None:
    _play(house, identify(1, {"first_time_shopper": True}, user=None))
    assert house.rows("engage_default.identifies", "id, anonymous_id") == [("m1", "a1")]
    assert house.rows("engage_default.users", "id, user_id") == []


def test_v9_a_declared_column_waits_for_its_first_value(house: House) -> None:
    context = {"personas": _personas("first_time_shopper")}
    _play(house, identify(1, {"first_time_shopper": None}, context=context))
    assert house.rows("engage_default.identifies", "id, first_time_shopper", order="1") == [("m1", None)]
    assert house.rows("engage_default.users", "id", order="1") == []  # a null tells nothing, unless null_erases


def test_v10_null_never_erases(house: House) -> None:
    _play(house, identify(1, {"total_revenue_180_days": 1}), identify(2, {"total_revenue_180_days": None}))
    assert house.rows("engage_default.users", "id, total_revenue_180_days") == [("u123", Decimal("1.00"))]


def test_v11_the_later_event_wins_whatever_comes_last(house: House) -> None:
    _play(house, identify(120, {"total_revenue_180_days": 2}))
    house.messages(identify(60, {"total_revenue_180_days": 1}))
    house.sync()
    assert house.rows("engage_default.users", "id, total_revenue_180_days") == [("u123", Decimal("2.00"))]
    assert len(house.rows("engage_default.identifies", "id, user_id")) == 2


def test_v12_a_renamed_event_has_its_own_table(house: House) -> None:
    yaml = SPACE.replace(
        '{audiences: ["*"], as: [identify, track]}',
        '{audiences: ["*"], as: [track], event_names: {audience_entered: "VIP In!"}}',
    )
    _play(house, track(1, "VIP In!", {"audience_key": "first_time_shopper", "first_time_shopper": True}), yaml=yaml)
    assert house.rows("engage_default.vip_in", "event_text, first_time_shopper") == [("VIP In!", True)]


def test_v13_a_property_that_clashes_is_dropped(house: House) -> None:
    _play(
        house,
        track(
            1,
            "Audience Entered",
            {"audience_key": "first_time_shopper", "first_time_shopper": True, "user_id": "evil", "timestamp": "x"},
        ),
    )
    assert house.rows("engage_default.audience_entered", "id, user_id") == [("m1", "u123")]


def test_v16_and_v18_context_becomes_columns(house: House) -> None:
    message = track(1, "Audience Entered", {"audience_key": "first_time_shopper", "first_time_shopper": True})
    message["context"] = {"personas": _personas("first_time_shopper"), "traits": {"email": "a@b.c"}}
    _play(house, message)
    columns = "context_personas_computation_key, context_personas_computation_class, context_traits_email"
    expected = [("first_time_shopper", "audience", "a@b.c")]
    assert house.rows("engage_default.audience_entered", columns) == expected
    assert house.rows("engage_default.tracks", columns) == expected


def test_v17_mobile_ids_are_kept_when_asked(house: House) -> None:
    yaml = SPACE.replace(
        '{traits: ["*"], as: [identify, track]}', '{traits: ["*"], as: [identify, track], mobile_ids: true}'
    )
    message = identify(1, {"total_revenue_180_days": 1})
    message["context"] = {"device": {"advertisingId": "idfa-1", "type": "ios"}}
    _play(house, message, yaml=yaml)
    assert house.rows("engage_default.identifies", "context_device_advertising_id, context_device_type") == [
        ("idfa-1", "ios")
    ]


def test_mobile_ids_are_kept_for_the_computations_that_ask_for_them(house: House) -> None:
    yaml = SPACE.replace(
        '{traits: ["*"], as: [identify, track]}', '{traits: ["*"], as: [identify, track], mobile_ids: true}'
    )
    asked, other = identify(1, {"total_revenue_180_days": 1}), identify(2, {"first_time_shopper": True})
    tracked = track(3, "Audience Entered", {"audience_key": "first_time_shopper", "first_time_shopper": True})
    named = identify(4, {"total_revenue_180_days": 2})
    for message in (asked, other, tracked, named):
        message["context"] = {"device": {"id": "d1", "adTrackingEnabled": True}}
    named["context"]["personas"] = _personas("first_time_shopper")
    _play(house, asked, other, tracked, named, yaml=yaml)
    columns = "id, context_device_id, context_device_ad_tracking_enabled"
    assert house.rows("engage_default.identifies", columns) == [
        ("m1", "d1", True),
        ("m2", None, None),
        ("m4", None, None),
    ]
    assert house.rows("engage_default.audience_entered", columns) == [("m3", None, None)]
    house.messages(identify(5, {"total_revenue_180_days": 3}))
    house.sync()
    assert house.rows("engage_default.identifies", columns)[-1] == ("m5", None, None)


def test_v19_a_profile_of_two_values_has_two_rows_and_the_last(house: House) -> None:
    email = SPACE.replace("traits:\n", "traits:\n  email: {space: default, kind: sql, type: string}\n", 1)
    _play(house, identify(1, {"email": "e1"}), identify(2, {"email": "e2"}), yaml=email)
    assert house.rows("engage_default.identifies", "id, email", order="1") == [("m1", "e1"), ("m2", "e2")]
    assert house.rows("engage_default.users", "id, email", order="1") == [("u123", "e2")]


def test_v20_and_v22_an_activation_holds_exactly_its_columns(house: House) -> None:
    message = track(
        1,
        "Audience Entered",
        {
            "audience_key": "vip",
            "vip": True,
            "email": " A@B.c ",
            "data_graph_entity_context": {"account": {"id": "acc_1", "mrr": 99.5}},
        },
    )
    message["context"] = {"personas": _personas("vip")}
    _play(house, message, yaml=VIP)
    assert house.rows(
        "default.vip_log",
        "id, event_name, user_id, audience_key, personas_computation_key, personas_computation_id, "
        "personas_computation_run_id, personas_activation_id, entity_context",
    ) == [
        (
            "m1",
            "Audience Entered",
            "u123",
            "vip",
            "vip",
            "aud_1",
            "run_1",
            "act_1",
            '{"account":{"id":"acc_1","mrr":99.5}}',
        )
    ]
    rows = house.rows("default.vip_mapped", "id, event_name, user_id, account_mrr, email_hash")
    assert [row[:4] for row in rows] == [("m1", "Audience Entered", "u123", Decimal("99.50"))]
    assert rows[0][4] == hashlib.sha256(b"a@b.c").hexdigest()


def test_v21_a_journey_step_keeps_its_objects_as_text(house: House) -> None:
    message = track(
        1,
        "Reminder Sent",
        {
            "journey_context": {"Cart Abandoned": {"total": 5}},
            "journey_metadata": {"journey_id": "j1", "epoch_id": "e1"},
        },
    )
    message["context"] = {"personas": _personas("cart__reminder_x1", "journey_step")}
    _play(house, message, yaml=VIP)
    assert house.rows(
        "default.cart_steps", "id, journey_context, journey_metadata, personas_computation_class, event_name"
    ) == [
        (
            "m1",
            '{"Cart Abandoned":{"total":5}}',
            '{"journey_id":"j1","epoch_id":"e1"}',
            "journey_step",
            "Reminder Sent",
        )
    ]


def test_v24_v25_what_was_excluded_stays_a_gap(house: House) -> None:
    entered = {"audience_key": "first_time_shopper", "first_time_shopper": True}
    _play(house, track(1, "Audience Entered", entered))
    house.write(settings="    selective_sync: {exclude: [table.engage_default.audience_entered]}\n")
    house.apply()
    house.messages(track(2, "Audience Entered", entered))
    house.sync()
    house.write()
    house.apply()
    house.messages(track(3, "Audience Entered", entered))
    house.sync()
    assert house.rows("engage_default.audience_entered", "id", order="1") == [("m1",), ("m3",)]


def test_v26_a_connection_left_out_for_a_time_loads_all_since(house: House) -> None:
    _play(house, identify(1, {"first_time_shopper": True}))
    house.write(SPACE.partition("connections:")[0])
    house.apply()
    house.messages(identify(2, {"first_time_shopper": False}), name="data/b.jsonl")
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",)]
    house.write(SPACE)
    house.apply()
    house.sync()
    assert house.rows("engage_default.identifies", "id", order="1") == [("m1",), ("m2",)]
    assert house.rows("engage_default.users", "id, first_time_shopper", order="1") == [("u123", False)]


def test_v29_v30_a_value_that_does_not_fit_is_a_quarantined_cell(house: House) -> None:
    yaml = SPACE.replace('type: "decimal(18,2)"', "type: integer")
    _play(
        house,
        identify(1, {"total_revenue_180_days": 5}),
        identify(2, {"total_revenue_180_days": 5.5}),
        identify(3, {"total_revenue_180_days": "abc"}),
        yaml=yaml,
    )
    assert house.rows("engage_default.identifies", "id, total_revenue_180_days") == [
        ("m1", 5),
        ("m2", None),
        ("m3", None),
    ]
    assert len(house.rows("engagectl.quarantine", "*", order="1")) >= 2


def test_v32_the_event_time_is_corrected_by_the_clocks(house: House) -> None:
    message = identify(720, {"first_time_shopper": True})
    del message["timestamp"]
    message |= {"originalTimestamp": "2024-01-02T10:00:00Z", "sentAt": "2024-01-02T10:05:00Z"}
    _play(house, message)
    assert house.rows("engage_default.identifies", "id, CAST(timestamp AS VARCHAR)")[0][1].startswith(
        "2024-01-02 11:55:00"
    )
