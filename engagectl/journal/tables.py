"""The journal's tables, and how they come to be: plain DDL, the same on every warehouse.

Times are text: RFC 3339 in UTC with six digits of microseconds and a Z. Text of this form sorts as time does and
needs no cast on any engine. Names stand bare, so that each engine stores and finds them in its own case: those of
tables and columns here are words that no engine reserves; the schema, which the project names, and the columns of
users_times, which follow the data, are quoted where they are such words.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from engagectl.errors import RefusedError
from engagectl.failpoint import hit
from engagectl.model.column_type import ColumnType, Integer, Native, Text
from engagectl.model.schema import Column, Table, TableName
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.words import quoted as quoted
from engagectl.warehouses.words import word

VERSION = 2
DEFAULT_SCHEMA = "engagectl"
TEXT, INTEGER = Text(), Integer()


def _table(name: str, *columns: str | tuple[str, ColumnType]) -> Table:
    """Return a table of the journal; a bare column name is text."""
    return Table(
        name=TableName(DEFAULT_SCHEMA, name),
        columns=tuple(
            Column(name=column, type=TEXT) if isinstance(column, str) else Column(name=column[0], type=column[1])
            for column in columns
        ),
    )


META = _table("meta", "item", "content")
TABLES: tuple[Table, ...] = (
    META,
    _table(
        "applies",
        *("id", "project", "target", "started_at", "finished_at", "status", "engagectl", "git_commit", "fingerprint"),
        *("config_digest", "notices"),
    ),
    _table(
        "steps",
        *("apply_id", ("position", INTEGER), "address", "kind", "sql_sha256", "statements", "started_at"),
        *("finished_at", "outcome", "error"),
    ),
    _table(
        "feeds",
        *(("number", INTEGER), "project", "kind", "id", "target", "apply_id", "applied_at", "retired_at", "document"),
        "digest",
    ),
    _table("ownership", "table_schema", "table_name", "column_name", "origin", "state", "project", "target"),
    _table("names", "schema_name", "table_name", "name", "original"),
    _table(
        "checkpoints",
        *(("feed", INTEGER), "file", ("byte_offset", INTEGER), ("line", INTEGER), "identity"),
        *(("searched_to", INTEGER), ("complete_to", INTEGER), "version"),
    ),
    _table(
        "seen", ("part", Native("smallint")), ("hash", Native("uuid")), ("day", Native("integer")), ("feeds", INTEGER)
    ),
    _table("syncs", "id", "project", "target", "started_at", "finished_at", "status", "notices"),
    _table(
        "loads",
        *("sync_id", ("chunk", INTEGER), ("feed", INTEGER), "file", ("offset_from", INTEGER), ("offset_to", INTEGER)),
        *(("read", INTEGER), ("inserted", INTEGER), ("duplicate", INTEGER), ("filtered", INTEGER), "filtered_by"),
        *(("quarantined", INTEGER), ("cells", INTEGER), "uuid_ts", "received_to"),
    ),
    _table("sync_feeds", "sync_id", ("feed", INTEGER), "status", "notice"),
    _table("load_tables", "sync_id", ("feed", INTEGER), "schema_name", "table_name", ("inserted", INTEGER)),
    _table(
        "quarantine",
        *(("entry", Native("uuid")), ("feed", INTEGER), "message_id", "schema_name", "table_name", "column_name"),
        *("reason", "file", ("line_offset", INTEGER), ("line", INTEGER), "content", "content_kind"),
        *(("length", INTEGER), "row_id", "happened_at", "sync_id", "recorded_at"),
    ),
    _table("erasures", "id", "project", "target", "erased_at", "digest", "received_to", "deleted"),
    _table("undeclared", ("feed", INTEGER), "kind", "key", "types", ("messages", INTEGER), "first_at", "last_at"),
)

_SINCE_VERSION_1 = (("feeds", "digest"), ("checkpoints", "version"))
_KEYS = {"seen": ("part", "hash"), "checkpoints": ("feed", "file")}


def rfc3339(time: datetime) -> str:
    """Return a time as the journal stores it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def place(journal: str, table: str) -> str:
    """Return a table of the journal as SQL writes it."""
    return f"{word(journal)}.{word(table)}"


