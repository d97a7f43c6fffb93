"""Stands between AWS's own driver and a PostgreSQL server: what the two would not agree on is rewritten here.

A statement that Redshift refuses is refused here, too (redshift_refuses.py). Where this is not Redshift is told in
engines/redshift.py; nothing of it is known to the product.
"""

import gzip
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import boto3
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.warehouses.contract.redshift_refuses import refusal

_KEPT = (b"user", b"database", b"application_name")
_SSL_REQUEST = 80877103
PREFIX = "redshift_"
"""Of databases that the proxy makes when somebody first signs in to them."""
_REWRITES = (
    (re.compile(r"\b(?:DISTSTYLE (?:AUTO|EVEN|ALL|KEY)|DISTKEY ?\([^)]*\)|(?:COMPOUND )?SORTKEY ?\([^)]*\))"), ""),
    (re.compile(r"\bENCODE \w+"), ""),
    (re.compile(r"\bpg_attribute AS a\b(?=.*attisdistkey)", re.DOTALL), "pg_catalog.pg_attribute_of_redshift AS a"),
    (re.compile(r"^VACUUM DELETE ONLY (.*) TO 100 PERCENT"), r"VACUUM \1"),
    (re.compile(r"\bJSON_SERIALIZE\("), "json_written("),  # which PostgreSQL's grammar has for itself
    (re.compile(r"^SET (query_group|enable_case_sensitive_identifier) TO"), r"SET redshift.\1 TO"),
)
_COPY = re.compile(
    r"COPY (.+? \(.+?\)) FROM 's3://([^/]+)/([^']+)' IAM_ROLE (?:DEFAULT|'[^']+') MANIFEST FORMAT AS CSV GZIP"
    r" NULL AS '([^']+)'",
    re.DOTALL,
)
_MADE = re.compile(r'CREATE TABLE (?:IF NOT EXISTS )?("[^"]+"\."[^"]+") ', re.DOTALL)
_DISTKEY, _SORTKEY = re.compile(r'\bDISTKEY ?\("((?:[^"]|"")+)"\)'), re.compile(r"\bSORTKEY ?\(([^)]*)\)")
_IN_BLOCK = re.compile(r"\bALTER COLUMN\b.*\bTYPE\b", re.DOTALL)
SETUP = """
SET allow_system_table_mods = on;
CREATE DOMAIN pg_catalog.super AS jsonb;
CREATE FUNCTION pg_catalog.json_parse(text) RETURNS super LANGUAGE sql IMMUTABLE AS 'SELECT CAST($1 AS jsonb)';
CREATE FUNCTION pg_catalog.json_written(super) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT CAST($1 AS text)';
CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql
  AS 'SELECT CAST(statement_timestamp() AS timestamp)';
CREATE FUNCTION pg_catalog.last_day(date) RETURNS date LANGUAGE sql IMMUTABLE
  AS 'SELECT CAST(date_trunc(''month'', $1) + interval ''1 month'' - interval ''1 day'' AS date)';
CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql
  AS 'SELECT CAST(current_setting(''redshift.copied'') AS bigint)';
CREATE TABLE pg_catalog.redshift_keys (of regclass, of_name text, is_distkey boolean, place integer);
GRANT SELECT, INSERT, DELETE ON pg_catalog.redshift_keys TO PUBLIC;
CREATE VIEW pg_catalog.pg_attribute_of_redshift AS SELECT a.attrelid, a.attname, a.attnum, a.attisdropped,
  EXISTS (SELECT FROM redshift_keys WHERE of = a.attrelid AND of_name = a.attname AND is_distkey) AS attisdistkey,
  COALESCE((SELECT max(place) FROM redshift_keys WHERE of = a.attrelid AND of_name = a.attname AND NOT is_distkey), 0)
    AS attsortkeyord FROM pg_attribute AS a;
GRANT SELECT ON pg_catalog.pg_attribute_of_redshift TO PUBLIC;
CREATE VIEW pg_catalog.svv_table_info AS SELECT n.nspname AS schema, c.relname AS "table", c.reltuples AS tbl_rows
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.reltuples > 0;
"""


