"""The seed's example on Redshift's own driver: PostgreSQL behind the proxy, and an S3 server for what COPY reads."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import pytest

from engagectl.errors import RefusedError
from tests.scenarios.house import SPACE, House, identify
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
