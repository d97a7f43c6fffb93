"""The laws of sync: for any traffic, cut and ordered in any way, the tables are those of the slow reference."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagectl.sync.report import SyncReport
from tests.properties.field import CASES, COMPRESS, DUCKDB, PEPPER, POSTGRES, Field, field_of, law
from tests.properties.messages import SELECTIVE_SYNC, YAML, as_row, traffic
from tests.reference.play import Tables, play
from tests.reference.tables import kept
from tests.scenarios.house import House

pytestmark = pytest.mark.property


def _field(house: House) -> AbstractContextManager[Field]:
    return field_of(house, YAML, settings=SELECTIVE_SYNC)


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Field]:
    with (
        tempfile.TemporaryDirectory() as folder,
        _field(House(Path(folder), DUCKDB)) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def on_postgres(postgres_database: str) -> Iterator[Field]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGAGECTL_PROPERTY_DSN", postgres_database)
        with _field(House(Path(folder), POSTGRES)) as found:
            yield found


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
    keys = {"pepper": PEPPER.encode()}
    expected = play(field.feeds, [line for _, _, lines in files for line in lines], keys=keys)
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


def _as_parquet(field: Field, lines: list[bytes], row_group_size: int) -> None:
    """Rows of a Parquet file are messages like the lines that they were made of."""
    field.empty()
    rows = [row for line in lines if (row := as_row(line)) is not None]
    kept = [line for line in lines if as_row(line) is not None]
    if not rows:
        return
    names = sorted({name for row in rows for name in row})
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    path = field.house.root / "data/rows.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    _check(field, [("rows", "parquet", kept)], [field.sync(chunk_bytes=1000)])
    assert field.sync().inserted == 0


lines = traffic(most=16).map(list)
law_of_rows = settings(law, max_examples=max(1, CASES // 2))


@law_of_rows
@given(lines=lines, row_group_size=st.sampled_from((3, 1000)))
def test_rows_of_parquet_are_the_messages_of_their_lines_on_duckdb(
    on_duckdb: Field, lines: list[bytes], row_group_size: int
) -> None:
    _as_parquet(on_duckdb, lines, row_group_size)


@pytest.mark.postgres
@law_of_rows
@given(lines=lines, row_group_size=st.sampled_from((3, 1000)))
def test_rows_of_parquet_are_the_messages_of_their_lines_on_postgres(
    on_postgres: Field, lines: list[bytes], row_group_size: int
) -> None:
    _as_parquet(on_postgres, lines, row_group_size)
