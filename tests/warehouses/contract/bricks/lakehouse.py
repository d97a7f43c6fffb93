"""Catalogs, sessions and volumes: each statement is rewritten for DuckDB, and refused where Delta would refuse it."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

_USER = "tester"
WORDS = {
    "current_version().dbsql_version": "'2026.40'",
    "current_user()": f"'{_USER}'",
    "current_timezone()": "'UTC'",
    "unix_timestamp()": "CAST(epoch(now()) AS BIGINT)",
}
COPY = re.compile(
    r"COPY INTO (\S+) \((.*?)\) FROM \(SELECT (.*) FROM '(/Volumes/[^']+)'\)"
    r" FILEFORMAT = PARQUET FILES = \('([^']+)'\)",
    re.DOTALL,
)
RIGHT = re.compile(r"(GRANT|REVOKE) MODIFY ON TABLE (?:`\w+`\.)?(\S+\.\S+) (?:TO|FROM) `?\w+`?")
WRITES = re.compile(r"(?:COPY INTO|MERGE INTO|DELETE FROM|UPDATE|INSERT INTO|ALTER TABLE) (\S+)")
DETAIL = re.compile(r"DESCRIBE DETAIL `([^`]+)`\.`([^`]+)`")
LIST = re.compile(r"LIST '([^']+)'")
_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "SMALLINT": "smallint",
    "TINYINT": "tinyint",
    "DOUBLE": "double",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMP": "timestamp_ntz",
    "VARIANT": "variant",
    "BLOB": "binary",
}
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_MAPPING, _WIDENING = "delta.columnMapping.mode", "delta.enableTypeWidening"
_SETTINGS = ("SET TimeZone = 'UTC'", "SET threads = 1")


class Refused(Exception):  # noqa: N818  the name says it
    """An error as Databricks writes it: [CONDITION] text SQLSTATE: 12345."""

    def __init__(self, condition: str, text: str, state: str) -> None:
        super().__init__(f"[{condition}] {text} SQLSTATE: {state}")


class Lakehouse:
    """`properties` are those of tables, `loaded` the files that COPY INTO has loaded into each, by name."""

    def __init__(self) -> None:
        self.database = duckdb.connect(":memory:")
        for setting in _SETTINGS:
            self.database.execute(setting).fetchall()
        self.volumes = Path(tempfile.mkdtemp(prefix="bricks-"))
        self.properties: dict[str, set[str]] = {}
        self.loaded: dict[str, set[str]] = {}
        self.clustered: dict[str, list[str]] = {}
        self.revoked: set[str] = set()  # tables that may be read, and not written or altered
        self.has_documents = False
        self._catalogs: set[str] = set()

    def session(self, catalog: str) -> "Session":
        if catalog in self._catalogs:
            return Session(self, catalog)
        self._catalogs.add(catalog)
        self.database.execute(f"ATTACH IF NOT EXISTS ':memory:' AS \"{catalog}\"").fetchall()
        self.database.execute(f'CREATE SCHEMA IF NOT EXISTS "{catalog}"._uc').fetchall()
        self.database.execute(f'CREATE TABLE "{catalog}"._uc.lost (schema_name VARCHAR, table_name VARCHAR)').fetchall()
        for view in _information_schema(catalog):
            self.database.execute(view).fetchall()
        return Session(self, catalog)

    def close(self) -> None:
        self.database.close()

    def put(self, path: str, content: bytes) -> None:
        place = self.volumes / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def remove(self, path: str) -> None:
        (self.volumes / path.lstrip("/")).unlink(missing_ok=True)


class Session:
    def __init__(self, lakehouse: Lakehouse, catalog: str) -> None:
        self._lakehouse = lakehouse
        self._catalog = catalog

    def run(self, sql: str) -> pa.Table:
        """Run a statement; return its result, of DML the count of rows. Raises Refused."""
        self._lakehouse.has_documents |= "VARIANT" in sql
        words = {**WORDS, "current_catalog()": f"'{self._catalog}'"}
        for word, value in words.items():
            sql = sql.replace(word, value)
        sql = re.sub(r"is_account_group_member\(\w+\)", "false", sql)
        self._lakehouse.database.execute(f'USE "{self._catalog}"').fetchall()
        try:
            if copied := COPY.fullmatch(sql):
                return self._copy(*copied.groups())
            if sql.startswith(("CREATE VOLUME", "REORG TABLE")):
                return _empty()
            if right := RIGHT.fullmatch(sql):
                return self._right(*right.groups())
            if (written := WRITES.match(sql)) and self._revoked(written[1]) in self._lakehouse.revoked:
                raise Refused("INSUFFICIENT_PERMISSIONS", f"User does not have MODIFY on Table {written[1]}.", "42501")
            if described := DETAIL.fullmatch(sql):
                return self._detail(*described.groups())
            if listed := LIST.fullmatch(sql):
                return self._list(listed[1])
            (parsed,) = sqlglot.parse(sql, dialect="databricks")
            assert parsed is not None
            return self._run(parsed)
        except duckdb.Error as error:
            raise _as_databricks(error) from None
        except sqlglot.errors.SqlglotError as error:
            raise Refused("PARSE_SYNTAX_ERROR", str(error)[:200], "42601") from None

    def _run(self, parsed: exp.Expr) -> pa.Table:
        for table in parsed.find_all(exp.Table):
            self._place(table)
        match parsed:
            case exp.Create():
                self._create(parsed)
                return _empty()
            case exp.Alter():
                for sql in self._alter(parsed):
                    self._do(sql)
                return _empty()
            case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge():
                rows = self._do(parsed.sql("duckdb")).fetchall()
                return pa.table({"num_affected_rows": pa.array([int(rows[0][0])], pa.int64())})
            case exp.Drop() | exp.Comment():
                self._do(parsed.sql("duckdb"))
                return _empty()
            case _:
                return _as_spark(self._lakehouse.database.sql(self._without_variants(parsed.sql("duckdb"))))

    def _without_variants(self, sql: str) -> str:
        """Give documents as their text, as the connector does."""
        if not self._lakehouse.has_documents:
            return sql
        kinds = self._do(f"DESCRIBE {sql}").fetchall()
        texts = [
            f'CAST(CAST("{name}" AS JSON) AS VARCHAR) AS "{name}"' for name, kind, *_ in kinds if kind == "VARIANT"
        ]
        return f"SELECT * REPLACE ({', '.join(texts)}) FROM ({sql})" if texts else sql

    def _do(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self._lakehouse.database.execute(sql)

    def _place(self, table: exp.Table) -> None:
        """Give a table its place: information_schema is ours, and a path of a volume is a file."""
        if table.db.lower() == "information_schema":
            table.set("db", exp.to_identifier("_uc"))
            table.set("this", exp.to_identifier(f"uc_{table.name.lower()}"))
        elif table.db == "parquet":
            path = f"{self._lakehouse.volumes}{table.name}"
            made = sqlglot.parse_one(f"SELECT * FROM read_parquet('{path}')", dialect="duckdb").find(exp.Table)
            assert made is not None
            if table.alias:
                made.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias)))
            table.replace(made)

    def _create(self, parsed: exp.Create) -> None:
        said = parsed.args.get("properties")
        names = {one.name for one in said.expressions if isinstance(one, exp.Property)} if said is not None else set()
        clustered = said.find(exp.ClusterProperty) if said is not None else None
        parsed.set("properties", None)
        self._do(parsed.sql("duckdb"))
        if parsed.kind == "TABLE":
            self._lakehouse.properties.setdefault(self._key(parsed), set()).update(names)
            self._lakehouse.clustered.setdefault(self._key(parsed), _columns(clustered))

    def _key(self, parsed: exp.Expr) -> str:
        table = parsed.find(exp.Table)
        assert table is not None
        return f"{self._catalog}.{table.db}.{table.name}".lower()

    def _alter(self, parsed: exp.Alter) -> Iterator[str]:
        key, at = self._key(parsed), parsed.this.sql("duckdb")
        properties = self._lakehouse.properties.setdefault(key, set())
        for action in parsed.args["actions"]:
            match action:
                case exp.AlterSet():
                    properties |= {one.name for one in action.find_all(exp.Property)}
                case exp.ClusterProperty():
                    self._lakehouse.clustered[key] = _columns(action)
                case exp.Schema() | exp.ColumnDef():
                    for column in [action] if isinstance(action, exp.ColumnDef) else action.expressions:
                        yield f"ALTER TABLE {at} ADD COLUMN {column.sql('duckdb')}"
                case exp.AlterColumn() if action.args.get("dtype"):
                    self._check_widening(parsed.this, action, properties)
                    yield f"ALTER TABLE {at} ALTER {_duck(action.this)} TYPE {_duck(action.args['dtype'])}"
                case exp.AlterColumn():
                    yield f"COMMENT ON COLUMN {at}.{_duck(action.this)} IS {_duck(action.args['comment'])}"
                case exp.Drop() if {*_columns(action)} & {*self._lakehouse.clustered.get(key, ())}:
                    raise Refused("DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN", "It is clustered by it.", "0AKDC")
                case exp.RenameColumn() | exp.Drop():
                    if _MAPPING not in properties:
                        raise Refused("DELTA_UNSUPPORTED_RENAME_COLUMN", "Column mapping is needed.", "0AKDC")
                    yield f"ALTER TABLE {at} {action.sql('duckdb')}"
                case exp.AlterRename():
                    self._lakehouse.properties[f"{self._catalog}.{action.this.db}.{action.this.name}".lower()] = (
                        properties
                    )
                    yield f"ALTER TABLE {at} RENAME TO {exp.to_identifier(action.this.name, quoted=True).sql('duckdb')}"
                case _:
                    raise Refused("PARSE_SYNTAX_ERROR", "This ALTER is not known.", "42601")

    def _check_widening(self, table: exp.Table, action: exp.AlterColumn, properties: Sequence[str] | set[str]) -> None:
        found = self._do(
            f"SELECT full_data_type FROM _uc.uc_columns WHERE table_schema = '{table.db.lower()}'"
            f" AND table_name = '{table.name.lower()}' AND lower(column_name) = '{action.this.name.lower()}'"
        ).fetchall()
        before = str(found[0][0]) if found else "none"
        after = action.args["dtype"].sql("databricks").lower().replace(" ", "")
        if before != after and not (_WIDENING in properties and _is_wider(before, after)):
            raise Refused("DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP", f"{before} does not become {after}.", "0AKDC")

    def _revoked(self, table: str) -> str:
        return f"{self._catalog}.{table}".replace("`", "").lower()

    def _right(self, verb: str, table: str) -> pa.Table:
        """Take the right to write from the one user, who then owns the table no more, or give it back."""
        key = self._revoked(table)
        _, schema, name = key.split(".")
        (self._lakehouse.revoked.add if verb == "REVOKE" else self._lakehouse.revoked.discard)(key)
        at = f"schema_name = '{schema}' AND table_name = '{name}'"
        self._do(f'DELETE FROM "{self._catalog}"._uc.lost WHERE {at}')
        if verb == "REVOKE":
            self._do(f"INSERT INTO \"{self._catalog}\"._uc.lost VALUES ('{schema}', '{name}')")
        return _empty()

    def _detail(self, schema: str, table: str) -> pa.Table:
        kind = pa.list_(pa.string())
        columns = self._lakehouse.clustered.get(f"{self._catalog}.{schema}.{table}".lower(), [])
        return pa.table({"clusteringColumns": pa.array([columns], kind), "partitionColumns": pa.array([[]], kind)})

    def _list(self, folder: str) -> pa.Table:
        found = sorted((self._lakehouse.volumes / folder.lstrip("/")).glob("*"))
        paths = [f"dbfs:{folder}{one.name}" for one in found]
        return pa.table({"path": pa.array(paths, pa.string()), "size": pa.array([0] * len(paths), pa.int64())})

    def _copy(self, target: str, columns: str, chosen: str, folder: str, file: str) -> pa.Table:
        path = f"{self._lakehouse.volumes}{folder}{file}"
        done = self._lakehouse.loaded.setdefault(f"{self._catalog}.{target}".lower(), set())
        rows = 0
        if path not in done:
            sql = f"INSERT INTO {target} ({columns}) SELECT {chosen} FROM `parquet`.`{folder}{file}`"
            (parsed,) = sqlglot.parse(sql, dialect="databricks")
            assert parsed is not None
            rows = self._run(parsed).column("num_affected_rows")[0].as_py()
            done.add(path)
        return pa.table({"num_affected_rows": pa.array([rows], pa.int64())})


def _columns(clustered: exp.Expr | None) -> list[str]:
    return [one.name for one in clustered.find_all(exp.Identifier)] if clustered is not None else []


def _duck(part: exp.Expr) -> str:
    return part.sql("duckdb")


def _is_wider(before: str, after: str) -> bool:
    """Tell what the manual's "Type widening" lists."""
    if before in _WHOLE and after in _WHOLE:
        return _WHOLE.index(before) <= _WHOLE.index(after)
    if before in _WHOLE and after.startswith("decimal("):
        precision, scale = map(int, after[8:-1].split(","))
        return precision - scale >= (20 if before == "bigint" else 10)
    if before.startswith("decimal(") and after.startswith("decimal("):
        (few, less), (many, more) = (map(int, one[8:-1].split(",")) for one in (before, after))
        return many - few >= more - less >= 0
    return (before, after) in {("float", "double"), ("date", "timestamp_ntz")} or (
        before in ("tinyint", "smallint", "int") and after == "double"
    )


