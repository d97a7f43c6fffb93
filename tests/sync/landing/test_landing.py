"""A warehouse that takes the objects itself gives the tables that the client gives, cell for cell."""

import gzip
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagectl import api
from engagectl.warehouses.contract import Connection, Loader, UsersFold
from engagectl.warehouses.landing import Remembered
from tests.properties.field import CASES, KEPT, law
from tests.properties.messages import traffic
from tests.scenarios.house import House, identify, track
from tests.sync.landing.play import BUCKET, counted, put, run, snapshot
from tests.sync.landing.reference import DuckdbLanding, DuckdbWords

YAML = f"""
inputs:
  events: {{files: ["{BUCKET}*"]}}
spaces:
  default: {{slug: default, space_id: spa_1, sources: {{main: {{input: events}}}}}}
traits:
  revenue: {{space: default, kind: event, type: "decimal(18,2)"}}
  churn: {{space: default, kind: ml, type: float}}
  visits: {{space: default, kind: event, type: integer}}
  plan: {{space: default, kind: sql, type: string, max_chars: 8}}
  seen_at: {{space: default, kind: event, type: timestamp}}
  born: {{space: default, kind: sql, type: date}}
  prefs: {{space: default, kind: sql, type: json_text}}
audiences:
  vip: {{space: default, kind: linked, entity: account}}
  shopper: {{space: default, kind: profile}}
journeys:
  cart: {{space: default, kind: event_triggered}}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send:
      - {{traits: ["*"], as: [identify, track]}}
      - {{audiences: [shopper], as: [identify, track]}}
activations:
  vip_mapped:
    audience: vip
    warehouses: [cdp]
    table: vip_mapped
    mappings:
      - {{from: entity.account.id, to: account_id, type: string, required: true, max_chars: 6}}
      - {{from: [context.traits.email, properties.email], to: email, type: string, transform: [trim, lower, sha256]}}
  cart_steps: {{journey: cart, warehouses: [cdp], table: cart_steps}}
"""
DUCKDB = "    type: duckdb\n    path: ./acme.duckdb\n"


def lines(*messages: Mapping[str, Any] | bytes, end: bytes = b"\n") -> bytes:
    """Return compact lines, as Segment writes them."""
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one, separators=(",", ":"), ensure_ascii=False).encode()) + end
        for one in messages
    )


class Both:
    """The same project in two folders: one is loaded by the client, the other by the warehouse."""

    def __init__(self, root: Path, yaml: str = YAML) -> None:
        self.houses = (House(root / "client", DUCKDB), House(root / "warehouse", DUCKDB))
        self.landings: list[DuckdbLanding] = []
        self.words = DuckdbWords()
        put({})
        client, other = self.houses
        client.root.mkdir()
        client.write(yaml)
        client.apply()
        shutil.copytree(client.root, other.root)

    def load(self, objects: Mapping[str, bytes]) -> int:
        """Load objects both ways, compare everything, and return how many lines the warehouse judged."""
        put(objects)
        client, other = self.houses
        first, second = run(client, None, objects), run(other, self._landing, objects)
        assert counted(second) == counted(first)
        assert snapshot(other) == snapshot(client)
        return self.landings[-1].judged

    def empty(self) -> None:
        """Delete what was loaded."""
        for house in self.houses:
            with api.connected(house.project, command="test", read_only=False) as connections:
                (connection,) = connections.values()
                for schema, table in connection.query("SELECT schema_name, table_name FROM duckdb_tables()"):
                    if schema != "engagectl" or table not in KEPT:
                        connection.execute(f'DELETE FROM "{schema}"."{table}"')

    def _landing(self, connection: Connection, loader: Loader, objects: Mapping[str, bytes]) -> DuckdbLanding:
        del connection
        self.landings.append(DuckdbLanding(loader, {url: unpacked(data) for url, data in objects.items()}))
        self.landings[-1].words = self.words
        return self.landings[-1]


def unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("landing"))


@pytest.fixture
def both(applied: Both) -> Both:
    applied.empty()
    return applied


def persona(key: str, **more: str) -> dict[str, Any]:
    return {"personas": {"computation_key": key, "computation_class": "audience", **more}}