@dataclass
class Emulator:
    """A PostgreSQL server made to look like Redshift. `sent` are the statements that came."""

    server: str  # the DSN of an administrator
    s3: str = ""  # where COPY reads
    port: int = 0
    sent: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def user(self) -> str:
        """Return who the administrator is."""
        return str(conninfo_to_dict(self.server).get("user") or "postgres")

    @property
    def address(self) -> str:
        return f"{self.user}@{self.port}@{self.s3}"

    def make(self, name: str) -> None:
        """Make a database that somebody signs in to for the first time."""
        with self.making:
            if name in self.made:
                return
            self.made.append(name)
            with psycopg.connect(self.server, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
                # "Names and identifiers", "String literals": a backslash escapes
                for one in ("standard_conforming_strings = off", "escape_string_warning = off", "backslash_quote = on"):
                    admin.execute(f"ALTER DATABASE {name} SET {one}".encode())
            here = "-c standard_conforming_strings=on"
            with psycopg.connect(self.server, dbname=name, autocommit=True, options=here) as database:
                database.execute(SETUP.encode())

    def object(self, bucket: str, key: str) -> bytes:
        """Read an object as the role of COPY does."""
        client = boto3.client(
            "s3", endpoint_url=self.s3, aws_access_key_id="role", aws_secret_access_key="role", region_name="us-east-1"
        )
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def drop_all(self) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            for name in self.made:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def connect_to_server(self) -> socket.socket:
        parts = conninfo_to_dict(self.server)
        host, port = str(parts["host"]), int(parts.get("port") or 5432)
        if host.startswith("/"):
            one = socket.socket(socket.AF_UNIX)
            one.connect(f"{host}/.s.PGSQL.{port}")
            return one
        return socket.create_connection((host, port))


RUNNING: list[Emulator] = []
"""Those of this process: a test that wants past the proxy finds its server here."""


class _Session(threading.Thread):
    """One client: its messages go on in the order they came, rewritten, and the answers come back."""

    def __init__(self, client: socket.socket, emulator: Emulator) -> None:
        super().__init__(daemon=True)
        self.client, self.emulator = client, emulator
        self.server = emulator.connect_to_server()
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.keys: list[str] = []  # what is to be kept of the layout of a table that is made now
        self.status = b"?"  # not signed in yet: what is said then may be an end, or a question

    def run(self) -> None:
        with suppress(OSError, EOFError), self.client, self.server:
            self._start()
            while True:
                self._one_exchange()

    def _start(self) -> None:
        while True:
            (length, protocol) = struct.unpack("!ii", _read(self.client, 8))
            body = _read(self.client, length - 8)
            if protocol != _SSL_REQUEST:
                break
            self.client.sendall(b"N")
        words = body.rstrip(b"\0").split(b"\0")
        said = {key: value for key, value in zip(words[::2], words[1::2], strict=False) if key in _KEPT}
        if (name := said.get(b"database", b"").decode()).startswith(PREFIX):
            self.emulator.make(name)
        inner = b"".join(key + b"\0" + value + b"\0" for key, value in said.items()) + b"\0"
        self.server.sendall(struct.pack("!ii", len(inner) + 8, protocol) + inner)
        self._answers()

    def _one_exchange(self) -> None:
        """Take messages up to a Sync, and send them on with their answers; a refused one is answered here."""
        batch: list[tuple[bytes, bytes]] = []
        while True:
            kind, body = _message(self.client)
            if kind == b"X":
                self.server.sendall(_packed(kind, body))
                raise EOFError
            if kind in (b"P", b"Q"):
                kind, body, refused = self._rewritten(kind, body)
                if refused:
                    self._skip_to_sync(kind)
                    self.client.sendall(_error(*refused) + _packed(b"Z", self._after_error()))
                    return
            batch.append((kind, body))
            if kind in (b"S", b"Q"):
                break
        self.server.sendall(b"".join(_packed(kind, body) for kind, body in batch))
        self._answers()
        if any(kind in (b"E", b"Q") for kind, _ in batch):
            for sql in self.keys:
                self._ask(sql)
            self.keys.clear()

    def _after_error(self) -> bytes:
        """Let the server's transaction fail as well, if one is open; return its status."""
        if self.status == b"T":
            self.server.sendall(_packed(b"Q", b"SELECT 1 / 0\0"))
            while (message := _message(self.server))[0] != b"Z":
                pass
            self.status = message[1]
        return self.status

    def _skip_to_sync(self, kind: bytes) -> None:
        while kind not in (b"S", b"Q"):
            kind, _ = _message(self.client)

    def _rewritten(self, kind: bytes, body: bytes) -> tuple[bytes, bytes, tuple[str, str] | None]:
        name, _, rest = body.partition(b"\0") if kind == b"P" else (b"", b"", body)
        text, _, rest = rest.partition(b"\0")
        sql = text.decode()
        self.emulator.sent.append(sql)
        why = refusal(sql) or ("in no transaction block" if self.status == b"T" and _IN_BLOCK.search(sql) else None)
        if why:
            return kind, body, (f"{why}: {sql[:200]}", "0A000")
        if load := _COPY.match(sql):
            return kind, name + b"\0SELECT 1 WHERE FALSE\0" + rest, self._copy(*load.groups())
        if made := _MADE.match(sql):
            self._keep_layout(made[1], sql)
        for shape, replacement in _REWRITES:
            sql = shape.sub(replacement, sql)
        head = name + b"\0" if kind == b"P" else b""
        return kind, head + sql.encode() + b"\0" + rest, None

    def _keep_layout(self, table: str, sql: str) -> None:
        """Keep what PostgreSQL has no place for, once the table is there."""
        keys = [(name, "true", 0) for name in _DISTKEY.findall(sql)]
        sorts = re.findall(r'"((?:[^"]|"")+)"', "".join(_SORTKEY.findall(sql)))
        keys += [(name, "false", n) for n, name in enumerate(sorts, 1)]
        of = "'" + table.replace("'", "''") + "'::regclass"
        for name, is_distkey, place in keys:
            text = "'" + name.replace("'", "''") + "'"
            self.keys.append(f"INSERT INTO pg_catalog.redshift_keys VALUES ({of}, {text}, {is_distkey}, {place})")

    def _copy(self, table: str, bucket: str, key: str, null: str) -> tuple[str, str] | None:
        """Do what COPY does, by COPY FROM STDIN; return the error, if there is one."""
        content = b""
        for entry in json.loads(self.emulator.object(bucket, key))["entries"]:
            content += gzip.decompress(self.emulator.object(*entry["url"].removeprefix("s3://").split("/", 1)))
        error, tag = self._ask(f"COPY {table} FROM STDIN (FORMAT csv, NULL '{null}')", content)
        if not error:
            self._ask(f"SELECT pg_catalog.set_config('redshift.copied', '{tag.rpartition(' ')[2]}', false)")
        if not error:
            return None
        said = {field[0]: field[1:] for field in error.split("\0") if field}
        if said["C"][:2] in ("22", "23"):  # which row and why, COPY does not say ("Troubleshooting data loads")
            where = "Check 'sys_load_error_detail' system table for details."
            return f"Load into table {table} failed.  {where}", "XX000"
        return said["M"], said["C"]

    def _ask(self, sql: str, content: bytes = b"") -> tuple[str, str]:
        """Run a statement of the proxy's own; return its error and its tag."""
        error = tag = ""
        self.server.sendall(_packed(b"Q", sql.encode() + b"\0"))
        while True:
            kind, body = _message(self.server)
            if kind == b"G":
                self.server.sendall(_packed(b"d", content) + _packed(b"c", b""))
            elif kind == b"E":
                error = body.decode()
            elif kind == b"C":
                tag = body.rstrip(b"\0").decode()
            elif kind == b"Z":
                self.status = body
                return error, tag

    def _answers(self) -> None:
        """Pass on what the server says up to its ReadyForQuery, in one piece: small ones would wait for each other."""
        said = b""
        while True:
            kind, body = _message(self.server)
            said += _packed(kind, body)
            if kind == b"Z":
                self.status = body
                self.client.sendall(said)
                return
            if kind in (b"E", b"R") and self.status == b"?":
                self.client.sendall(said)
                said = b""


def _read(one: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = one.recv(count - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _message(one: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", _read(one, 5))
    return kind, _read(one, length - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _error(message: str, state: str) -> bytes:
    fields = {"S": "ERROR", "C": state, "M": message}
    return _packed(b"E", b"".join(key.encode() + text.encode() + b"\0" for key, text in fields.items()) + b"\0")


@contextmanager
def running(server: str, s3: str = "") -> Iterator[Emulator]:
    """Listen on a free port of this machine, in front of the PostgreSQL server of a DSN."""
    emulator = Emulator(server, s3=s3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        emulator.port = listener.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    _Session(client, emulator).start()

        threading.Thread(target=accept, daemon=True).start()
        RUNNING.append(emulator)
        yield emulator
        RUNNING.remove(emulator)
        emulator.drop_all()
        listener.shutdown(socket.SHUT_RDWR)
