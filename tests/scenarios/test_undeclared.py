"""What nobody declared: counted by kind, made a column, or a reason to stop."""

from decimal import Decimal
from typing import Any

from engagectl import api
from tests.scenarios.house import SPACE, House, identify, track

ADD = SPACE + "    on_undeclared: add_column\n"
FAIL = SPACE + "    on_undeclared: fail\n"
IDENTIFIES = "engage_default.identifies"
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}
GOOD = {"first_time_shopper": True}


def _columns(house: House, table: str) -> dict[str, str]:
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        schema, _, name = table.partition(".")
        rows = connection.query(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = ?",
            (schema, name),
        )
    return {str(column): str(kind).lower() for column, kind in rows}


def _journal(house: House, sql: str) -> list[tuple[Any, ...]]:
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return connection.query(sql)


def test_a_key_becomes_a_column_of_its_type(house: House) -> None:
    house.write(ADD)
    house.apply()
    house.messages(
        identify(1, {**GOOD, "flag": True, "count": 5, "big": 1e30, "mixed": 1, "Name": "x", "nothing": None}),
        identify(2, {**GOOD, "flag": False, "count": 1.25, "big": 1, "mixed": "a", "tags": ["a", "b"]}),
        identify(3, {**GOOD, "product_id": {"sku": "G-32", "size": {"cm": 7}}, "empty": {}}),
    )
    report = house.sync()
    assert report.exit_code == 0
    kinds = _columns(house, IDENTIFIES)
    assert kinds["flag"] == "boolean"
    assert kinds["count"].startswith(("decimal", "numeric"))
    assert kinds["big"] in ("double", "double precision")
    assert "nothing" not in kinds
    assert "empty" not in kinds
    assert house.rows(IDENTIFIES, "id, flag, count, big, mixed, name, tags, product_id_sku, product_id_size_cm") == [
        ("m1", True, Decimal(5), 1e30, "1", "x", None, None, None),
        ("m2", False, Decimal("1.25"), 1.0, "a", None, '["a","b"]', None, None),
        ("m3", None, None, None, None, None, None, "G-32", Decimal(7)),
    ]
    assert not set(_columns(house, "engage_default.users")) & {"flag", "count"}
    assert report.undeclared == {"trait empty": 1, "trait nothing": 1}


def test_drift_stays_clean_and_the_plan_notes_the_columns(house: House) -> None:
    house.write(ADD)
    house.apply()
    house.messages(identify(1, {**GOOD, "extra": "x"}))
    house.sync()
    assert house.drift().steps == ()
    plan = house.plan()
    assert plan.steps == ()
    noted = [str(one.address) for part in plan.warehouses for one in part.noted if one.kind == "added_by_sync"]
    assert noted == ["local/column.engage_default.identifies.extra"]
    house.apply()
    house.messages(identify(2, {**GOOD, "extra": "y"}))
    house.sync()
    assert house.rows(IDENTIFIES, "id, extra") == [("m1", "x"), ("m2", "y")]
    assert _journal(house, "SELECT origin FROM engagectl.ownership WHERE column_name = 'extra'") == [("added_by_sync",)]


def test_later_misfits_are_cells(house: House) -> None:
    house.write(ADD)
    house.apply()
    house.messages(identify(1, {**GOOD, "level": 5}))
    house.sync()
    house.messages(identify(2, {**GOOD, "level": "high"}), identify(3, {**GOOD, "level": {"deep": True}}))
    report = house.sync()
    assert house.rows(IDENTIFIES, "id, level, level_deep") == [
        ("m1", Decimal(5), None),
        ("m2", None, None),
        ("m3", None, True),
    ]
    assert sum(counts.cells for counts in report.feeds.values()) == 1


def test_keys_that_share_a_name_stay_apart(house: House) -> None:
    house.write(ADD)
    house.apply()
    long = "k" * 80
    house.messages(identify(1, {**GOOD, "foo_bar": 1, "Foo Bar": 2, "fooBar": 3, "日本": 4, long: 5}))
    house.sync()
    names = {
        original: name
        for name, original in _journal(
            house, "SELECT name, original FROM engagectl.names WHERE table_name = 'identifies'"
        )
    }
    assert names["foo_bar"] == "foo_bar"
    assert len(set(names.values())) == 5
    listed = ", ".join(f'"{names[key]}"' for key in ("foo_bar", "Foo Bar", "fooBar", "日本", long))
    assert house.rows(IDENTIFIES, listed) == [tuple(Decimal(n) for n in range(1, 6))]
    assert all(len(name.encode()) <= 63 for name in names.values()) or "postgres" not in house.warehouse


