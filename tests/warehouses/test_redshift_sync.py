"""The seed's example on Redshift's own driver: PostgreSQL behind the proxy, and an S3 server for what COPY reads."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import psycopg
import pytest

from engagectl import api
from engagectl.errors import RefusedError
from engagectl.journal.quarantine import list_entries
from tests.scenarios.house import SPACE, House, identify, track
from tests.warehouses.contract import redshift_proxy
from tests.warehouses.contract.engine import free_port, server
from tests.warehouses.contract.engines.redshift import place

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def emulator(postgres_server: str) -> Iterator[redshift_proxy.Emulator]:
    port = free_port()
    command = [sys.executable, "-c", f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"]
    with (
        server(command, port=port),
        redshift_proxy.running(postgres_server, f"http://127.0.0.1:{port}") as emulator,
    ):
        yield emulator


@pytest.fixture
def house(emulator: redshift_proxy.Emulator, request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(tmp_path, place(emulator.address, request))


def test_what_was_staged_is_stored_once_and_gone_from_s3(house: House, emulator: redshift_proxy.Emulator) -> None:
    house.write(SPACE)
    house.messages(
        identify(1, {"first_time_shopper": True}),
        identify(2, {"total_revenue_180_days": 450.00}),
        identify(2, {"total_revenue_180_days": 450.00}),
    )
    house.apply()
    house.sync()
    house.messages(identify(1, {"first_time_shopper": True}), name="data/again.jsonl")
    again = house.sync()
    assert sum(sum(counts.tables.values()) for counts in again.feeds.values()) == 0
    columns = "id, first_time_shopper, total_revenue_180_days"
    assert house.rows("engage_default.identifies", columns) == [("m1", True, None), ("m2", None, Decimal("450.00"))]
    assert house.rows("engage_default.users", columns) == [("u123", True, Decimal("450.00"))]
    copies = [sql for sql in emulator.sent if sql.startswith("COPY")]
    assert copies
    assert all(" IAM_ROLE DEFAULT MANIFEST FORMAT AS CSV GZIP NULL AS 'ec-" in sql for sql in copies)
    left = boto3.client("s3", endpoint_url=emulator.s3).list_objects_v2(
        Bucket=house.warehouse.split("s3://")[1].split("/")[0]
    )
    assert left["KeyCount"] == 0


def test_without_a_place_in_s3_a_sync_is_refused(house: House) -> None:
    house.warehouse = house.warehouse[: house.warehouse.index("    staging")]
    house.write(SPACE)
    house.apply()
    with pytest.raises(RefusedError, match="names no place there") as caught:
        house.sync()
    assert (caught.value.code, caught.value.exit_code) == ("EC504", 4)


LONG = "x" * 70_000  # a VARCHAR holds 65,535 bytes
WIDE = (
    SPACE.replace("audiences:\n", "  motto: {space: default, kind: event, type: string}\naudiences:\n", 1)
    + "activations:\n  log:\n    audience: first_time_shopper\n    warehouses: [cdp]\n    table: log\n"
    "    mappings: [{from: properties.cart, to: cart, type: json_text}]\n"
)
ENTERED = {"audience_key": "first_time_shopper", "first_time_shopper": True}


def _entries(house: House) -> list[tuple[str, str, str, str, int]]:
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return sorted(
            (one.message_id, one.column, one.reason, one.content_kind, one.length)
            for one in list_entries(connection, "engagectl", project="acme")
            if not one.feed.startswith("users.")
        )


def test_what_a_varchar_cannot_hold_is_quarantined_and_the_rest_loads(house: House) -> None:
    house.write(WIDE)
    house.messages(
        identify(1, {"motto": LONG, "first_time_shopper": True}),
        identify(2, {"motto": "é" * 32_767}),
        identify(3, {"motto": "short"}, user=LONG),
        identify(4, {"motto": LONG}, timestamp="yesterday"),
        track(5, "Audience Entered", {**ENTERED, "cart": {"items": LONG}}),
    )
    house.apply()
    report = house.sync()
    assert not report.left_out
    assert all(counts.balanced for counts in report.feeds.values())
    assert house.rows("engage_default.identifies", "id, first_time_shopper, LENGTH(motto)") == [
        ("m1", True, None),
        ("m2", None, 32_767),
    ]
    assert house.rows("engage_default.users", "id, LENGTH(motto)") == [("u123", 32_767)]
    assert house.rows("default.log", "id, cart") == [("m5", None)]
    whole = 70_000 + 200
    found = {(id_, column, reason, kind) for id_, column, reason, kind, length in _entries(house) if length < whole}
    assert found == {
        ("m1", "motto", "does_not_fit", "sha256"),
        ("m3", "", "too_long", "sha256"),
        ("m4", "", "no_time", "sha256"),
        ("m5", "cart", "does_not_fit", "sha256"),
    }


def test_a_row_that_copy_refuses_is_quarantined_and_put_back(house: House, emulator: redshift_proxy.Emulator) -> None:
    house.write(SPACE)
    house.apply()
    past_the_proxy = {"dbname": house.project.spec.warehouses["local"].database, "autocommit": True}
    alter = "ALTER TABLE engage_default.identifies ALTER COLUMN first_time_shopper {} NOT NULL"
    with psycopg.connect(emulator.server, **past_the_proxy) as admin:
        admin.execute(alter.format("SET").encode())
    house.messages(*(identify(n, {"first_time_shopper": True} if n != 5 else {}, user=f"u{n}") for n in range(9)))
    house.messages(identify(5, {"total_revenue_180_days": 1}, user="u5"), name="data/b.jsonl")
    report = house.sync()
    assert not report.left_out
    assert all(counts.balanced for counts in report.feeds.values())
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 8
    assert [(id_, reason) for id_, _, reason, _, _ in _entries(house)] == [("m5", "refused_XX000")]
    with psycopg.connect(emulator.server, **past_the_proxy) as admin:
        admin.execute(alter.format("DROP").encode())
    assert api.replay_quarantine(house.project).messages == 2  # users had its own entry
    assert len(house.rows("engage_default.identifies", "id", order="1")) == 9
    left = boto3.client("s3", endpoint_url=emulator.s3).list_objects_v2(
        Bucket=house.warehouse.split("s3://")[1].split("/")[0]
    )
    assert left["KeyCount"] == 0


def test_a_feed_whose_applied_state_no_varchar_holds_is_applied_and_loaded(house: House) -> None:
    many = "".join(f"  t{n}_{'x' * 50}: {{space: default, kind: event, type: string}}\n" for n in range(120))
    house.write(SPACE.replace("audiences:\n", f"{many}audiences:\n", 1))
    house.apply()
    assert house.plan().steps == ()
    house.messages(identify(1, {f"t7_{'x' * 50}": "seven"}))
    assert house.sync().exit_code == 0
    assert house.rows("engage_default.users", f"id, t7_{'x' * 50}") == [("u123", "seven")]
    ((longest,),) = house.query("SELECT MAX(LENGTH(content)) FROM engagectl.meta")
    assert longest > 16_000
    assert house.drift().steps == ()
