"""Generated Engage traffic for the laws of sync: few messages, each rich, with ties, twins and dirt."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

YAML = """
inputs:
  events: {files: ["data/*"]}
spaces:
  default:
    slug: default
    space_id: spa_1
    sources: {main: {input: events}, mail: {input: events, schema: engage_mail}}
credentials:
  pepper: {method: hmac_key, key: {$env: ENGAGECTL_PROPERTY_PEPPER}}
traits:
  revenue: {space: default, kind: event, type: "decimal(18,2)"}
  exact: {space: default, kind: event, type: "decimal(38,10)"}
  churn: {space: default, kind: ml, type: float}
  visits: {space: default, kind: event, type: integer}
  plan: {space: default, kind: sql, type: string, max_chars: 8}
  phone: {space: default, kind: sql, type: string}
  seen_at: {space: default, kind: event, type: timestamp}
  born: {space: default, kind: sql, type: date}
  prefs: {space: default, kind: sql, type: json_text}
  blob: {space: default, kind: sql, type: json}
  flag: {space: default, kind: sql, type: boolean}
audiences:
  vip: {space: default, kind: linked, entity: account}
  shopper: {space: default, kind: profile}
  tester: {space: default, kind: profile}
journeys:
  cart: {space: default, kind: event_triggered}
  cart_won: {space: default, kind: event_triggered, key: cart__won}
  named: {space: default, kind: event_triggered, key: other, journey_id: jou_1}
connections:
  classic:
    space: default
    warehouses: [cdp]
    context_columns: [personas_computation_key, traits_email, page_url]
    send:
      - {traits: ["*"], as: [identify, track]}
      - {traits: [born], as: [identify]}
      - audiences: [shopper, tester]
        as: [identify, track]
        event_names: {audience_entered: [Audience Entered, "Came In!"]}
  mail:
    space: default
    source: mail
    warehouses: [cdp]
    null_erases: true
    integration: Mail
    context_columns: none
    columns: {phone: {transform: [sha256]}}
    send:
      - {traits: [revenue, phone, visits], as: [identify]}
      - {audiences: [vip], as: [track]}
activations:
  vip_mapped:
    audience: vip
    warehouses: [cdp]
    table: vip_mapped
    events: [audience_entered, audience_exited, audience_membership_changed]
    event_names: {audience_entered: [Joined]}
    properties: [event_name, user_id]
    mappings:
      - {from: entity.account.id, to: account_id, type: string, required: true, max_chars: 6}
      - {from: entity.account.mrr, to: mrr, type: "decimal(18,2)"}
      - {from: [context.traits.email, properties.email], to: email_hash, type: string, transform: [trim, lower, sha256]}
      - {from: properties.email, to: email_key, type: string, transform: [trim, lower, {hmac_sha256: pepper}]}
      - {from: properties.at, to: at, type: timestamp, transform: [epoch_ms_to_timestamp]}
  cart_steps: {journey: cart, warehouses: [cdp], table: cart_steps}
  won_steps: {journey: cart_won, warehouses: [cdp], table: cart_steps}
  named_steps: {journey: named, warehouses: [cdp], table: named_steps}
  shoppers:
    audience: shopper
    warehouses: [cdp]
    table: shoppers
    emitter_id: act_1
    events: [audience_membership_changed, audience_entered]
"""
SELECTIVE_SYNC = "    selective_sync: {exclude: [trait.churn, audience.tester, table.engage_default.trait_computed]}\n"

TIMES = (
    "2024-01-02T00:00:00Z",
    "2024-01-02T00:00:00.000001Z",
    "2024-01-02T01:00:00+01:00",
    "2024-01-02t05:30:00.123456789z",
    "2024-01-03T00:00:00.000000Z",
)
BAD_TIMES = ("soon", "2024-01-02", "2024-01-02T00:00:00", "2024-02-30T00:00:00Z", "2024-01-02T00:00:60Z", 5, "infinity")
NUMBERS = (
    "0",
    "-7",
    "5",
    "5.0",
    "5.5",
    "1e3",
    "450.00",
    "99999999999999.99",
    "9223372036854775807",
    "9223372036854775808",
)
LONG = ("0.10000000000000000555", "12345678901234567.89", "123456789.123456785", "-1234567890123456.125")


@dataclass(frozen=True)
class Raw:
    """JSON text that goes into a line as it is."""

    text: str


def written(value: Any) -> str:
    """Return JSON text of a value that may hold Raw parts."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


