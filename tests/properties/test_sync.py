"""The laws of sync: for any traffic, cut and ordered in any way, the tables are those of the slow reference."""

import gzip
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engagectl import api
from engagectl.config.project import Project
from engagectl.journal.applied import read_feeds
from engagectl.model.feed import Feed
from engagectl.sync.passes import Silent, SyncOptions, sync
from engagectl.sync.report import SyncReport
from engagectl.warehouses.contract import Connection
from tests.properties.messages import SELECTIVE_SYNC, YAML, traffic
from tests.reference.play import Tables, play
from tests.reference.tables import differences, kept
from tests.scenarios.house import House

pytestmark = pytest.mark.property
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
            options=SyncOptions(**options),  # type: ignore[arg-type]  # each law gives known options
            clock=lambda: datetime.now(UTC),
            progress=Silent(),
        )

    def differences(self, expected: Tables) -> list[str]:
        return differences(self.connection, self.feeds, expected)


@contextmanager
def _field(house: House) -> Iterator[Field]:
    house.write(YAML, settings=SELECTIVE_SYNC)
    (house.root / "data").mkdir()
    house.apply()
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        feeds = tuple(one.feed for one in read_feeds(connection, "engagectl"))
        yield Field(house, house.project, connection, feeds)


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Field]:
    with tempfile.TemporaryDirectory() as folder, _field(House(Path(folder), DUCKDB)) as found:
        yield found


@pytest.fixture(scope="module")
def on_postgres(postgres_database: str) -> Iterator[Field]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGAGECTL_PROPERTY_DSN", postgres_database)
        with _field(House(Path(folder), POSTGRES)) as found:
            yield found


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


@st.composite
def cuts(draw: st.DrawFn) -> list[tuple[str, str, list[bytes]]]:
    """Traffic in files, each in one form: (name, form, lines)."""
    lines = list(draw(traffic()))
    files: dict[str, tuple[str, list[bytes]]] = {}
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
    for line in lines:
        name = draw(st.sampled_from(names))
        files.setdefault(name, (draw(st.sampled_from(sorted(COMPRESS))), []))[1].append(line)
    return [(name, form, inside) for name, (form, inside) in files.items()]


Reports = list[SyncReport]


def _fates(reports: Reports) -> dict[str, Counter[str]]:
    """Sum what the reports say, in the words of the reference."""
    found: dict[str, Counter[str]] = {}
    for report in reports:
        assert not report.left_out
        for counts in report.feeds.values():
            assert counts.balanced
            name = f"{counts.feed.kind}.{counts.feed.name}"
            said = Counter({"inserted": counts.inserted, "duplicate": counts.duplicate})
            said += Counter({f"filtered:{why}": number for why, number in counts.filtered.items()})
            said["quarantined"] += counts.quarantined
            found[name] = found.get(name, Counter()) + said
    return found


def _expected_fates(expected: Tables) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for feed, fates in expected.fates.items():
        found[feed] = Counter()
        for fate, number in fates.items():
            found[feed]["quarantined" if fate.startswith("quarantined") else fate] += number
    return found


def _check(field: Field, files: Sequence[tuple[str, str, list[bytes]]], reports: Reports) -> None:
    expected = play(field.feeds, [line for _, _, lines in files for line in lines])
    assert field.differences(expected) == []
    assert _fates(reports) == _expected_fates(expected)
    assert kept(field.connection) == expected.kept
    unbalanced = "read <> inserted + duplicate + filtered + quarantined"
    assert field.connection.query(f"SELECT * FROM engagectl.loads WHERE {unbalanced}") == []


def _in_any_cut(field: Field, files: list[tuple[str, str, list[bytes]]], chunk_bytes: int) -> None:
    field.empty()
    for name, form, lines in files:
        field.write(name, lines, form)
    report = field.sync(chunk_bytes=chunk_bytes)
    _check(field, files, [report])
    again = field.sync()
    assert (again.inserted, again.chunks) == (0, 0)


def _feeds_apart(field: Field, files: list[tuple[str, str, list[bytes]]], first: list[str]) -> None:
    """Feeds that run alone, and files that come later, end at the same tables."""
    field.empty()
    field.write(files[0][0], files[0][2], files[0][1])
    reports = [field.sync(select=tuple(first))] if first else []
    for name, form, lines in files[1:]:
        field.write(name, lines, form)
    reports.append(field.sync())
    _check(field, files, reports)


FEEDS = ("connection.classic", "connection.mail", "activation.*_steps", "activation.*", "users.default.*")
chunk_sizes = st.sampled_from((1500, 4000, 64 << 20))
chosen = st.lists(st.sampled_from(FEEDS), max_size=2, unique=True)


@law
@given(files=cuts(), chunk_bytes=chunk_sizes)
def test_any_cut_gives_the_reference_tables_on_duckdb(
    on_duckdb: Field, files: list[tuple[str, str, list[bytes]]], chunk_bytes: int
) -> None:
    _in_any_cut(on_duckdb, files, chunk_bytes)


@pytest.mark.postgres
@law
@given(files=cuts(), chunk_bytes=chunk_sizes)
def test_any_cut_gives_the_reference_tables_on_postgres(
    on_postgres: Field, files: list[tuple[str, str, list[bytes]]], chunk_bytes: int
) -> None:
    _in_any_cut(on_postgres, files, chunk_bytes)


@law
@given(files=cuts(), first=chosen)
def test_feeds_run_apart_give_the_reference_tables_on_duckdb(
    on_duckdb: Field, files: list[tuple[str, str, list[bytes]]], first: list[str]
) -> None:
    _feeds_apart(on_duckdb, files, first)


@pytest.mark.postgres
@law
@given(files=cuts(), first=chosen)
def test_feeds_run_apart_give_the_reference_tables_on_postgres(
    on_postgres: Field, files: list[tuple[str, str, list[bytes]]], first: list[str]
) -> None:
    _feeds_apart(on_postgres, files, first)
