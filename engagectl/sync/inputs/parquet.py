"""Rows of a Parquet file -> messages as compact JSON lines: columns are a message's top-level fields.

DuckDB reads the file in a connection of its own that sees nothing but the file's folder.
"""

import contextlib
import hashlib
import json
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from engagectl.engine import duckdb
from engagectl.sync.inputs.files import InputFile
from engagectl.sync.inputs.unreadable import Unreadable
from engagectl.sync.sql.quoting import ident, literal

_BATCH = 10_000
_JSON_TEXT = ("context", "traits", "properties", "integrations")
"""Columns of text that hold JSON, when it is JSON."""


def json_lines(file: InputFile, *, start: int, until: int | None) -> Iterator[list[bytes]]:
    """Yield batches of lines from a row on. Raises Unreadable (EC732) when the file is no Parquet file."""
    try:
        with _on_disk(file) as path, _reader(path) as reader:
            source = f"read_parquet({literal(_unglobbed(path))}, file_row_number = true, binary_as_string = true)"
            shape = reader.execute(f"SELECT * EXCLUDE (file_row_number) FROM {source} LIMIT 0")
            columns = [(str(name), kind) for name, kind, *_ in shape.description or ()]
            shape.fetchall()
            line = _object([(name, ident(name), kind, name in _JSON_TEXT) for name, kind in columns], 0)
            end = "" if until is None else f" AND file_row_number < {until}"
            rows = reader.execute(f"SELECT {line} FROM {source} WHERE file_row_number >= {start}{end}")
            while batch := rows.fetchmany(_BATCH):
                yield [text.encode() + b"\n" for (text,) in batch]
    except duckdb.Error as error:
        raise Unreadable(
            f"{file.key} cannot be read as Parquet ({type(error).__name__})",
            code="EC732",
            help="write it again, or take it out of the input's files",
        ) from None


@contextlib.contextmanager
def _on_disk(file: InputFile) -> Iterator[Path]:
    """Give the path of a file; an object is fetched whole into a private folder, which is gone afterwards."""
    if file.path is not None:
        yield file.path
    elif file.object is not None:
        with tempfile.TemporaryDirectory(prefix="engagectl-") as folder:
            path = Path(folder) / "object.parquet"
            file.object.store.fetch(file.object, path)
            yield path


def footer_identity(stored: IO[bytes]) -> str:
    """Return the SHA-256 of the footer, which tells of every row group; "short" for a file without one."""
    size = stored.seek(0, 2)
    if size < 12:
        return "short"
    tail = _read_at(stored, size - 8, 8)
    (length,) = struct.unpack("<I", tail[:4])
    if tail[4:] != b"PAR1" or length + 12 > size:
        return "short"
    return "parquet:" + hashlib.sha256(_read_at(stored, size - 8 - length, length)).hexdigest()


def _read_at(stored: IO[bytes], start: int, size: int) -> bytes:
    stored.seek(start)
    parts = []
    while size > 0 and (part := stored.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _reader(path: Path) -> duckdb.DuckDBPyConnection:
    reader = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "256MB"})
    for setting in (
        "SET TimeZone = 'UTC'",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        f"SET allowed_directories = [{literal(str(path.parent) + '/')}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        reader.execute(setting).fetchall()
    return reader


def _unglobbed(path: Path) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def _object(parts: list[tuple[str, str, Any, bool]], depth: int) -> str:
    """Return an object of the parts that are there: in Parquet absent and null are one."""
    fields = [
        f"CASE WHEN {value} IS NULL THEN '' ELSE {literal(f',{json.dumps(name, ensure_ascii=False)}:')}"
        f" || {_json(value, kind, depth, is_json=is_json)} END"
        for name, value, kind, is_json in parts
    ]
    return f"'{{' || substr({' || '.join(fields)}, 2) || '}}'" if fields else "'{}'"


def _json(value: str, kind: Any, depth: int, *, is_json: bool = False) -> str:
    """Return the JSON text of a value that is not null."""
    text = f"CAST(to_json(CAST({value} AS VARCHAR)) AS VARCHAR)"
    match kind.id:
        case "struct":
            inner = [(name, f"({value}).{ident(name)}", child, False) for name, child in kind.children]
            return _object(inner, depth)
        case "list" | "array":
            (_, child), *_ = kind.children
            each = f"coalesce({_json(f'x{depth}', child, depth + 1)}, 'null')"
            return f"'[' || array_to_string(list_transform({value}, lambda x{depth}: {each}), ',') || ']'"
        case "map":
            (_, _), (_, child) = kind.children
            one = f"x{depth}"
            each = (
                f"CAST(to_json(CAST({one}.key AS VARCHAR)) AS VARCHAR) || ':' ||"
                f" coalesce({_json(f'{one}.value', child, depth + 1)}, 'null')"
            )
            return f"'{{' || array_to_string(list_transform(map_entries({value}), lambda {one}: {each}), ',') || '}}'"
        case "timestamp with time zone":
            return f"strftime(timezone('UTC', {value}), '\"%Y-%m-%dT%H:%M:%S.%fZ\"')"
        case "timestamp" | "timestamp_s" | "timestamp_ms" | "timestamp_ns":
            return f"strftime(CAST({value} AS TIMESTAMP), '\"%Y-%m-%dT%H:%M:%S.%fZ\"')"
        case "boolean" | "decimal" | "tinyint" | "smallint" | "integer" | "bigint" | "hugeint":
            return f"CAST({value} AS VARCHAR)"
        case "utinyint" | "usmallint" | "uinteger" | "ubigint" | "uhugeint":
            return f"CAST({value} AS VARCHAR)"
        case "float" | "double":
            return f"CAST(to_json({value}) AS VARCHAR)"
        case _ if is_json or kind.id == "json" or str(kind) == "JSON":
            # white space between tokens may hold line ends; within strings JSON has none
            plain = f"translate(CAST({value} AS VARCHAR), chr(10) || chr(13), '  ')"
            return f"CASE WHEN json_valid(CAST({value} AS VARCHAR)) THEN {plain} ELSE {text} END"
        case _:
            return text
