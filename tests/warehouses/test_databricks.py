"""Databricks without a server: types, names, SQL of ours, grants, errors and signing in."""

import base64
import importlib.util
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal as Digits
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagectl import api
from engagectl.config.resolve import Secret
from engagectl.errors import ConnectError, InternalError, RefusedError, StatementError, TransientError
from engagectl.journal.tables import TABLES
from engagectl.model.change import AddColumn
from engagectl.model.column_type import (
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    JsonText,
    Native,
    Text,
    Timestamp,
)
from engagectl.model.schema import Column, Table, TableName
from engagectl.render import render, render_adds
from engagectl.warehouses.contract import Needs
from engagectl.warehouses.databricks.batches import batches
from engagectl.warehouses.databricks.connect import connection_parameters
from engagectl.warehouses.databricks.dialect import literal, statement
from engagectl.warehouses.databricks.failure import as_ours, cannot_connect
from engagectl.warehouses.databricks.grants import grants, held, missing
from engagectl.warehouses.databricks.oauth import MachineToMachine
from engagectl.warehouses.databricks.overlay import Deleted, read_through
from engagectl.warehouses.registry import warehouse
from engagectl.warehouses.tag import Tag
from tests.cli.inside import run
from tests.scenarios.house import House

BRICKS = warehouse("databricks")
CANARY = "S3CRET-canary"
SPEC = SimpleNamespace(host="adb-1.2.azuredatabricks.net", http_path="/sql/1.0/warehouses/w", catalog="main")
TAG = Tag(command="plan", target="prod")


class Answers:
    """Answers each query by the first of the given words that its text holds: rows as the manual has them."""

    queries = 0

    def __init__(self, answers: Mapping[str, list[tuple[Any, ...]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        del parameters
        self.asked.append(sql)
        return next(rows for key, rows in self.answers.items() if key in sql)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("bigint", Integer()),
        ("LONG", Integer()),
        ("int", Native("INT")),
        ("integer", Native("INT")),
        ("decimal(18,2)", Decimal(18, 2)),
        ("numeric(10)", Decimal(10, 0)),
        ("DECIMAL", Decimal(10, 0)),
        ("string", Text()),
        ("varchar(12)", Text(12)),
        ("char(3)", Native("CHAR(3)")),
        ("double", Float()),
        ("real", Native("FLOAT")),
        ("timestamp", Timestamp()),
        ("timestamp_ltz", Timestamp()),
        ("timestamp_ntz", Native("TIMESTAMP_NTZ")),
        ("date", Date()),
        ("variant", Json()),
        ("boolean", Boolean()),
        ("binary", Native("BINARY")),
        ("array<string>", Native("array<string>")),
        ("struct<Aa:int>", Native("struct<Aa:int>")),
    ],
)
def test_synonyms_are_one_type(written: str, expected: ColumnType) -> None:
    assert BRICKS.native_type(written) == expected


TYPES = st.one_of(
    st.sampled_from([Boolean(), Integer(), Float(), Timestamp(), Date(), Json(), JsonText(), Text()]),
    st.sampled_from([Native("SMALLINT"), Native("INT"), Native("FLOAT"), Native("TIMESTAMP_NTZ"), Native("BINARY")]),
    st.integers(1, 20_000_000).map(Text),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: Decimal(p, s))),
)


@given(TYPES)
def test_what_is_written_is_read_back_as_settled(one: ColumnType) -> None:
    settled = BRICKS.settle(one)
    assert BRICKS.settle(settled) == settled
    assert BRICKS.native_type(BRICKS.type_sql(one)) == settled


WIDENED = {
    ("SMALLINT", "BIGINT"),
    ("INT", "BIGINT"),
    ("SMALLINT", "DOUBLE"),
    ("INT", "DOUBLE"),
    ("FLOAT", "DOUBLE"),
}