def has_journal(connection: Connection, journal: str) -> bool:
    return connection.has_table(journal, META.name.table)


def version_of(connection: Connection, schema: str) -> int | None:
    """Return the version of the journal, None when there is none. Raises RefusedError for one that we cannot read."""
    version = read_meta(connection, schema, "version") if has_journal(connection, schema) else None
    if version is not None and int(version) > VERSION:
        raise RefusedError(
            f"the journal {schema!r} has version {version}; this engagectl knows up to {VERSION}",
            help="upgrade engagectl",
        )
    return int(version) if version is not None else None


def is_current(connection: Connection, schema: str) -> bool:
    """Tell whether there is a journal. Raises RefusedError for one that is not of our version."""
    version = version_of(connection, schema)
    if version is not None and version < VERSION:
        raise RefusedError(
            f"the journal {schema!r} was written by an older engagectl (version {version}, now {VERSION})",
            help="engagectl apply brings it up to date and keeps all that is in it",
        )
    return version is not None


def ensure(connection: Connection, warehouse: Warehouse, schema: str) -> bool:
    """Create the journal, or what a newer version added to it; tell whether it did. In a transaction of its own, where
    DDL can be in one; elsewhere `meta`, by which the journal is found, comes last, and in it the version: a journal
    that was cut is none, and is begun again.
    """
    version = version_of(connection, schema)
    if version == VERSION:
        return False
    if not warehouse.capabilities.ddl_in_transaction:
        _create(connection, warehouse, schema, version)
        return True
    connection.begin()
    try:
        _create(connection, warehouse, schema, version)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return True


def _create(connection: Connection, warehouse: Warehouse, schema: str, version: int | None) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {word(schema)}")
    for table in (*TABLES[1:], META):
        keys = _KEYS.get(table.name.table, ()) if _has_keys(warehouse) else ()
        create_table(connection, warehouse, place(schema, table.name.table), table.columns, keys=keys)
        hit("journal.table_made")
    for table_name, column in _SINCE_VERSION_1 if version == 1 else ():
        kind = warehouse.type_sql(TEXT)
        connection.execute(f"ALTER TABLE {place(schema, table_name)} ADD COLUMN IF NOT EXISTS {column} {kind}")
        hit("journal.column_added")
    if read_meta(connection, schema, "database_id") is None:
        write_meta(connection, schema, "database_id", str(uuid.uuid4()))
    hit("journal.before_version")
    write_meta(connection, schema, "version", str(VERSION))


def create_table(
    connection: Connection, warehouse: Warehouse, name: str, columns: Sequence[Column], *, keys: Sequence[str] = ()
) -> None:
    parts = [f"{word(column.name)} {warehouse.type_sql(column.type)}" for column in columns]
    if keys:
        parts.append(f"PRIMARY KEY ({', '.join(map(word, keys))})")
    said = dict(warehouse.capabilities.table_options)
    options = said.get(name.rpartition(".")[2], said.get("", ""))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(parts)}){options and ' ' + options}")


def _has_keys(warehouse: Warehouse) -> bool:
    """Tell whether unique keys help: PostgreSQL needs them for ON CONFLICT, DuckDB's index would only cost memory."""
    return warehouse.dialect == "postgres"


def times_keys(warehouse: Warehouse) -> tuple[str, ...]:
    return ("id",) if _has_keys(warehouse) else ()


def database_id(connection: Connection, schema: str) -> str:
    """Return the random id of this database's journal, which is there: two roles with equal ids are EC413."""
    return read_meta(connection, schema, "database_id") or ""


def read_meta(connection: Connection, schema: str, item: str) -> str | None:
    rows = connection.query(f"SELECT content FROM {place(schema, 'meta')} WHERE item = ?", (item,))
    return str(rows[0][0]) if rows else None


def write_meta(connection: Connection, schema: str, item: str, content: str) -> None:
    connection.execute(f"DELETE FROM {place(schema, 'meta')} WHERE item = ?", (item,))
    connection.execute(f"INSERT INTO {place(schema, 'meta')} (item, content) VALUES (?, ?)", (item, content))
