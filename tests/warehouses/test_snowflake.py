"""Snowflake without a server: types, names, grants and errors. make test-warehouses has one, of an emulator."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagectl import api
from engagectl.config.resolve import Secret
from engagectl.errors import ConnectError, RefusedError, StatementError, TransientError
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
from engagectl.model.schema import Column, TableName
from engagectl.render import render
from engagectl.warehouses.contract import Needs
from engagectl.warehouses.letters import turned
from engagectl.warehouses.registry import warehouse
from engagectl.warehouses.snowflake.connect import connection_parameters
from engagectl.warehouses.snowflake.failure import as_ours, cannot_connect
from engagectl.warehouses.snowflake.grants import grants, held_by, missing, parts
from tests.cli.inside import run
from tests.scenarios.house import House

SNOWFLAKE = warehouse("snowflake")
CANARY = "S3CRET-canary"
SPEC = SimpleNamespace(account="acme-x", database="CDP")


class Answers:
    """Answers each query by the first of the given words that its text holds: rows as Snowflake's manual has them."""

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
        ("NUMBER(38,0)", Integer()),
        ("bigint", Integer()),
        ("NUMBER(18,2)", Decimal(18, 2)),
        ("decimal(10, 0)", Decimal(10, 0)),
        ("TEXT(16777216)", Text()),
        ("VARCHAR(134217728)", Text()),
        ("STRING", Text()),
        ("char varying (12)", Text(12)),
        ("CHAR", Text(1)),
        ("FLOAT", Float()),
        ("double precision", Float()),
        ("TIMESTAMP_TZ(9)", Timestamp()),
        ("timestamptz", Timestamp()),
        ("TIMESTAMP_NTZ(9)", Native("TIMESTAMP_NTZ")),
        ("datetime", Native("TIMESTAMP_NTZ")),
        ("VARIANT", Json()),
        ("BOOLEAN", Boolean()),
        ("DATE", Date()),
        ("OBJECT", Native("OBJECT")),
        ("VARBINARY", Native("BINARY")),
        ("BINARY(8388608)", Native("BINARY")),
        ("BINARY(16)", Native("BINARY(16)")),
        ("TIME(9)", Native("TIME")),
    ],
)
def test_synonyms_and_default_sizes_are_one_type(written: str, expected: ColumnType) -> None:
    assert SNOWFLAKE.native_type(written) == expected
    assert SNOWFLAKE.settle(Native(written)) == expected


TYPES = st.one_of(
    st.sampled_from([Boolean(), Integer(), Float(), Timestamp(), Date(), Json(), JsonText(), Text()]),
    st.integers(1, 20_000_000).map(Text),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, min(p, 37)).map(lambda s: Decimal(p, s))),
)


@given(TYPES)
def test_what_is_written_is_read_back_as_settled(one: ColumnType) -> None:
    settled = SNOWFLAKE.settle(one)
    assert SNOWFLAKE.settle(settled) == settled
    assert SNOWFLAKE.native_type(SNOWFLAKE.type_sql(one)) == settled


@given(TYPES, TYPES)
def test_only_longer_texts_and_wider_numbers_are_widened(found: ColumnType, wanted: ColumnType) -> None:
    before, after = SNOWFLAKE.settle(found), SNOWFLAKE.settle(wanted)
    if SNOWFLAKE.relate(before, after) != "widen":
        return
    match before, after:
        case Text(short, _), Text(long, _):
            assert short is not None
            assert long is None or long > short
        case Decimal(few, scale), Decimal(many, same):
            assert (scale, few) == (same, min(few, many))
        case _:
            assert isinstance(before, Decimal)
            assert (before.scale, after) == (0, Integer())


@pytest.mark.parametrize("one", [Decimal(39, 0), Decimal(38, 38)])
def test_a_decimal_that_does_not_fit_is_refused(one: Decimal) -> None:
    with pytest.raises(RefusedError, match="Snowflake cannot store"):
        SNOWFLAKE.settle(one)


@pytest.mark.parametrize("name", ["FOOBAR", "JSONB", "SUPER", "BIGINT UNSIGNED", "VECTOR(FLOAT, 3)"])
def test_a_type_that_is_none_is_never_written(name: str) -> None:
    with pytest.raises(RefusedError):
        render(AddColumn(table=TableName("s", "t"), column=Column(name="c", type=Native(name))), SNOWFLAKE)


def test_every_column_of_the_journal_has_a_type_of_snowflake() -> None:
    written = {SNOWFLAKE.type_sql(column.type) for table in TABLES for column in table.columns}
    assert written == {"VARCHAR", "NUMBER(38, 0)", "VARCHAR(36)"}


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])), st.text())
def test_neutral_and_stored_names_are_one_to_one(name: str, other: str) -> None:
    assert turned(turned(name)) == name
    assert (turned(name) == turned(other)) == (name == other)


