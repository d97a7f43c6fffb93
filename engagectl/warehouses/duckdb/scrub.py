"""A deleted row stays in the file until its block is used again: write the file anew, in place of the old."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engagectl.engine import duckdb
from engagectl.errors import PartlyDoneError
from engagectl.failpoint import hit
from engagectl.model.schema import TableName

if TYPE_CHECKING:
    from engagectl.warehouses.duckdb.connect import DuckdbConnection


def scrub(connection: "DuckdbConnection", tables: Sequence[TableName], journal: str) -> tuple[str, ...]:  # noqa: ARG001  the file is rewritten as a whole
    """Rewrite the file; the connection is closed. Return what may still hold what was deleted.

    Raises PartlyDoneError when the file could not be rewritten: the rows are gone, their bytes are not.
    """
    path = connection.path
    connection.close()
    if path is None:
        return ()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    os.close(descriptor)
    fresh = Path(name)
    fresh.unlink()
    try:
        _copy(path, fresh)
        fresh.chmod(0o600)
        _to_disk(fresh)
        hit("scrub.file_copied")
        fresh.replace(path)
        hit("scrub.file_replaced")
        _to_disk(path.parent)
    except (duckdb.Error, OSError) as error:
        fresh.unlink(missing_ok=True)
        raise PartlyDoneError(
            f"the rows are deleted, but {path.name} could not be written anew ({type(error).__name__})",
            help="deleted rows stay in the file until then: run the same erase again",
        ) from None
    return (f"copies and backups of {path.name}",)


def _copy(path: Path, fresh: Path) -> None:
    """Copy everything but free space. The old file stays locked by us until the new one is whole."""
    with duckdb.connect(":memory:") as room:
        room.execute(f"ATTACH {_literal(str(path))} AS old")
        rows = room.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'old'"
        ).fetchall()
        version = re.match(r"v\d+\.\d+\.\d+", str(rows[0][0])) if rows else None  # written as v1.2.0+
        options = f" (STORAGE_VERSION {_literal(version[0])})" if version is not None else ""
        room.execute(f"ATTACH {_literal(str(fresh))} AS fresh{options}")
        room.execute("COPY FROM DATABASE old TO fresh")
        room.execute("CHECKPOINT fresh")
        room.execute("DETACH fresh")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