@given(TYPES, TYPES)
def test_only_what_type_widening_knows_is_widened(found: ColumnType, wanted: ColumnType) -> None:
    before, after = BRICKS.settle(found), BRICKS.settle(wanted)
    if BRICKS.relate(before, after) != "widen":
        return
    match before, after:
        case Decimal(few, less), Decimal(many, more):
            assert many - few >= more - less >= 0
        case Integer(), Decimal(precision, scale):
            assert precision - scale >= 20
        case Native(name), Decimal(precision, scale):
            assert name in ("SMALLINT", "INT")
            assert precision - scale >= 10
        case _:
            assert (BRICKS.type_sql(before), BRICKS.type_sql(after)) in WIDENED


@pytest.mark.parametrize(
    ("found", "wanted", "relation"),
    [
        (Text(12), Text(), "widen"),
        (Native("TIMESTAMP_NTZ"), Timestamp(), "holds"),
        (Date(), Timestamp(), "rebuild"),
        (Integer(), Decimal(19, 0), "rebuild"),
        (Integer(), Float(), "rebuild"),
        (Float(), Text(), "rebuild"),
        (Decimal(20, 0), Integer(), "holds"),
        (Decimal(38, 9), Decimal(18, 2), "holds"),
        (Json(), Text(), "rebuild"),
    ],
)
def test_what_a_found_type_is_to_a_wanted_one(found: ColumnType, wanted: ColumnType, relation: str) -> None:
    assert BRICKS.relate(found, BRICKS.settle(wanted)) == relation


@pytest.mark.parametrize("name", ["FOOBAR", "JSONB", "SUPER", "JSON", "BIGINT UNSIGNED", "TIMESTAMPTZ", "DATETIME"])
def test_a_type_that_is_none_is_never_written(name: str) -> None:
    with pytest.raises(RefusedError):
        render(AddColumn(table=TableName("s", "t"), column=Column(name="c", type=Native(name))), BRICKS)


def test_a_decimal_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RefusedError, match="Databricks cannot store"):
        BRICKS.settle(Decimal(39, 0))


def test_every_column_of_the_journal_has_a_type_of_databricks() -> None:
    written = {BRICKS.type_sql(column.type) for table in TABLES for column in table.columns}
    assert written == {"STRING", "BIGINT", "SMALLINT", "INT"}


def test_new_columns_of_a_table_are_one_statement() -> None:
    adds = [AddColumn(table=TableName("s", "t"), column=Column(name=name, type=Text())) for name in ("a", "b")]
    (sql,) = render_adds(adds, BRICKS)
    assert sql == "ALTER TABLE `s`.`t`\nADD COLUMNS (\n  `a` STRING,\n  `b` STRING\n)"


def test_event_tables_are_clustered_by_time_where_it_has_statistics() -> None:
    received, many = (
        Column(name="received_at", type=Timestamp()),
        [Column(name=f"c{n}", type=Text()) for n in range(32)],
    )
    name = TableName("s", "t")
    assert BRICKS.clustered(Table(name=name, columns=(received,))) == ("received_at",)
    assert BRICKS.clustered(Table(name=name, columns=(*many, received))) == ()
    users = Table(name=name, family="users", columns=(received, Column(name="id", type=Text())))
    assert BRICKS.clustered(users) == ("id",)


@pytest.mark.parametrize(
    ("sql", "values", "written"),
    [
        ('SELECT "a""b" FROM t', (), 'SELECT `a"b` FROM t'),
        ("SELECT 'it''s \"x\" ?' WHERE a = ?", (1,), "SELECT 'it\\'s \"x\" ?' WHERE a = 1"),
        ("CAST(? AS VARCHAR), CAST(a AS VARCHAR(3)), ''", (None,), "CAST(NULL AS STRING), CAST(a AS VARCHAR(3)), ''"),
        ("x = ? -- why?", (True,), "x = TRUE -- why?"),
        ("COMMENT ON TABLE `s?` IS 'it\\'s ${x}'", (), "COMMENT ON TABLE `s?` IS 'it\\'s \\u0024{x}'"),
    ],
)  # fmt: skip
def test_sql_of_ours_is_written_as_databricks_reads_it(sql: str, values: tuple[object, ...], written: str) -> None:
    assert statement(sql, values) == written