ENTITY = {"data_graph_entity_context": {"account": {"id": "acc_1"}}}
PLAIN: tuple[Mapping[str, Any], ...] = (
    identify(1, {"revenue": 450.5, "visits": 3, "plan": "gold", "prefs": {"b": 1, "a": [True, None, 2.0]}}),
    identify(2, {"revenue": 12, "churn": 0.25, "born": "1999-12-31", "seen_at": "2024-01-01T01:00:00+01:00"}),
    identify(3, {"shopper": True}, context=persona("shopper", space_id="spa_1")),
    identify(4, {"shopper": False}, user=None, context=persona("shopper")),
    identify(5, {"revenue": 7}, context=persona("revenue", namespace="spa_2")),
    identify(6, {"unknown": 1, "Other Key": "x"}),
    identify(7, {"gone": True}, context=persona("gone")),
    track(8, "Audience Entered", {"audience_key": "shopper", "shopper": True}),
    track(9, "Trait Computed", {"trait_key": "visits", "visits": 4}),
    track(10, "Reminder", {"audience_key": "shopper", "shopper": True}),
    track(11, "Audience Entered", {"vip": True, "email": " A@B.c ", **ENTITY}, context=persona("vip")),
    track(12, "Journey Step Entered", {"journey_context": {"x": 1}}, context=persona("cart__one")),
    {"type": "group", "messageId": "m13", "userId": "u", "timestamp": "2024-01-02T00:00:00Z"},
    identify(1, {"revenue": 450.5, "visits": 3, "plan": "gold", "prefs": {"b": 1, "a": [True, None]}}),
    identify(14, {"visits": 9}, timestamp="2024-03-01T00:00:00Z"),
    identify(15, {"plan": "Größe 日", "visits": None}),
    identify(16, {"plan": 'a\n"b\\\t'}),
)


def test_plain_messages_never_pass_through_the_client(both: Both) -> None:
    assert both.load({"a.json": lines(*PLAIN)}) == len(PLAIN)


def raw(number: int, traits: str, more: str = "") -> bytes:
    """Return an identify with the JSON text of its traits as it is."""
    said = f'{{"type":"identify","messageId":"x{number}","userId":"u1","timestamp":"2024-01-02T00:00:00Z",'
    return f'{said}{more}"traits":{{{traits}}}}}'.encode()


ODD: tuple[Mapping[str, Any] | bytes, ...] = (
    b"",
    b"{",
    raw(1, '"visits":1,'),
    raw(2, '"churn":NaN'),
    raw(3, '"visits":1,"visits":2'),
    raw(4, '"visits":1', '"type":"track",'),
    raw(5, '"visits":1.50'),
    raw(6, '"revenue":12345678901234567.89'),
    raw(7, '"visits":1e3,"plan":1.50'),
    raw(8, '"plan":"a\\u0000b"'),
    raw(9, '"a\\nb":1,"visits":-0'),
    raw(10, '"visits":01'),
    raw(11, '"prefs":{"b":1.50}'),
    raw(12, '"churn":0.00001,"plan":"a\tb"'),
    identify(30, {"visits": "many", "revenue": 5}),
    identify(31, {"plan": "platinum-plus", "seen_at": "soon", "born": "2001-02-29"}),
    identify(32, {"visits": 3}, timestamp="soon"),
    {**identify(33, {"visits": 3}), "userId": 5},
    {"type": "identify", "userId": "u2", "receivedAt": "2024-01-02T00:00:00Z", "traits": {"visits": 1}},
    identify(3, {"shopper": True}, context=persona("shopper", space_id="spa_1")),
    track(34, "Audience Entered", {"audienceKey": "shopper", "shopper": True}),
    track(35, "Audience Entered", {"vip": True}, context=persona("vip")),
)


def test_what_is_odd_is_the_clients_and_keeps_its_place(both: Both) -> None:
    twin = identify(2, {"revenue": 12, "churn": "x", "born": "1999-12-31"})  # of a plain one, and before it
    objects = {
        "a.json": lines(ODD[0], twin, *PLAIN[:3], *ODD[1:9]),
        "b.json": lines(*PLAIN[3:7]),
        "c.json.gz": gzip.compress(lines(*PLAIN[6:], *ODD[9:])),
        "d.json": lines(PLAIN[0], *ODD[4:6]).removesuffix(b"\n"),
        "e.json": b"",
        "f.json": lines(PLAIN[1], ODD[7], end=b"\r\n"),
        "g.json": lines(PLAIN[5]) + b"\xff\xfe\n",
    }
    assert both.load(objects) > len(PLAIN) // 2
    ((found,),) = both.houses[1].query("SELECT count(*) FROM engagectl.quarantine")
    assert found > 10