def test_names_of_one_case_are_turned_and_mixed_ones_stay() -> None:
    assert [turned(one) for one in ("vip", "VIP", "myCol", "é_a", "")] == ["VIP", "vip", "myCol", "é_A", ""]


def test_the_catalog_is_two_queries_and_speaks_neutral_names() -> None:
    connection = Answers(
        {
            "information_schema.schemata": [
                ("ENGAGE_DEFAULT", "USERS", "BASE TABLE", "all users", 7, "LOADER"),
                ("ENGAGE_DEFAULT", "seen", "VIEW", None, None, "LOADER"),
                ("EMPTY", None, None, None, None, None),
            ],
            "information_schema.columns": [
                ("ENGAGE_DEFAULT", "USERS", "ID", "TEXT", 16777216, None, None, "NO", None, None),
                ("ENGAGE_DEFAULT", "USERS", "REVENUE", "NUMBER", None, 18, 2, "YES", "0", "in EUR"),
            ],
        }
    )
    state = SNOWFLAKE.catalog(connection, ["engage_default", "empty"])  # type: ignore[arg-type]
    assert len(connection.asked) == 2
    assert state.schemas == ("empty", "engage_default")
    users = state.by_name[TableName("engage_default", "users")]
    assert users.columns == (
        Column(name="id", type=Text()),
        Column(name="revenue", type=Decimal(18, 2), description="in EUR"),
    )
    assert (users.rows, users.description, users.database_owner) == (7, "all users", "LOADER")
    assert users.by_name["id"].required
    assert users.by_name["revenue"].has_default
    assert state.by_name[TableName("engage_default", "SEEN")].kind == "view"


GRANTS = [
    (0, "USAGE", "DATABASE", "CDP"),
    (0, "USAGE", "ROLE", "READERS"),
    (0, "USAGE", "WAREHOUSE", "LOAD_WH"),
]
LENT = [
    (0, "USAGE", "SCHEMA", "CDP.ENGAGE_DEFAULT"),
    (0, "SELECT", "TABLE", "CDP.ENGAGE_DEFAULT.USERS"),
    (0, "SELECT", "TABLE", 'CDP.ENGAGE_DEFAULT."seen.by"'),
]
NEEDS = Needs(tables=(TableName("engage_default", "users"), TableName("engage_default", "identifies")))


def test_grants_are_read_through_roles_and_what_lacks_is_a_statement() -> None:
    answers: dict[str, list[tuple[Any, ...]]] = {
        "TO ROLE READERS": LENT,
        "TO ROLE ME": GRANTS,
        "CURRENT_DATABASE": [("CDP", "ME", "LOAD_WH")],
        "information_schema.schemata": [("ENGAGECTL",), ("ENGAGE_DEFAULT",)],
        "information_schema.tables": [
            ("ENGAGECTL", "META"),
            ("ENGAGE_DEFAULT", "IDENTIFIES"),
            ("ENGAGE_DEFAULT", "STRAY"),
            ("ENGAGE_DEFAULT", "USERS"),
        ],
    }
    connection: Any = Answers(answers)
    held = held_by(connection, "ME")
    assert missing(connection, held, "engagectl", NEEDS, "plan") == (
        "GRANT USAGE ON SCHEMA CDP.ENGAGECTL TO ROLE ME",
        "GRANT SELECT ON TABLE CDP.ENGAGECTL.META TO ROLE ME",
        "GRANT SELECT ON TABLE CDP.ENGAGE_DEFAULT.IDENTIFIES TO ROLE ME",
    )
    lacks = missing(connection, held, "engagectl", NEEDS, "apply")
    assert "GRANT OWNERSHIP ON TABLE CDP.ENGAGE_DEFAULT.USERS TO ROLE ME" in lacks
    assert "GRANT CREATE TABLE ON SCHEMA CDP.ENGAGE_DEFAULT TO ROLE ME" in lacks
    assert not [line for line in lacks if "STRAY" in line]


def test_parts_of_a_qualified_name() -> None:
    assert list(parts('CDP."my.schema"."a""b"')) == ["CDP", "my.schema", 'a"b']


def test_the_grants_to_run_name_the_database_as_it_is_stored() -> None:
    text = grants("cdp", "engagectl", "sql")
    assert "GRANT USAGE ON DATABASE CDP TO ROLE ENGAGECTL_PLAN;" in text
    assert "CREATE SCHEMA IF NOT EXISTS CDP.ENGAGECTL;" in text
    assert '"Odd db"' in grants("Odd db", "engagectl", "sql")
    blocks = grants("cdp", "engagectl", "terraform")
    assert blocks.count("{") == blocks.count("}")
    assert 'future_schemas_in_database = "CDP"' in blocks