@pytest.mark.parametrize("values", [(), (1, 2)])
def test_marks_and_values_are_as_many(values: tuple[object, ...]) -> None:
    with pytest.raises(InternalError):
        statement("SELECT ?", values)


def test_literals_of_each_kind() -> None:
    made = [None, False, -3, 0.1, Digits("1.50"), b"\x01a", uuid.UUID(int=7)]
    assert [literal(one) for one in made] == [
        "NULL",
        "FALSE",
        "-3",
        "CAST('0.1' AS DOUBLE)",
        "1.50BD",
        "X'0161'",
        "'00000000-0000-0000-0000-000000000007'",
    ]


@given(st.text())
def test_a_text_ends_where_it_ends(value: str) -> None:
    written = literal(value)
    assert "'" not in written[1:-1]
    assert "${" not in written
    assert "`" not in written
    assert json.loads('"' + written[1:-1].replace('"', '\\"') + '"') == value


def test_many_rows_are_few_statements() -> None:
    rows = [(n, f"t{n}") for n in range(600)]
    ((first, values), (_, rest)) = batches("INSERT INTO j.t (a, b) VALUES (?, ?)", rows)
    assert first == "INSERT INTO j.t (a, b) VALUES " + ", ".join(["(?, ?)"] * 500)
    assert (values[:3], len(rest)) == ([0, "t0", 1], 200)
    ((gone, _),) = batches("DELETE FROM j.t WHERE a = ? AND b = ?", rows[:2])
    assert gone == "DELETE FROM j.t WHERE (a = ? AND b = ?) OR (a = ? AND b = ?)"
    assert len(list(batches("UPDATE j.t SET a = ? WHERE b = ?", rows[:3]))) == 3
    assert list(batches("INSERT INTO j.t (a) VALUES (?)", [])) == []


def test_the_catalog_is_two_queries() -> None:
    connection = Answers(
        {
            "information_schema.schemata": [
                ("engage_default", "users", "MANAGED", "all users", "loader"),
                ("engage_default", "seen", "VIEW", None, "loader"),
                ("empty", None, None, None, None),
            ],
            "information_schema.columns": [
                ("engage_default", "users", "ID", "string", "NO", None, None),
                ("engage_default", "users", "revenue", "decimal(18,2)", "YES", "0", "in EUR"),
            ],
        }
    )
    state = BRICKS.catalog(connection, ["engage_default", "empty"])  # type: ignore[arg-type]
    assert len(connection.asked) == 2
    assert state.schemas == ("empty", "engage_default")
    users = state.by_name[TableName("engage_default", "users")]
    assert users.columns == (
        Column(name="id", type=Text()),
        Column(name="revenue", type=Decimal(18, 2), description="in EUR"),
    )
    assert (users.rows, users.description, users.database_owner) == (None, "all users", "loader")
    assert users.by_name["id"].required
    assert users.by_name["revenue"].has_default
    assert state.by_name[TableName("engage_default", "seen")].kind == "view"


def test_grants_are_read_through_groups_and_what_lacks_is_a_statement() -> None:
    answers: dict[str, list[tuple[Any, ...]]] = {
        "SELECT current_catalog()": [("main", "me@x.io")],
        "FROM VALUES": [("readers",), ("me@x.io",)],
        "catalog_privileges": [
            ("USE CATALOG", None, None, "readers"),
            ("USE_SCHEMA", "engage_default", None, "readers"),
            ("SELECT", "engage_default", "users", "readers"),
            ("SELECT", "engage_default", "identifies", "others"),
            ("OWNER", "engagectl", None, "me@x.io"),
        ],
        "information_schema.schemata": [("engage_default",), ("engagectl",)],
        "information_schema.tables": [
            ("engage_default", "identifies"),
            ("engage_default", "stray"),
            ("engage_default", "users"),
            ("engagectl", "meta"),
        ],
    }
    connection: Any = Answers(answers)
    needs = Needs(tables=(TableName("engage_default", "users"), TableName("engage_default", "identifies")))
    assert held(connection).has("SELECT", "engagectl", "meta")
    assert missing(connection, "engagectl", needs, "plan") == (
        "GRANT SELECT ON TABLE `main`.`engage_default`.`identifies` TO `me@x.io`",
    )
    lacks = missing(connection, "engagectl", needs, "apply")
    assert "GRANT CREATE TABLE ON SCHEMA `main`.`engage_default` TO `me@x.io`" in lacks
    assert "GRANT MODIFY ON TABLE `main`.`engage_default`.`users` TO `me@x.io`" in lacks
    assert not [line for line in lacks if "stray" in line or "engagectl" in line]


