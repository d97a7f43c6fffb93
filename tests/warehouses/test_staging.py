"""Stage files hold what was staged, lie where nobody else can read them, and are gone afterwards."""

import gzip
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from engagectl.errors import StatementError
from engagectl.warehouses.staging import Format, files_of, forget, open_stage, private_folder, run


class Owner:
    """What a stage belongs to."""


@pytest.fixture
def folder() -> Iterator[Path]:
    owner = Owner()
    yield private_folder(owner)
    del owner


@pytest.fixture
def stage(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_stage(folder, memory_mb=128) as opened:
        yield opened


def test_a_folder_is_its_users_alone_and_ends_with_its_owner() -> None:
    owner = Owner()
    folder = private_folder(owner)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    del owner
    assert not folder.exists()


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_rows_are_cut_into_files_and_none_is_lost(
    stage: duckdb.DuckDBPyConnection, folder: Path, format: Format
) -> None:
    select = "SELECT i, md5(CAST(i AS VARCHAR)) AS t FROM range(200000) AS r(i)"
    with files_of(stage, folder, select, format=format, file_bytes=1 << 20) as files:
        assert files.rows == 200_000
        assert len(files.paths) > 2
        assert files.bytes == sum(path.stat().st_size for path in files.paths)
        read = "read_parquet" if format == "parquet" else "read_csv"
        more = "" if format == "parquet" else ", names = ['i', 't'], header = false, buffer_size = 1048576"
        listed = ", ".join(f"'{path}'" for path in files.paths)
        found = run(stage, f"SELECT count(DISTINCT i), count(DISTINCT t), sum(i) FROM {read}([{listed}]{more})")
        assert found == [(200_000, 200_000, 199_999 * 100_000)]
    assert list(folder.iterdir()) == []


def test_an_empty_text_is_no_null_and_no_rows_give_no_file(stage: duckdb.DuckDBPyConnection, folder: Path) -> None:
    with files_of(stage, folder, "SELECT 1 AS a, '' AS b, NULL AS c, 'x\"y' AS d", format="csv") as files:
        assert gzip.decompress(files.paths[0].read_bytes()) == b'"1","",,"x""y"\n'
    with files_of(stage, folder, "SELECT 1 AS a WHERE false", format="csv") as files:
        assert (files.paths, files.rows, files.bytes) == ((), 0, 0)


def test_files_are_removed_after_an_error_too(stage: duckdb.DuckDBPyConnection, folder: Path) -> None:
    with pytest.raises(KeyError), files_of(stage, folder, "SELECT 1 AS a", format="parquet") as files:
        raise KeyError(files.rows)
    with (
        pytest.raises(StatementError, match="refused a statement"),
        files_of(stage, folder, "SELECT CAST(t AS INTEGER) AS a FROM (VALUES ('S3CRET')) AS v(t)", format="csv"),
    ):
        pass
    assert list(folder.iterdir()) == []


def test_a_stage_reaches_its_folder_only_and_forgets_a_chunk(stage: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    with pytest.raises(StatementError) as caught:
        run(stage, f"SELECT * FROM '{tmp_path}/other.csv'")
    assert "PermissionException" in caught.value.message
    run(stage, "CREATE TEMP TABLE ec_chunk AS SELECT 1 AS a")
    run(stage, "CREATE TEMP TABLE eu_1 AS SELECT 1 AS a")
    forget(stage)
    assert run(stage, "SELECT table_name FROM duckdb_tables() ORDER BY 1") == [("eu_1",)]