def _information_schema(catalog: str) -> Iterator[str]:
    kinds = " ".join(f"WHEN '{duck}' THEN '{spark}'" for duck, spark in _TYPES.items())
    here = f"database_name = '{catalog}' AND schema_name NOT IN ('_uc', 'main', 'information_schema', 'pg_catalog')"
    owner = f"CASE WHEN EXISTS (FROM \"{catalog}\"._uc.lost) THEN 'somebody' ELSE '{_USER}' END"
    held = ("USE CATALOG", "USE SCHEMA", "SELECT", "CREATE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "READ VOLUME",
            "WRITE VOLUME")  # fmt: skip
    views = {
        "schemata": f"SELECT lower(schema_name) AS schema_name, {owner} AS schema_owner FROM duckdb_schemas()"
        f" WHERE {here}",
        "tables": "SELECT lower(schema_name) AS table_schema, lower(table_name) AS table_name, 'MANAGED' AS table_type,"
        f" comment, {owner} AS table_owner FROM duckdb_tables() WHERE {here} UNION ALL"
        " SELECT lower(schema_name), lower(view_name), 'VIEW', comment, 'tester' FROM duckdb_views()"
        f" WHERE NOT internal AND {here}",
        "columns": "SELECT lower(schema_name) AS table_schema, lower(table_name) AS table_name, column_name,"
        f" CASE data_type {kinds} ELSE lower(data_type) END AS full_data_type,"
        " CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, column_default, comment,"
        f" column_index AS ordinal_position FROM duckdb_columns() WHERE {here}",
        "catalogs": f"SELECT '{catalog}' AS catalog_name, {owner} AS catalog_owner",
        "catalog_privileges": f"SELECT '{catalog}' AS catalog_name, '{_USER}' AS grantee, unnest({list(held)})"
        " AS privilege_type",
        "schema_privileges": "SELECT '' AS schema_name, '' AS grantee, '' AS privilege_type WHERE false",
        "table_privileges": f"SELECT lower(t.schema_name) AS table_schema, lower(t.table_name) AS table_name,"
        f" '{_USER}' AS grantee, 'MODIFY' AS privilege_type FROM duckdb_tables() AS t WHERE {here} AND NOT EXISTS"
        f' (FROM "{catalog}"._uc.lost AS l WHERE l.schema_name = lower(t.schema_name)'
        " AND l.table_name = lower(t.table_name))",
    }
    for name, select in views.items():
        yield f'CREATE OR REPLACE VIEW "{catalog}"._uc.uc_{name} AS {select}'


