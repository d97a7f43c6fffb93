"""One applied project in one open warehouse, for many cases of a law."""

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import HealthCheck, Phase, settings

from engagectl import api
from engagectl.config.keys import all_hmac_keys
from engagectl.config.project import Project
from engagectl.journal.applied import read_feeds
from engagectl.model.feed import Feed
from engagectl.sync.passes import Silent, SyncOptions, sync
from engagectl.sync.report import SyncReport
from engagectl.warehouses.contract import Connection
from tests.reference.play import Tables
from tests.reference.tables import differences
from tests.scenarios.house import House

PEPPER = "pâte"
KEPT = ("meta", "feeds", "ownership", "names", "applies", "steps")
COMPRESS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
CASES = int(os.environ.get("ENGAGECTL_PROPERTY_CASES", "6"))


class Field:
    """One applied project in one open warehouse, emptied before each case: the process stays warm."""

    def __init__(self, house: House, project: Project, connection: Connection, feeds: tuple[Feed, ...]) -> None:
        self.house, self.project, self.connection, self.feeds = house, project, connection, feeds

    def empty(self) -> None:
        for path in (self.house.root / "data").iterdir():
            path.unlink()
        tables = self.connection.query(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema', 'main', 'public', 'pg_temp')"
        )
        for schema, table in tables:
            if not (schema == "engagectl" and table in KEPT) and not schema.startswith("pg_"):
                self.connection.execute(f'DELETE FROM "{schema}"."{table}"')

    def write(self, name: str, lines: Sequence[bytes], form: str = "plain") -> None:
        path = self.house.root / "data" / name
        path.write_bytes(COMPRESS[form](b"".join(line + b"\n" for line in lines)))

    def sync(self, **options: object) -> SyncReport:
        return sync(
            self.project,
            connections={self.connection.warehouse: self.connection},
            options=SyncOptions(keys=all_hmac_keys(self.project, os.environ), **options),  # type: ignore[arg-type]  # each law gives known options
            clock=lambda: datetime.now(UTC),
            progress=Silent(),
        )

    def differences(self, expected: Tables) -> list[str]:
        return differences(self.connection, self.feeds, expected)


@contextmanager
def field_of(house: House, yaml: str, *, settings: str = "") -> Iterator[Field]:
    house.write(yaml, settings=settings)
    (house.root / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGAGECTL_PROPERTY_PEPPER", PEPPER)
        house.apply()
        with api.connected(house.project, command="test", read_only=False) as connections:
            (connection,) = connections.values()
            feeds = tuple(one.feed for one in read_feeds(connection, "engagectl"))
            yield Field(house, house.project, connection, feeds)


DUCKDB = "    type: duckdb\n    path: ./acme.duckdb\n"
POSTGRES = "    type: postgres\n    dsn: {$env: ENGAGECTL_PROPERTY_DSN}\n"
law = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="ENGAGECTL_PROPERTY_CASES" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    phases=(Phase.explicit, Phase.generate, *((Phase.shrink,) if "ENGAGECTL_PROPERTY_SHRINK" in os.environ else ())),
)