def test_declared_retired_and_standard_keys_are_never_added(house: House) -> None:
    house.write(ADD)
    house.apply()
    house.write(ADD.replace("\naudiences:", "\n  later: {space: default, kind: sql, type: string}\naudiences:"))
    house.messages(
        identify(1, {**GOOD, "later": "x", "received_at": "now", "context_ip": "1.2.3.4"}),
        track(2, "Audience Entered", {**ENTERED, "user_id": "other", "plan": "gold"}),
    )
    report = house.sync()
    assert "later" not in _columns(house, IDENTIFIES)
    assert {key for key in report.undeclared if key.startswith("clash")} == {
        "clash received_at", "clash context_ip", "clash user_id"
    }  # fmt: skip
    assert report.undeclared["trait later"] == 1
    assert house.rows("engage_default.audience_entered", "id, user_id, plan") == [("m2", "u123", "gold")]
    assert "plan" not in _columns(house, IDENTIFIES)
    assert "plan" not in _columns(house, "engage_default.tracks")


def test_fail_leaves_the_feed_out_and_the_others_load(house: House) -> None:
    house.write(FAIL)
    house.apply()
    house.messages(identify(1, GOOD))
    assert house.sync().exit_code == 0
    house.messages(identify(2, {**GOOD, "extra": "x"}), name="data/b.jsonl")
    house.messages(identify(3, GOOD), name="data/c.jsonl")
    report = house.sync()
    assert report.exit_code == 5
    assert [(str(item.address), item.code, item.reason) for item in report.left_out] == [
        ("local/connection.classic", "EC706", "undeclared: trait 'extra'")
    ]
    assert house.rows(IDENTIFIES, "id, user_id") == [("m1", "u123")]
    assert house.rows("engage_default.users", "id, received_at::text")[0][1].startswith("2024-01-02 00:03")
    house.write(FAIL.replace("\naudiences:", "\n  extra: {space: default, kind: sql, type: string}\naudiences:"))
    house.apply()
    assert house.sync().exit_code == 0
    assert house.rows(IDENTIFIES, "id, extra") == [("m1", None), ("m2", "x"), ("m3", None)]


def test_what_is_undeclared_is_counted_by_kind(house: House) -> None:
    house.write()
    house.apply()
    personas = {"computation_key": "unheard_of", "computation_class": "audience"}
    house.messages(
        identify(1, {**GOOD, "extra": "x"}, context={"ip": "1.2.3.4", "deep": {"er": 1, "list": [1]}}),
        identify(2, {**GOOD, "extra": 5}, context={"deep": {"er": 2}}),
        identify(3, {"unheard_of": True}, context={"personas": personas}),
        track(4, "Something Else", ENTERED),
        track(5, "Audience Entered", {**ENTERED, "plan": "gold"}),
    )
    report = house.sync()
    assert set(report.undeclared) == {
        "trait extra", "computation unheard_of", "event Something Else", "property plan",
        "context deep.er", "context deep.list",
    }  # fmt: skip
    rows = _journal(
        house, "SELECT kind, key, types, messages, first_at, last_at FROM engagectl.undeclared WHERE kind <> 'context'"
    )
    assert max(rows) == (
        "trait", "extra", "ubigint,varchar", 2, "2024-01-02T00:01:00.000000Z", "2024-01-02T00:02:00.000000Z"
    )  # fmt: skip


def test_all_context_becomes_columns(house: House) -> None:
    house.write(ADD + "    context_columns: all\n")
    house.apply()
    house.messages(
        identify(
            1, GOOD, context={"ip": "1.2.3.4", "app": {"version": "1.0"}, "screen": {"width": 5, "fieldNested": 1}}
        ),
        track(2, "Audience Entered", ENTERED, context={"screen": {"width": 7}}),
    )
    house.sync()
    columns = "context_ip, context_screen_width, context_screen_field_nested"
    assert house.rows(IDENTIFIES, columns) == [("1.2.3.4", Decimal(5), Decimal(1))]
    assert house.rows("engage_default.tracks", "id, context_screen_width") == [("m2", Decimal(7))]
    assert house.drift().steps == ()


def test_selective_sync_decides_over_columns_that_nobody_declared(house: House) -> None:
    rules = "{default: exclude, include: [audience.first_time_shopper, column.engage_default.identifies.plan*]}"
    house.write(ADD, settings=f"    selective_sync: {rules}\n")
    house.apply()
    house.messages(identify(1, {**GOOD, "plan": "gold", "extra": "x"}))
    assert house.sync().undeclared == {"trait extra": 1}
    assert "extra" not in _columns(house, IDENTIFIES)
    house.write(ADD, settings="    selective_sync: {exclude: [trait.extra, column.engage_default.identifies.pl*]}\n")
    house.apply()
    assert house.plan().steps == ()
    house.messages(identify(2, {**GOOD, "plan": "gold", "extra": "x", "other": 1}))
    house.sync()
    assert house.rows(IDENTIFIES, "id, plan, other") == [("m1", "gold", None), ("m2", None, Decimal(1))]
    assert "extra" not in _columns(house, IDENTIFIES)