class Refusal(Exception):  # noqa: N818  the shape of the connector's Error
    def __init__(self, message: str, errno: int, sqlstate: str) -> None:
        super().__init__(message)
        self.msg = self.raw_msg = message
        self.errno, self.sqlstate = errno, sqlstate


def test_errors_speak_of_names_and_never_of_values() -> None:
    gone = as_ours(
        Refusal("SQL compilation error:\nObject 'CDP.S.T' does not exist or not authorized.", 2003, "42S02"), ""
    )
    assert isinstance(gone, StatementError)
    assert gone.message == "Snowflake: Object 'CDP.S.T' does not exist or not authorized."
    assert gone.help
    for number, state in ((100038, "22018"), (100078, "22000"), (999999, "XX000")):
        hidden = as_ours(Refusal(f"Numeric value '{CANARY}' is not recognized", number, state), "")
        assert CANARY not in str(hidden)
    assert isinstance(as_ours(Refusal("", 390114, "08001"), ""), TransientError)
    assert isinstance(as_ours(Refusal(f"x {CANARY}", 625, "57014"), ""), TransientError)
    asleep = as_ours(Refusal("No active warehouse selected in the current session.", 606, "57P03"), "")
    assert isinstance(asleep, StatementError)
    assert "compute_warehouse" in asleep.help[0]


def test_a_failed_connection_says_why_in_our_words() -> None:
    told = cannot_connect(Refusal(f"250001: JWT token is invalid. {CANARY}", 250001, "08001"), "acme-x")
    assert "the key does not fit the public key" in told.message
    assert CANARY not in told.message


def test_ways_to_sign_in() -> None:
    assert connection_parameters(SPEC, {"user": "u", "password": Secret("p")})["password"] == "p"
    token = connection_parameters(SPEC, {"token": Secret("abc")})
    assert (token["authenticator"], token["account"]) == ("PROGRAMMATIC_ACCESS_TOKEN", "acme-x")
    assert connection_parameters(SPEC, {"token": Secret("a.b.c")})["authenticator"] == "OAUTH"
    with pytest.raises(ConnectError, match="no way to sign in"):
        connection_parameters(SPEC, {"user": "u"})


def test_without_encryption_only_this_machine_is_reached() -> None:
    local = connection_parameters(SPEC, {"password": "p", "host": "http://127.0.0.1:8080"})
    assert (local["protocol"], local["host"], local["port"]) == ("http", "127.0.0.1", 8080)
    private = connection_parameters(SPEC, {"password": "p", "host": "acme.privatelink.snowflakecomputing.com"})
    assert (private["host"], private["port"]) == ("acme.privatelink.snowflakecomputing.com", 443)
    assert "protocol" not in private
    with pytest.raises(ConnectError, match="without encryption"):
        connection_parameters(SPEC, {"password": "p", "host": "http://example.com"})


WAREHOUSE = """    type: snowflake
    account: acme-x
    database: CDP
    auth: {method: password, user: u, password: {$env: SNOWFLAKE_CANARY}}
"""


@pytest.mark.skipif(importlib.util.find_spec("snowflake") is not None, reason="the connector is here")
def test_a_missing_driver_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_CANARY", CANARY)
    house = House(tmp_path, WAREHOUSE)
    house.write()
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 1
    assert "pip install 'engagectl[snowflake]'" in done.err
    assert CANARY not in done.err + done.out


def test_offline_it_plans_and_writes_sql_without_driver_or_secret(tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    assert 'CREATE SCHEMA IF NOT EXISTS "ENGAGE_DEFAULT"' in statements
    assert any('"FIRST_TIME_SHOPPER" BOOLEAN' in sql for sql in statements)
    assert run("-C", str(tmp_path), "docs").code == 0
    assert run("-C", str(tmp_path), "doctor", "--grants", "sql").out.startswith("-- run once")


@pytest.mark.parametrize(
    ("layout", "users", "identifies"),
    [
        ("", False, ""),
        ("    layout: {events: {cluster_by: [received_at, none_such, user_id]}}\n", False, '"RECEIVED_AT", "USER_ID"'),
        ("    layout: {users: {cluster_by: [id]}, events: {}}\n", True, ""),
    ],
)
def test_new_tables_have_the_clustering_key_that_the_yaml_says(
    layout: str, users: bool, identifies: str, tmp_path: Path
) -> None:
    house = House(tmp_path, WAREHOUSE + layout)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    made = {
        name: next(sql for sql in statements if f'EXISTS "ENGAGE_DEFAULT"."{name}"' in sql)
        for name in ("USERS", "IDENTIFIES")
    }
    assert ('CLUSTER BY ("ID")' in made["USERS"]) is users
    assert (f"CLUSTER BY ({identifies})" in made["IDENTIFIES"]) is bool(identifies)
    assert ("CLUSTER BY" in made["IDENTIFIES"]) is bool(identifies)
