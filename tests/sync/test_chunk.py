"""One chunk through the core: routing, strict types, dedupe, users, accounting. Real DuckDB, feeds by hand."""

import hashlib
import json
from decimal import Decimal

from engagectl.model.column_type import Decimal as DecimalType
from engagectl.model.column_type import Integer
from tests.sync.builders import REVENUE, SHOPPER, Bench, activation, connection, identify, track, users

ENTERED = {"audience_key": SHOPPER, SHOPPER: True}
IDENTIFIES = "engage_default.identifies"
USERS = "engage_default.users"


def test_the_seed_by_value() -> None:
    bench = Bench(connection(), users())
    done = bench.load(
        identify(1, {SHOPPER: True}),
        identify(2, {REVENUE: 450.00}),
        track(3, "Audience Entered", {}) | {"properties": None, "traits": ENTERED},
        track(4, "Audience Exited", {**ENTERED, SHOPPER: False}),
        track(5, "Trait Computed", {"trait_key": REVENUE, REVENUE: 450.0}),
    )
    assert bench.rows(IDENTIFIES, f"id, user_id, {SHOPPER}, {REVENUE}") == [
        ("m1", "u123", True, None),
        ("m2", "u123", None, Decimal("450.00")),
    ]
    assert bench.rows(USERS, f"id, user_id, {SHOPPER}, {REVENUE}") == [("u123", "u123", True, Decimal("450.00"))]
    assert bench.rows("engage_default.audience_entered", f"audience_key, {SHOPPER}") == [(SHOPPER, True)]
    assert bench.rows("engage_default.audience_exited", f"audience_key, {SHOPPER}") == [(SHOPPER, False)]
    assert bench.rows("engage_default.trait_computed", f"trait_key, {REVENUE}") == [(REVENUE, Decimal("450.00"))]
    assert bench.rows("engage_default.tracks", "event, event_text")[0] == ("audience_entered", "Audience Entered")
    assert done["connection"].counts.inserted == 5
    assert done["users"].counts.filtered == {"call_type": 3}


def test_what_is_known_is_a_duplicate() -> None:
    bench = Bench(connection(), users())
    one = identify(1, {SHOPPER: True})
    assert bench.load(one, one)["connection"].counts.duplicate == 1
    assert bench.load(one)["connection"].counts.inserted == 0
    assert bench.rows(IDENTIFIES, "id") == [("m1",)]


def test_a_bad_line_never_shadows_its_good_twin() -> None:
    bench = Bench(connection())
    done = bench.load(identify(1, {SHOPPER: True}, timestamp="soon"), identify(1, {SHOPPER: True}))["connection"]
    assert (done.counts.inserted, done.counts.quarantined) == (1, 1)
    assert [(reason, line, offset) for _, reason, *_, line, offset in bench.kept] == [("no_time", 1, 0)]


def test_dirt_is_quarantined_with_its_place() -> None:
    bench = Bench(connection(), users())
    lines = ['{"type":', "[1]", '{"type": 5}', '{"type":"identify","messageId":"x","userId":"u","traits":{"a":1}}']
    done = bench.load(*lines, identify(9, {SHOPPER: True}))
    for settled in done.values():
        assert (settled.counts.read, settled.counts.quarantined) == (5, 3)
    assert [(feed, reason) for feed, reason, *_ in bench.kept] == [
        (-1, "malformed_json"),
        (-1, "not_an_object"),
        (1, "envelope"),
        (2, "envelope"),
    ]
    assert done["connection"].counts.filtered == {"undeclared": 1}


def test_a_value_that_does_not_fit_is_a_cell() -> None:
    bench = Bench(connection(Integer()), users(Integer()))
    done = bench.load(*(identify(n, {REVENUE: v}) for n, v in enumerate([5, 5.5, "abc", 1e3, 2**63, True], 1)))
    assert bench.rows(IDENTIFIES, f"id, {REVENUE}") == [
        ("m1", 5), ("m2", None), ("m3", None), ("m4", 1000), ("m5", None), ("m6", None)
    ]  # fmt: skip
    assert [row[3] for row in bench.kept if row[0] == 1] == ["5.5", '"abc"', str(2**63), "true"]
    assert done["connection"].counts.cells == 4
    assert done["connection"].counts.quarantined == 0


def test_long_numbers_are_exact() -> None:
    wide = DecimalType(38, 20)
    bench = Bench(connection(wide))
    text = json.dumps(identify(1, {REVENUE: 0})).replace(": 0}", ": 0.10000000000000000555}")
    bench.load(text, long_numbers=(0,))
    assert bench.rows(IDENTIFIES, REVENUE) == [(Decimal("0.10000000000000000555"),)]


def test_the_later_event_wins_in_any_order() -> None:
    late, early = identify(120, {REVENUE: 2}), identify(60, {REVENUE: 1})
    for chunks in (((late,), (early,)), ((early,), (late,)), ((late, early),)):
        bench = Bench(users())
        for chunk in chunks:
            bench.load(*chunk)
        assert bench.rows(USERS, f"id, {REVENUE}") == [("u123", Decimal("2.00"))]


def test_null_erases_only_when_asked() -> None:
    for erases, expected in ((False, Decimal("1.00")), (True, None)):
        bench = Bench(users(null_erases=erases))
        bench.load(identify(1, {REVENUE: 1}), identify(2, {REVENUE: None}))
        assert bench.rows(USERS, REVENUE) == [(expected,)]