def test_the_grants_to_run_name_the_catalog() -> None:
    text = grants("main", "engagectl", "sql")
    assert "GRANT USE CATALOG, USE SCHEMA, SELECT ON CATALOG `main` TO `engagectl_plan`;" in text
    assert "CREATE SCHEMA IF NOT EXISTS `main`.`engagectl`;" in text
    blocks = grants("main", "engagectl", "terraform")
    assert blocks.count("{") == blocks.count("}")
    assert '"USE_CATALOG", "USE_SCHEMA", "SELECT"' in blocks


class ServerOperationError(Exception):
    """The shape of the connector's error."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestError(ServerOperationError):
    """The shape of another one."""


def test_errors_speak_of_names_and_never_of_values() -> None:
    gone = as_ours(
        ServerOperationError(
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `s`.`t` cannot be found. Verify it.\nmore SQLSTATE: 42P01;"
        ),
        "",
    )
    assert isinstance(gone, StatementError)
    assert (gone.message, gone.sqlstate) == (
        "Databricks: The table or view `s`.`t` cannot be found. Verify it.",
        "42P01",
    )
    assert gone.help
    for text in (
        f"[CAST_INVALID_INPUT] The value '{CANARY}' of the type STRING cannot be cast. SQLSTATE: 22018",
        f"[PARSE_SYNTAX_ERROR] Syntax error at or near '{CANARY}'. SQLSTATE: 42601",
        f"something else with {CANARY}",
    ):
        told = as_ours(ServerOperationError(text), "")
        assert isinstance(told, StatementError)
        assert CANARY not in str(told)
    conflict = as_ours(ServerOperationError(f"[DELTA_CONCURRENT_APPEND.X] {CANARY} SQLSTATE: 2D521"), "")
    assert isinstance(conflict, TransientError)
    assert isinstance(as_ours(RequestError(CANARY), ""), TransientError)


def test_a_failed_connection_says_why_in_our_words() -> None:
    told = cannot_connect(RequestError(f"Error during request to server: HTTP 403 {CANARY}"), "h")
    assert "CAN USE" in told.message
    assert CANARY not in told.message


def test_ways_to_sign_in_and_what_a_session_says_of_itself() -> None:
    found = connection_parameters(SPEC, {"token": Secret("abc")}, TAG)
    assert (found["access_token"], found["server_hostname"], found["catalog"]) == ("abc", SPEC.host, "main")
    assert found["session_configuration"]["QUERY_TAGS"] == "engagectl:plan,target:prod"
    assert found["enable_telemetry"] is False
    assert "_connection_uri" not in found
    robot = connection_parameters(SPEC, {"client_id": "c", "client_secret": Secret(CANARY)}, TAG)
    assert isinstance(robot["credentials_provider"], MachineToMachine)
    assert CANARY not in repr(robot)
    with pytest.raises(ConnectError, match="no way to sign in"):
        connection_parameters(SPEC, {}, TAG)


def test_without_encryption_only_this_machine_is_reached() -> None:
    local = connection_parameters(SPEC, {"token": "t", "host": "http://127.0.0.1:8080"}, TAG)
    assert local["_connection_uri"] == "http://127.0.0.1:8080/sql/1.0/warehouses/w"
    with pytest.raises(ConnectError, match="without encryption"):
        connection_parameters(SPEC, {"token": "t", "host": "http://example.com"}, TAG)


class Tokens(BaseHTTPRequestHandler):
    """The token endpoint of a workspace: one client is known."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        pair = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        self.asked.append(f"{self.path} {body}")
        is_known = pair == f"robot:{CANARY}"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        token = {"access_token": f"t{len(self.asked)}", "expires_in": 3600}
        self.wfile.write(json.dumps(token if is_known else {"error": CANARY}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def workspace() -> Iterator[str]:
    Tokens.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_token_is_asked_for_once_an_hour(workspace: str) -> None:
    now = [0.0]
    robot = MachineToMachine(workspace, "robot", Secret(CANARY), clock=lambda: now[0])
    assert robot()() == {"Authorization": "Bearer t1"}
    now[0] = 3000.0
    assert robot.headers() == {"Authorization": "Bearer t1"}
    now[0] = 3400.0
    assert robot.headers() == {"Authorization": "Bearer t2"}
    assert Tokens.asked == ["/oidc/v1/token grant_type=client_credentials&scope=all-apis"] * 2


def test_a_client_that_is_not_known_is_told_so_without_its_secret(workspace: str) -> None:
    with pytest.raises(ConnectError, match="does not accept the client id") as caught:
        MachineToMachine(workspace, "robot", Secret("other")).headers()
    assert CANARY not in str(caught.value)


WAREHOUSE = """    type: databricks
    host: adb-1.2.azuredatabricks.net
    http_path: /sql/1.0/warehouses/w
    catalog: main
    auth: {method: token, token: {$env: DATABRICKS_CANARY}}
"""


@pytest.mark.skipif(importlib.util.find_spec("databricks") is not None, reason="the connector is here")
def test_a_missing_driver_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_CANARY", CANARY)
    house = House(tmp_path, WAREHOUSE)
    house.write()
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 1
    assert "pip install 'engagectl[databricks]'" in done.err
    assert CANARY not in done.err + done.out


def test_offline_it_plans_and_writes_sql_without_driver_or_secret(tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    assert "CREATE SCHEMA IF NOT EXISTS `engage_default`" in statements
    assert any("`first_time_shopper` BOOLEAN" in sql for sql in statements)
    assert run("-C", str(tmp_path), "docs").code == 0
    assert "ON CATALOG `main`" in run("-C", str(tmp_path), "doctor", "--grants", "sql").out


@pytest.mark.parametrize(
    ("layout", "users", "identifies"),
    [
        ("", "CLUSTER BY (`id`)", "CLUSTER BY (`received_at`)"),
        ("    layout: {events: {}, users: {}}\n", "USING DELTA\nTBLPROPERTIES", "USING DELTA\nTBLPROPERTIES"),
        (
            "    layout: {events: {cluster_by: [user_id, received_at, none_such]}}\n",
            "CLUSTER BY (`id`)",
            "CLUSTER BY (`user_id`, `received_at`)",
        ),
    ],
)
def test_new_tables_are_clustered_as_the_yaml_says(layout: str, users: str, identifies: str, tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE + layout)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    for table, expected in (("users", users), ("identifies", identifies)):
        (made,) = [sql for sql in statements if f"CREATE TABLE IF NOT EXISTS `engage_default`.`{table}`" in sql]
        assert expected in made


def test_what_the_connector_logs_is_not_shown() -> None:
    program = (
        "import logging; from engagectl.warehouses.databricks.connect import keep_quiet; {}"
        f"logging.getLogger('databricks.sql.client').error('{CANARY}')"
    )
    told = [
        subprocess.run([sys.executable, "-c", program.format(word)], capture_output=True, text=True, check=True).stderr
        for word in ("", "keep_quiet(); ")
    ]
    assert [CANARY in one for one in told] == [True, False]


def test_a_query_reads_through_what_waits_and_leaves_texts_alone() -> None:
    written = {"`odd``name`.log": [Deleted("(id = 'x')")]}
    sql = read_through("SELECT * FROM `odd``name`.log AS l WHERE id = '`odd``name`.log'", written, lambda _: ("id",))
    assert sql == (
        "SELECT * FROM (SELECT * FROM (SELECT `id` FROM `odd``name`.log) WHERE NOT coalesce((id = 'x'), FALSE)) AS l"
        " WHERE id = '`odd``name`.log'"
    )
