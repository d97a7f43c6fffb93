"""`quarantine replay` puts back what became storable, exactly once; `purge` forgets."""

import hashlib
from decimal import Decimal

from engagectl import api
from tests.scenarios.house import SPACE, House, identify

NARROW = SPACE.replace('"decimal(18,2)"', "integer")
IDENTIFIES, USERS = "engage_default.identifies", "engage_default.users"
VALUE = "id, total_revenue_180_days"


def _waiting(house: House) -> list[tuple[str, str]]:
    return sorted((entry.reason, entry.column) for _, entry in api.quarantine(house.project, limit=1000))


def test_a_value_goes_into_its_row_when_the_column_is_widened(house: House) -> None:
    house.write(NARROW)
    house.apply()
    house.messages(
        identify(1, {"total_revenue_180_days": 5.25}),
        identify(2, {"total_revenue_180_days": 3}),
        identify(3, {"total_revenue_180_days": "many"}),
    )
    house.sync()
    assert house.rows(USERS, VALUE) == [("u123", 3)]
    assert api.replay_quarantine(house.project).values == 0
    house.write(SPACE.replace('"decimal(18,2)"', '"decimal(38,2)"'))
    house.apply()
    done = api.replay_quarantine(house.project)
    assert (done.values, done.left) == (2, 2)
    assert house.rows(IDENTIFIES, VALUE) == [("m1", Decimal("5.25")), ("m2", Decimal(3)), ("m3", None)]
    assert house.rows(USERS, VALUE) == [("u123", Decimal(3))]
    assert _waiting(house) == [("does_not_fit", "total_revenue_180_days")] * 2
    again = api.replay_quarantine(house.project)
    assert (again.values, again.messages) == (0, 0)


def test_users_take_a_replayed_value_at_its_own_time(house: House) -> None:
    house.write(NARROW)
    house.apply()
    house.messages(identify(1, {"total_revenue_180_days": 3}), identify(2, {"total_revenue_180_days": 7.5}))
    house.sync()
    house.write(SPACE.replace('"decimal(18,2)"', '"decimal(38,2)"'))
    house.apply()
    api.replay_quarantine(house.project)
    assert house.rows(USERS, VALUE) == [("u123", Decimal("7.5"))]
    house.messages(identify(0, {"total_revenue_180_days": 1}), name="data/late.jsonl")
    house.sync()
    assert house.rows(USERS, VALUE) == [("u123", Decimal("7.5"))]


ACTIVATION = """
activations:
  log:
    audience: first_time_shopper
    warehouses: [cdp]
    table: log
    events: [audience_membership_changed]
    mappings: [{from: traits.plan, to: plan, type: TYPE, required: true}]
"""


def test_a_message_kept_whole_is_loaded_once(house: House) -> None:
    yaml = SPACE + ACTIVATION
    house.write(yaml.replace("TYPE", "integer"))
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True, "plan": "gold"}))
    house.sync()
    assert house.rows("default.log", "id, plan") == []
    house.write(yaml.replace("TYPE", "string"))
    house.apply()
    done = api.replay_quarantine(house.project, select=["activation.log"])
    assert (done.messages, done.left) == (1, 0)
    assert house.rows("default.log", "id, plan") == [("m1", "gold")]
    assert api.replay_quarantine(house.project).messages == 0
    assert house.rows("default.log", "id, plan") == [("m1", "gold")]


def test_an_undeclared_value_goes_into_the_column_that_was_declared(house: House) -> None:
    asked = SPACE + "    on_undeclared: quarantine\n"
    house.write(asked)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True, "plan": "gold"}))
    house.sync()
    assert ("undeclared", "plan") in _waiting(house)
    house.write(asked.replace("\naudiences:", "\n  plan: {space: default, kind: sql, type: string}\naudiences:"))
    house.apply()
    assert api.replay_quarantine(house.project).values == 1
    assert house.rows(IDENTIFIES, "id, plan") == [("m1", "gold")]
    assert _waiting(house) == []


def test_a_hashed_value_is_read_again_from_its_file(house: House) -> None:
    hashed = SPACE.replace(
        "\naudiences:", "\n  email: {space: default, kind: sql, type: string, max_chars: 10}\naudiences:"
    )
    hashed += "    columns: {email: {transform: [sha256]}}\n"
    house.write(hashed)
    house.apply()
    house.messages(identify(1, {"first_time_shopper": True}), identify(2, {"email": "a@b.c"}))
    house.sync()
    assert house.rows(IDENTIFIES, "id, email") == [("m1", None), ("m2", None)]
    house.write(hashed.replace(", max_chars: 10", ""))
    house.apply()
    assert api.replay_quarantine(house.project).values == 2
    digest = hashlib.sha256(b"a@b.c").hexdigest()
    assert house.rows(IDENTIFIES, "id, email") == [("m1", None), ("m2", digest)]
    assert house.rows(USERS, "id, email") == [("u123", digest)]


def test_purge_forgets_what_it_is_told(house: House) -> None:
    house.write(NARROW)
    house.apply()
    house.messages("{broken", identify(1, {"total_revenue_180_days": 5.25}))
    house.sync()
    assert len(_waiting(house)) == 3
    assert api.purge_quarantine(house.project, older_than_s=3600) == 0
    assert api.purge_quarantine(house.project, reason="malformed_json") == 1
    assert api.purge_quarantine(house.project, select=["users.*"]) == 1
    assert _waiting(house) == [("does_not_fit", "total_revenue_180_days")]
    assert api.purge_quarantine(house.project, older_than_s=0) == 1
    assert _waiting(house) == []
