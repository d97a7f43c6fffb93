"""Where chunks are staged for engines other than DuckDB: a locked-down DuckDB in memory, and files of its rows.

The files lie in a private folder that only this user can enter; a folder ends with what opened it, an error or not.
"""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engagectl.engine import duckdb
from engagectl.errors import StatementError

Format = Literal["parquet", "csv"]
FILE_BYTES = 128 << 20
"""About the size of one file: what warehouses ask for, so that they can load several side by side."""
_ROW_GROUP = 65_536
_OPTIONS: dict[Format, str] = {
    "parquet": f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}",
    # every value is quoted and a null is not, so an empty text is no null
    "csv": "FORMAT csv, COMPRESSION gzip, HEADER false, FORCE_QUOTE *",
}
_ENDING: dict[Format, str] = {"parquet": "parquet", "csv": "csv.gz"}


@dataclass(frozen=True, slots=True)
class Files:
    """What a SELECT over the stage was written to: `rows` are those of all the files, which may be none."""

    paths: tuple[Path, ...]
    rows: int

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths)


def private_folder(owner: object) -> Path:
    """Return a new folder of mode 0700 that is removed with its owner, or at the end of the process."""
    folder = tempfile.mkdtemp(prefix="engagectl-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def open_stage(folder: Path, *, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that reaches nothing but this folder: no other file, no network, no extension."""
    stage = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": f"{memory_mb}MB"})
    for setting in (
        "SET TimeZone = 'UTC'",
        "SET preserve_insertion_order = false",
        f"SET temp_directory = {_literal(str(folder))}",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        f"SET allowed_directories = [{_literal(f'{folder}/')}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        stage.execute(setting).fetchall()
    return stage


@contextlib.contextmanager
def files_of(
    stage: duckdb.DuckDBPyConnection,
    folder: Path,
    select: str,
    *,
    format: Format,
    file_bytes: int = FILE_BYTES,
    null: str = "",
) -> Iterator[Files]:
    """Write the rows of a SELECT over the stage to files of about so many bytes each, and remove them afterwards.

    `folder` is the one that the stage was opened with. A SELECT without rows gives no file. What Parquet has no exact
    form for, such as HUGEINT, the SELECT casts itself. `null` is how CSV writes a null.
    """
    place = Path(tempfile.mkdtemp(prefix="rows-", dir=folder))
    try:
        ending = _ENDING[format]
        options = _OPTIONS[format] + (f", NULLSTR {_literal(null)}" if format == "csv" else "")
        done = run(
            stage,
            f"COPY ({select}) TO {_literal(str(place))} ({options}, FILE_SIZE_BYTES {file_bytes},"
            f" FILENAME_PATTERN 'part-{{i}}', FILE_EXTENSION '{ending}', OVERWRITE_OR_IGNORE true)",
        )
        rows = int(done[0][0]) if done else 0
        yield Files(tuple(sorted(place.rglob(f"*.{ending}"))) if rows else (), rows)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run(stage: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run a statement on a stage. Raises StatementError, which repeats no value."""
    try:
        return stage.execute(sql, list(parameters) or None).fetchall()
    except duckdb.Error as error:
        raise StatementError(f"the stage refused a statement ({type(error).__name__})", sql=sql) from error


def forget(stage: duckdb.DuckDBPyConnection) -> None:
    """Drop the TEMP tables of a chunk; all of the stage's names begin with `ec_`."""
    listed = "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, 'ec_')"
    for (name,) in run(stage, listed):
        run(stage, 'DROP TABLE IF EXISTS "' + str(name).replace('"', '""') + '"')


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