def _as_spark(result: duckdb.DuckDBPyRelation) -> pa.Table:
    """Return a result in the types of Spark: a sum of BIGINT is a BIGINT, what Arrow has no type for is text."""
    kinds = [str(kind) for kind in result.types]
    table: Any = result.to_arrow_table()
    for position, kind in enumerate(kinds):
        field = table.schema.field(position)
        if kind in ("HUGEINT", "UBIGINT", "UINTEGER"):
            table = table.set_column(position, field.name, table.column(position).cast(pa.int64()))
        elif not (field.type.num_fields == 0 and _is_plain(field.type)):
            texts = [None if one is None else str(one) for one in table.column(position).to_pylist()]
            table = table.set_column(position, field.name, pa.array(texts, pa.string()))
    return table


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_decimal(kind)
    )


def _empty() -> pa.Table:
    return pa.table({"result": pa.array([], pa.string())})


def _as_databricks(error: duckdb.Error) -> Refused:
    text = str(error).split("\n")[0]
    match error:
        case duckdb.CatalogException() if "already exists" in text:
            return Refused("FIELD_ALREADY_EXISTS", text, "42710")
        case duckdb.CatalogException() | duckdb.BinderException() if "does not exist" in text or "not found" in text:
            return Refused("TABLE_OR_VIEW_NOT_FOUND", text, "42P01")
        case duckdb.ConversionException():
            return Refused("CAST_INVALID_INPUT", text, "22018")
        case _:
            return Refused("UNKNOWN", f"{type(error).__name__}: {text}", "XX000")