numbers = st.sampled_from(NUMBERS + LONG).map(Raw)
texts = st.sampled_from(
    ("", "gold", "a\nb", "Größe 日本", "true", "a,\"b'", "platinum-plus", "z" * 300, "\u00e9", "\U0001f600")
)
jsons = st.sampled_from(
    ({}, {"b": 1, "a": [True, None, "x"]}, {"a": 9, "c": 0}, [1, 2.5, "y"], {"deep": {"er": {"k": "v"}}}, [Raw("1.10")])
)
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "revenue": numbers,
    "exact": numbers,
    "churn": numbers,
    "visits": st.sampled_from(("1", "2", "2.0", "1e1", "7.5")).map(Raw),
    "plan": texts,
    "phone": st.one_of(texts, st.sampled_from(("+1 5", "+1 6"))),
    "seen_at": st.sampled_from(TIMES),
    "born": st.sampled_from(("1999-12-31", "2000-02-29", "2001-02-29")),
    "prefs": st.one_of(jsons, texts, numbers),
    "blob": st.one_of(jsons, texts),
    "flag": st.booleans(),
    "vip": st.sampled_from((True, False, "true")),
    "shopper": st.sampled_from((True, False, "false", "yes")),
    "tester": st.booleans(),
}
anything = st.one_of(st.none(), st.booleans(), numbers, texts, jsons, st.sampled_from(TIMES))
SPELLINGS = {
    "revenue": ("revenue", "Revenue", "__revenue"),
    "vip": ("vip", "VIP"),
    "seen_at": ("seen_at", "seenAt", "Seen At"),
}
EVENTS = (
    "Audience Entered",
    "Audience Exited",
    "Trait Computed",
    "Came In!",
    "Joined",
    "Entity Added",
    "Reminder",
    "Journey Step Entered",
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A few declared keys in their spellings, mostly with values that fit, and now and then an undeclared one."""
    body: dict[str, Any] = {}
    for key in draw(st.lists(st.sampled_from(sorted(FITTING)), max_size=3)):
        spelled = draw(st.sampled_from(SPELLINGS.get(key, (key,))))
        body[spelled] = draw(st.one_of(FITTING[key], FITTING[key], FITTING[key], anything))
    if draw(st.integers(0, 5)) == 0:
        body[draw(st.sampled_from(("unknown", "user_id", "timestamp", "日本")))] = draw(anything)
    return body


COMPUTATIONS = (
    "revenue",
    "Revenue",
    "visits",
    "vip",
    "shopper",
    "tester",
    "born",
    "cart__step_x1",
    "cart__won__x2",
    "other__y",
    "gone",
    "nobody",
)


@st.composite
def personas(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"computation_key": draw(st.sampled_from(COMPUTATIONS))}
    found["computation_class"] = draw(st.sampled_from(("audience", "trait", "computed_trait", "journey_step")))
    if draw(st.booleans()):
        found[draw(st.sampled_from(("space_id", "namespace")))] = draw(st.sampled_from(("spa_1", "spa_1", "spa_2")))
    found["event_emitter_id"] = draw(st.sampled_from(("act_1", "act_1", "act_2")))
    return found


@st.composite
def messages(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """One message. Its id follows from its number, so that equal ids mean equal messages."""
    kind = draw(
        st.sampled_from(("identify", "identify", "identify", "track", "track", "track", "group", "run_completed"))
    )
    message: dict[str, Any] = {"type": kind}
    if draw(st.integers(0, 9)):
        message["messageId"] = f"m{number}"
    message["userId"] = draw(st.sampled_from(("u1", "u1", "u2", "u3", "", None)))
    if not message["userId"]:
        message["anonymousId"] = f"a{number}"
    message["receivedAt"] = draw(st.sampled_from(TIMES))
    if draw(st.booleans()):
        message["timestamp"] = draw(st.sampled_from((*TIMES, "2024-02-01T00:00:00Z")))
    elif draw(st.booleans()):
        message |= {"sentAt": draw(st.sampled_from(TIMES)), "originalTimestamp": draw(st.sampled_from(TIMES))}
    if draw(st.integers(0, 9)) == 0:
        message[draw(st.sampled_from(("timestamp", "sentAt", "receivedAt")))] = draw(
            st.sampled_from((*BAD_TIMES, None))
        )
    body = draw(bodies())
    if kind == "track":
        message["event"] = draw(st.sampled_from(EVENTS))
        key = draw(st.sampled_from((None, "audience_key", "trait_key")))
        if key is not None:
            body[key] = draw(st.sampled_from(COMPUTATIONS))
        if draw(st.booleans()):
            account = {"id": draw(st.sampled_from(("acc_1", "acc_2", "acc_333", None))), "mrr": draw(numbers)}
            body["data_graph_entity_context"] = {"account": account}
        if draw(st.integers(0, 3)) == 0:
            body |= {
                "journey_metadata": {"journey_id": draw(st.sampled_from(("jou_1", "jou_2")))},
                "journey_context": {"E v": {"x": 1}},
            }
        if draw(st.integers(0, 3)) == 0:
            body |= {
                "email": draw(st.sampled_from((" A@B.c ", "a@b.c", 5))),
                "at": draw(st.sampled_from((1704153600123, "1704153600123", "x"))),
            }
    message["traits" if kind != "track" or draw(st.integers(0, 5)) == 0 else "properties"] = body
    context: dict[str, Any] = {}
    if draw(st.booleans()):
        context["personas"] = draw(personas())
    if draw(st.integers(0, 3)) == 0:
        context |= {"traits": {"email": "x@y.z"}, "page": {"url": "https://e.x/?q=1"}, "ip": "10.0.0.1", "odd": 1}
    if context:
        message["context"] = context
    message["integrations"] = draw(
        st.sampled_from(({"All": False}, {"All": False, "Mail": True}, {"Mail": True, "Other": False}, {}))
    )
    return message


DIRT = (
    b"",
    b"\xff\xfe",
    b'{"type": "identify", "traits": ' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"type": "identify", "traits": {"visits": 1,}}',
    b'{"type": "identify", "traits": {"visits": NaN}}',
    b'{"type": "identify", "type": "track", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"visits": 1}}',
    b'{"type": "identify", "userId": "u1", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"phone": "a\\u0000b"}}',
    b'{"type": "identify", "userId": "u1", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"churn": 1e400}}',
    b"{",
    b"[1, 2]",
    b"17",
    b'"text"',
    b"null",
    b'{"type": "identify", "userId": "u1", "messageId": "m0"',
    b'{"messageId": "x1", "userId": "u1"}',
    b'{"type": "identify", "messageId": 5, "userId": "u1", "traits": {"visits": 1}}',
    b'{"type": "identify", "userId": "u1", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"visits": 1, "visits": 2}}',
    b'{"type": "identify", "userId": "u1", "traits": {"visits": 1}}',
    b'{"type": "identify", "userId": "u\\ud800", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"visits": 1}}',
)


@st.composite
def traffic(draw: st.DrawFn, *, most: int = 12) -> tuple[bytes, ...]:
    """Lines: distinct messages, some of them again, some with a twin that is broken, and dirt."""
    count = draw(st.integers(1, most))
    lines = [written(draw(messages(number))).encode() for number in range(count)]
    lines += [lines[at] for at in draw(st.lists(st.integers(0, count - 1), max_size=3))]
    for at in draw(st.lists(st.integers(0, count - 1), max_size=2)):
        lines.append(lines[at].replace(b'"receivedAt": "2', b'"receivedAt": "soon 2', 1))
    lines += draw(st.lists(st.sampled_from(DIRT), max_size=3))
    return tuple(draw(st.permutations(lines)))


def as_row(line: bytes) -> dict[str, str | None] | None:
    """Return a message as a row of texts, its objects as JSON with the numbers as written; None for what is no message.

    A message without an id is known by the bytes of its line, which a row has not.
    """
    try:
        message = json.loads(line, parse_float=Raw, parse_int=Raw)
    except ValueError:
        return None
    if not isinstance(message, dict) or not isinstance(message.get("messageId"), str):
        return None
    return {key: value if value is None or isinstance(value, str) else written(value) for key, value in message.items()}