class Apart(DuckdbWords):
    """An engine that writes no document as it was sent: what was sent is found in the line."""

    def contains(self, text: str, part: str) -> str:
        return "false" if part.startswith("(':'") else super().contains(text, part)


def test_a_document_keeps_the_order_of_its_keys(both: Both) -> None:
    documents: list[Any] = [
        {"b": {"z": [1, {"y": "}"}], "a": 0.5}, "a": [], "c": 'x"y'},
        [{"b": 1, "a": []}],
        {},
        {"a": {"b": {"c": {"d": {}}}}},
        {"prefs": {"a": 1}},
        {"a": "é, è"},
    ]
    messages = [identify(60 + n, {"prefs": one}) for n, one in enumerate(documents)]
    both.words = Apart()
    assert both.load({"a.json": lines(*messages)}) == 2
    both.words = DuckdbWords()


def test_an_object_is_read_once_and_told_when_it_is_replaced(both: Both) -> None:
    objects = {"a.json": lines(*PLAIN, *ODD)}
    both.load(objects)
    assert both.load(objects | {"b.json": lines(*PLAIN, identify(40, {"visits": 1}))}) == len(PLAIN) + 1
    replaced = {"a.json": lines(PLAIN[0])}
    put(replaced)
    again = run(both.houses[1], both._landing, replaced)
    assert not any(counts.read for counts in again.feeds.values())
    assert {left.code for left in again.left_out} == {"EC720"}


class Crash(Exception):  # noqa: N818  it stands for one
    """The program ends here."""


class Broken(DuckdbLanding):
    """Ends the program in the transaction of a chunk, then in that of users, when the statements were sent."""

    points: ClassVar[list[str]] = []

    def remember(self, feeds: Sequence[Remembered]) -> None:
        super().remember(feeds)
        self._end("chunk")

    def fold_users(self, fold: UsersFold, select: str) -> int:
        rows = super().fold_users(fold, select)
        self._end("users")
        return rows

    def _end(self, point: str) -> None:
        if self.points and self.points[0] == point:
            self.points.pop(0)
            raise Crash


def test_after_a_crash_each_message_is_there_once(both: Both) -> None:
    objects = {"a.json": lines(*PLAIN, *ODD)}
    put(objects)
    client, other = both.houses
    Broken.points[:] = ["chunk", "users"]
    for _ in range(2):
        with pytest.raises(Crash):
            run(other, lambda _, loader, urls: Broken(loader, urls), objects)
    run(other, both._landing, objects)
    run(client, None, objects)
    assert snapshot(other) == snapshot(client)


def test_who_was_erased_stays_so(tmp_path: Path) -> None:
    both = Both(tmp_path)
    for house in both.houses:
        api.erase(house.project, "u123", forever=True, confirm=lambda _: True)
    objects = {"b.json": lines(identify(4, {"visits": 1}), *PLAIN[1:3])}
    assert both.load(objects) == 0
    ((left,),) = both.houses[1].query("SELECT count(*) FROM engage_default.identifies")
    assert left == 0


def test_what_a_feed_is_extended_for_is_the_clients(tmp_path: Path) -> None:
    both = Both(tmp_path, YAML.replace("    send:", "    on_undeclared: add_column\n    send:", 1))
    messages = [*PLAIN, identify(70, {"visits": 1, "colour": "red"}), identify(71, {"visits": 2})]
    assert both.load({"a.json": lines(*messages)}) > 0
    assert ("m70", "red") in both.houses[1].rows("engage_default.identifies", "id, colour", order="1")


@settings(law, max_examples=max(2, CASES // 3))
@given(cases=st.lists(traffic(), min_size=1, max_size=3), is_compact=st.booleans())
def test_any_traffic_gives_what_the_client_gives(
    applied: Both, cases: list[tuple[bytes, ...]], is_compact: bool
) -> None:
    applied.empty()
    applied.load(
        {
            f"{n}.json": b"".join(compact(line) if is_compact else line + b"\n" for line in some)
            for n, some in enumerate(cases)
        }
    )


def compact(line: bytes) -> bytes:
    """Return a line without the space behind its commas and colons."""
    return line.replace(b", ", b",").replace(b": ", b":") + b"\n"
