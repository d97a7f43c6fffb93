"""SQL that would read files, reach the network or change the session's rules: refused by every DuckDB that we open."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from engagectl.errors import StatementError
from engagectl.sync.inputs.parquet import _reader
from engagectl.warehouses.postgres.load import PostgresLoader
from engagectl.warehouses.registry import warehouse
from tests.warehouses.test_duckdb_file import connect

ESCAPES = (
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM read_json('https://example.com/x.json')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "COPY (SELECT 1) TO '/tmp/engagectl-escape.csv'",
    "EXPORT DATABASE '/tmp/engagectl-escape'",
    "ATTACH '/tmp/engagectl-escape.duckdb'",
    "INSTALL httpfs",
    "LOAD '/tmp/engagectl-escape.duckdb_extension'",
    "SET enable_external_access = true",
    "SET GLOBAL allow_unsigned_extensions = true",
    "SET allowed_directories = ['/']",
    "RESET enable_external_access",
    "SET temp_directory = '/etc'",
    "PRAGMA enable_external_access",
    "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "SET lock_configuration = false",
)


@pytest.mark.parametrize("read_only", [True, False])
def test_the_session_of_a_file_is_shut(tmp_path: Path, read_only: bool) -> None:
    connect(tmp_path).close()
    with connect(tmp_path, read_only=read_only) as session:
        for sql in ESCAPES:
            with pytest.raises(StatementError):
                session.query(sql)


def test_the_reader_of_parquet_sees_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with _reader(tmp_path / "in" / "x.parquet") as reader:
        for sql in (*ESCAPES, f"SELECT * FROM read_csv('{tmp_path}/in/../secret.csv')"):
            with pytest.raises(duckdb.Error):
                reader.execute(sql).fetchall()
    assert not list(Path("/tmp").glob("engagectl-escape*"))  # noqa: S108  where the escapes would have written


@pytest.mark.postgres
def test_the_stage_of_postgres_writes_into_its_pipe_alone(postgres_dsn: str) -> None:
    session: Any = warehouse("postgres").connect(
        SimpleNamespace(),
        "pg",
        secrets={"dsn": postgres_dsn},
        root=Path(),
        read_only=False,
        lock_timeout_s=0,
        command="test",
    )
    with session:
        stage = PostgresLoader(session, "engagectl").stage
        for sql in ESCAPES:
            with pytest.raises(duckdb.Error):
                stage.execute(sql).fetchall()
