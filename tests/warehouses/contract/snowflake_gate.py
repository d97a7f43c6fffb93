"""Stands between Snowflake's connector and fakesnow, which knows no roles: it refuses what is not granted, as the
service does, and answers SHOW GRANTS.

What it says is what the service says: 003001 (42501) "SQL access control error: Insufficient privileges to operate on
table 'T'" where a role has some privilege on the table, 002003 (02000) "Object 'T' does not exist or not authorized"
where it has none.
"""

import gzip
import http.client
import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pyarrow.ipc

_VERBS = {"INSERT INTO": "INSERT", "UPDATE": "UPDATE", "ALTER TABLE": "OWNERSHIP"}
_STATEMENT = re.compile(r'(INSERT INTO|UPDATE|ALTER TABLE) "([^"]+)"\."([^"]+)"')
_KEYED = re.compile(
    r'(?:CREATE|ALTER) TABLE (?:IF NOT EXISTS )?"([^"]+)"\."([^"]+)".*?\bCLUSTER BY \(([^)]*)\)', re.DOTALL
)
_NO_KEY = re.compile(r'ALTER TABLE "([^"]+)"\."([^"]+)"\s+DROP CLUSTERING KEY')
_SHOWN = re.compile(r'SHOW TABLES IN SCHEMA "([^"]+)"')
_WHO = "SELECT CURRENT_DATABASE(), CURRENT_ROLE(), CURRENT_WAREHOUSE()"
_TABLE_COLUMNS = ("created_on", "name", "database_name", "schema_name", "kind", "comment", "cluster_by")
_GRANT_COLUMNS = ("created_on", "privilege", "granted_on", "name")


@dataclass
class Gate:
    """`revoked` are (privilege, schema, table) that the one role lacks; it has every other. Clustering keys, which
    fakesnow forgets, are kept here.
    """

    server: str
    revoked: set[tuple[str, str, str]] = field(default_factory=set)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)  # of tables that are clustered, as SHOW writes them
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, sql: str, tables: Sequence[tuple[str, ...]], database: str) -> dict[str, Any] | None:
        """Return what the service would say to a statement that fakesnow cannot judge; None for any other."""
        if sql == _WHO:
            return _rows(("database", "role", "warehouse"), [(database, "LOADER", "WH")])
        if sql.startswith("SHOW GRANTS TO ROLE"):
            return _rows(_GRANT_COLUMNS, list(self._grants(tables, database)))
        if shown := _SHOWN.match(sql):
            rows = [
                ("", table, database, schema, "TABLE", "", self.keys.get((schema, table), ""))
                for schema, table in tables
            ]
            return _rows(_TABLE_COLUMNS, [row for row in rows if row[3] == shown[1]])
        if dropped := _NO_KEY.match(sql):
            self.keys.pop((dropped[1], dropped[2]), None)
            return _rows(("status",), [("Statement executed successfully.",)])
        found = _STATEMENT.match(sql)
        if found and (_VERBS[found[1]], found[2], found[3]) in self.revoked:
            if {(one, found[2], found[3]) for one in _ALL} <= self.revoked:
                return _error("002003", "02000", f"Object '{found[3]}' does not exist or not authorized.")
            return _error(
                "003001",
                "42501",
                f"SQL access control error:\nInsufficient privileges to operate on table '{found[3]}'",
            )
        if keyed := _KEYED.match(sql):
            self.keys[keyed[1], keyed[2]] = f"LINEAR({keyed[3].replace(chr(34), '')})"
        return None

    def _grants(self, tables: Sequence[tuple[str, ...]], database: str) -> Iterator[tuple[str, ...]]:
        yield ("", "USAGE", "WAREHOUSE", "WH")
        yield ("", "OWNERSHIP", "DATABASE", database)
        for schema in sorted({schema for schema, _ in tables}):
            yield ("", "OWNERSHIP", "SCHEMA", f"{database}.{schema}")
        for schema, table in tables:
            held = [one for one in _ALL if (one, schema, table) not in self.revoked]
            name = f'{database}.{schema}."{table}"'
            for one in held if len(held) < len(_ALL) else ["OWNERSHIP"]:
                yield ("", one, "TABLE", name)


_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "OWNERSHIP")


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    kind = {"type": "text", "nullable": True, "length": 100, "byteLength": 400, "precision": None, "scale": None}
    kinds = [{"name": name, **kind} for name in names]
    data = {"rowtype": kinds, "rowset": rows, "total": len(rows), "returned": len(rows), "queryResultFormat": "json"}
    return {"data": {**data, "parameters": [], "queryId": "gate"}, "success": True}


def _error(code: str, state: str, message: str) -> dict[str, Any]:
    return {"data": {"errorCode": code, "sqlState": state}, "code": code, "message": message, "success": False}


@contextmanager
def running(server: str) -> Iterator[Gate]:
    """Listen on a free port of this machine, in front of a server of fakesnow."""
    gate = Gate(server)
    sessions: dict[str, str] = {}
    to = urlsplit(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            told = self._judged(plain)
            if told is not None:
                self._send(200, [("Content-Type", "application/json")], json.dumps(told).encode())
                return
            self._send(*_ask(self.command, self.path, body, dict(self.headers.items())))

        def _judged(self, body: bytes) -> dict[str, Any] | None:
            if not self.path.startswith("/queries/v1/query-request"):
                return None
            sql = str(json.loads(body)["sqlText"])
            token = self.headers["Authorization"]
            if sql != _WHO and not sql.startswith(("SHOW", "INSERT", "UPDATE", "ALTER", "CREATE")):
                return None
            if token not in sessions:
                sessions[token] = _one(self, "SELECT CURRENT_DATABASE() AS d")[0][0]
            tables = (
                [
                    tuple(row)
                    for row in _one(self, "SELECT table_schema, table_name FROM information_schema.tables")
                    if row[0] != "INFORMATION_SCHEMA"
                ]
                if sql.startswith(("SHOW GRANTS", "SHOW TABLES"))
                else []
            )
            return gate.answer(sql, tables, sessions[token])

        def _send(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_HEAD = _pass_on  # noqa: N815  names of the standard library

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def _ask(verb: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
        with_server = http.client.HTTPConnection(str(to.hostname), to.port, timeout=60)
        try:
            with_server.request(verb, path, body, headers)
            answer = with_server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            with_server.close()

    def _one(handler: Handler, sql: str) -> list[list[str]]:
        """Ask fakesnow in the session of a client."""
        headers = {"Authorization": handler.headers["Authorization"], "Content-Type": "application/json"}
        _, _, body = _ask(
            "POST", "/queries/v1/query-request?requestId=gate", json.dumps({"sqlText": sql}).encode(), headers
        )
        data = json.loads(body)["data"]
        table = pyarrow.ipc.open_stream(b64decode(data["rowsetBase64"])).read_all()
        return [list(row.values()) for row in table.to_pylist()]

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        gate.port = listening.server_address[1]
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield gate
        listening.shutdown()