def test_anonymous_messages_make_no_user() -> None:
    bench = Bench(connection(), users())
    done = bench.load(identify(1, {SHOPPER: True}, user=None))
    assert bench.rows(IDENTIFIES, "id, anonymous_id") == [("m1", "a1")]
    assert bench.rows(USERS, "id") == []
    assert done["users"].counts.filtered == {"anonymous": 1}


def test_undeclared_keys_are_counted_and_not_stored() -> None:
    bench = Bench(connection())
    done = bench.load(identify(1, {SHOPPER: True, "Extra": "x"}), identify(2, {"other": 1}))["connection"]
    assert [(item.kind, item.key, item.types, item.messages) for item in done.undeclared] == [
        ("trait", "Extra", "varchar", 1),
        ("trait", "other", "ubigint", 1),
    ]
    assert done.undeclared[0].first_at == "2024-01-02T00:01:00.000000Z"
    assert done.counts.filtered == {"undeclared": 1}


def test_undeclared_values_are_kept_when_asked() -> None:
    bench = Bench(connection(on_undeclared="quarantine"))
    bench.load(identify(1, {SHOPPER: True, "Extra": "x"}))
    assert [row[1:4] for row in bench.kept] == [("undeclared", "Extra", '"x"')]


def test_an_activation_takes_its_audience_and_hashes() -> None:
    bench = Bench(activation())
    entity = {"plan": "gold", "n": [1, 2]}
    done = bench.load(
        track(1, "Audience Entered", {**ENTERED, "data_graph_entity_context": entity, "email": " A@B.c "}),
        track(2, "Audience Entered", {**ENTERED, "email": "d@e.f"}, context={"traits": {"email": "g@h.i", "age": 5}}),
        track(3, "Trait Computed", {"trait_key": REVENUE, REVENUE: 1}),
    )["activation"]
    assert bench.rows('"default".vip', "id, event_name, plan, email, entity_context") == [
        ("m1", "Audience Entered", "gold", hashlib.sha256(b"a@b.c").hexdigest(), '{"plan":"gold","n":[1,2]}')
    ]
    assert done.counts.quarantined == 1
    ((_, reason, _, content, kind, *_),) = bench.kept
    assert (reason, kind) == ("required", "redacted")
    kept = json.loads(content)
    assert kept["properties"] == {**ENTERED, "email": "sha256:" + hashlib.sha256(b'"d@e.f"').hexdigest()}
    assert kept["context"] == {"traits": {"email": "sha256:" + hashlib.sha256(b'"g@h.i"').hexdigest(), "age": 5}}
    assert done.counts.filtered == {"not_routed": 1}


def test_the_event_time_is_corrected_by_the_clocks() -> None:
    bench = Bench(connection())
    bench.load(identify(720, {SHOPPER: True}, originalTimestamp="2024-01-02T10:00:00Z", sentAt="2024-01-02T10:05:00Z"))
    assert bench.rows(IDENTIFIES, 'CAST("timestamp" AS VARCHAR)') == [("2024-01-02 11:55:00+00",)]


def test_another_space_and_another_destination_are_filtered() -> None:
    bench = Bench(connection(space_id="spa_1", integration="Snowflake"))
    here = {"personas": {"space_id": "spa_1", "computation_key": SHOPPER}}
    there = {"personas": {"space_id": "spa_2", "computation_key": SHOPPER}}
    named = {"All": False, "Snowflake": True}
    done = bench.load(
        identify(1, {SHOPPER: True}, context=here, integrations=named),
        identify(2, {SHOPPER: True}, context=there, integrations=named),
        identify(3, {SHOPPER: True}, context=here, integrations={"All": False}),
    )["connection"]
    assert done.counts.inserted == 1
    assert done.counts.filtered == {"other_space": 1, "not_routed": 1}


def test_a_time_in_small_letters_is_a_time() -> None:
    bench = Bench(connection())
    bench.load(identify(1, {SHOPPER: True}, timestamp="2024-01-02t00:00:00.5z"))
    assert bench.rows(IDENTIFIES, 'CAST("timestamp" AS VARCHAR)') == [("2024-01-02 00:00:00.5+00",)]


def test_a_long_number_changes_nothing_of_its_line() -> None:
    bench = Bench(activation())
    entity = '{"plan": "gold", "short": 1.10, "exponent": 1e3, "long": 0.10000000000000000555}'
    line = json.dumps(track(1, "Audience Entered", {**ENTERED, "data_graph_entity_context": 0})).replace(
        ": 0}", f": {entity}}}"
    )
    bench.load(line, long_numbers=(0,))
    assert bench.rows('"default".vip', "entity_context") == [
        ('{"plan":"gold","short":1.1,"exponent":1000.0,"long":0.10000000000000000555}',)
    ]


def test_a_retired_key_beside_a_declared_one_costs_no_row() -> None:
    bench = Bench(connection(retired=("old",)))
    done = bench.load(identify(1, {SHOPPER: True, "old": 1}), identify(2, {"old": 1}))["connection"]
    assert bench.rows(IDENTIFIES, f"id, {SHOPPER}") == [("m1", True)]
    assert done.counts.filtered == {"retired": 1}
