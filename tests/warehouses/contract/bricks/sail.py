"""The same stand-in with Sail behind it: Spark's SQL on real Delta tables, for what loads rows.

Sail has no Unity Catalog, no volumes and no COPY INTO, and its tables need a place; its INSERT takes whole rows, and
its UPDATE counts what it writes again. Those are put right here; MERGE, UPDATE and DELETE are its own.
"""

import re
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from tests.warehouses.contract.bricks.lakehouse import COPY, LIST, WORDS, Refused

_CREATE = re.compile(r"CREATE (OR REPLACE )?TABLE (IF NOT EXISTS )?(\S+) (.*)", re.DOTALL)
_INSERT = re.compile(r"INSERT INTO (\S+) \(([^)]*)\) (.*)", re.DOTALL)
_UPDATE = re.compile(r"(?:UPDATE (\S+) SET .*?|DELETE FROM (\S+)) WHERE (.*)", re.DOTALL)
_TABLES = "SELECT count(*) FROM information_schema.tables"


class Sail:
    def __init__(self) -> None:
        self._server = SparkConnectServer("127.0.0.1", 0)
        self._server.start(background=True)
        _, port = self._server.listening_address
        self.spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
        self.spark.conf.set("spark.sql.session.timeZone", "UTC")
        self.volumes = Path(tempfile.mkdtemp(prefix="sail-"))
        self.tables: set[str] = set()
        self.loaded: set[tuple[str, str]] = set()

    def session(self, catalog: str) -> "SailSession":
        return SailSession(self, catalog)

    def put(self, path: str, content: bytes) -> None:
        place = self.volumes / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def remove(self, path: str) -> None:
        (self.volumes / path.lstrip("/")).unlink(missing_ok=True)

    def close(self) -> None:
        self.spark.stop()
        self._server.stop()


class SailSession:
    def __init__(self, sail: Sail, catalog: str) -> None:
        self._sail = sail
        self._catalog = catalog

    def run(self, sql: str) -> pa.Table:
        """Run a statement; return its result, of DML the count of rows. Raises Refused."""
        for word, value in {**WORDS, "current_catalog()": f"'{self._catalog}'"}.items():
            if word != "unix_timestamp()":
                sql = sql.replace(word, value)
        try:
            return self._run(sql)
        except Refused:
            raise
        except Exception as error:
            text = str(error).split("\n")[0]
            if "not found" in text.lower() or "does not exist" in text.lower():
                raise Refused("TABLE_OR_VIEW_NOT_FOUND", text, "42P01") from None
            raise Refused("UNKNOWN", f"{type(error).__name__}: {text}", "XX000") from None

    def _run(self, sql: str) -> pa.Table:
        if sql.startswith(_TABLES):
            return pa.table(
                {"n": pa.array([len([one for one in self._sail.tables if one.startswith("j.")])], pa.int64())}
            )
        if sql.startswith(("CREATE VOLUME", "REORG TABLE")):
            return pa.table({})
        if listed := LIST.fullmatch(sql):
            found = sorted((self._sail.volumes / listed[1].lstrip("/")).glob("*"))
            return pa.table({"path": pa.array([f"dbfs:{listed[1]}{one.name}" for one in found], pa.string())})
        if made := _CREATE.fullmatch(sql):
            return self._create(*made.groups())
        if copied := COPY.fullmatch(sql):
            target, columns, chosen, folder, file = copied.groups()
            if (target, file) in self._sail.loaded:
                return _affected(0)
            self._sail.loaded.add((target, file))
            return self._insert(target, columns, f"SELECT {chosen} FROM parquet.`{folder}{file}`")
        if put := _INSERT.fullmatch(sql):
            return self._insert(*put.groups())
        if changed := _UPDATE.fullmatch(sql):
            counted = self._do(f"SELECT count(*) FROM {changed[1] or changed[2]} WHERE {changed[3]}")
            self._do(sql)
            return _affected(counted.column(0)[0].as_py())
        result = self._do(sql)
        return _affected(0) if sql.startswith("MERGE") else result

    def _do(self, sql: str) -> pa.Table:
        table: Any = self._sail.spark.sql(sql.replace("parquet.`/", f"parquet.`{self._sail.volumes}/")).toArrow()
        return table

    def _create(self, replaced: str | None, unless: str | None, name: str, rest: str) -> pa.Table:
        if unless and name in self._sail.tables:
            return pa.table({})
        place = self._sail.volumes / "tables" / uuid.uuid4().hex
        columns, word, select = rest.partition("AS SELECT") if not rest.startswith("(") else (rest, "", "")
        fresh = f"{name}_{uuid.uuid4().hex[:8]}" if replaced and name in self._sail.tables else name
        columns, _, properties = columns.partition("USING DELTA")
        self._do(f"CREATE TABLE {fresh} {columns} USING DELTA LOCATION '{place}' {properties} {word}{select}")
        if fresh != name:  # it may read what it replaces
            self._do(f"DROP TABLE {name}")
            self._do(f"CREATE TABLE {name} USING DELTA LOCATION '{place}'")
            self._do(f"DROP TABLE {fresh}")
        self._sail.tables.add(name)
        return pa.table({})

    def _insert(self, target: str, columns: str, rows: str) -> pa.Table:
        """Insert whole rows: what is not named is NULL."""
        given = [one.strip().strip("`") for one in columns.split(",")]
        schema = self._sail.spark.sql(f"SELECT * FROM {target} LIMIT 0").schema
        listed = ", ".join(_cell(field.name, field.dataType.simpleString(), given) for field in schema.fields)
        source = f"({rows}) AS w({', '.join(f'`{one}`' for one in given)})"
        counted = self._do(f"SELECT count(*) FROM {source}")
        self._do(f"INSERT INTO {target} SELECT {listed} FROM {source}")
        return _affected(counted.column(0)[0].as_py())


def _cell(name: str, kind: str, given: list[str]) -> str:
    if kind == "variant":
        return f"`{name}`" if name in given else "parse_json(CAST(NULL AS STRING))"
    return f"CAST({f'`{name}`' if name in given else 'NULL'} AS {kind})"


def _affected(rows: int) -> pa.Table:
    return pa.table({"num_affected_rows": pa.array([rows], pa.int64())})
