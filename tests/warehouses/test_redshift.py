"""Redshift without a server: types, names, addresses, grants and errors. The contract has one, behind a proxy."""

import re
import sys
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
from engagectl.warehouses.contract import Needs, UsersFold
from engagectl.warehouses.redshift.address import parameters, said_fields, where
from engagectl.warehouses.redshift.connect import _insert_of, text_sql
from engagectl.warehouses.redshift.failure import as_ours, cannot_connect
from engagectl.warehouses.redshift.fold import Fold
from engagectl.warehouses.redshift.grants import grants, missing
from engagectl.warehouses.registry import warehouse
from tests.cli.inside import run
from tests.scenarios.house import House
from tests.warehouses.contract.redshift_refuses import refusal

REDSHIFT = warehouse("redshift")
CANARY = "S3CRET-canary"
SPEC = SimpleNamespace(host="c.example.com", database="cdp", user="loader")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("bigint", Integer()),
        ("int8", Integer()),
        ("integer", Native("integer")),
        ("numeric(18,2)", Decimal(18, 2)),
        ("decimal", Decimal(18, 0)),
        ("character varying(256)", Text(max_bytes=256)),
        ("TEXT", Text(max_bytes=256)),
        ("varchar(max)", Text(max_bytes=65_535)),
        ("bpchar", Native("character(256)")),
        ("double precision", Float()),
        ("float8", Float()),
        ("timestamptz", Timestamp()),
        ("timestamp", Native("timestamp without time zone")),
        ("super", Json()),
        ("bool", Boolean()),
        ("date", Date()),
        ("varbyte", Native("binary varying")),
    ],
)
def test_synonyms_and_default_lengths_are_one_type(written: str, expected: ColumnType) -> None:
    assert REDSHIFT.native_type(written) == expected
    assert REDSHIFT.settle(Native(written)) == expected


TYPES = st.one_of(
    st.sampled_from([Boolean(), Integer(), Float(), Timestamp(), Date(), Json(), JsonText(), Text()]),
    st.integers(1, 16_383).map(Text),
    st.integers(1, 65_535).map(lambda n: Text(max_bytes=n)),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, min(p, 37)).map(lambda s: Decimal(p, s))),
)


@given(TYPES)
def test_what_is_written_is_read_back_as_settled(one: ColumnType) -> None:
    settled = REDSHIFT.settle(one)
    assert REDSHIFT.settle(settled) == settled
    assert REDSHIFT.native_type(REDSHIFT.type_sql(one)) == settled


@given(TYPES, TYPES)
def test_only_longer_texts_are_widened(found: ColumnType, wanted: ColumnType) -> None:
    before, after = REDSHIFT.settle(found), REDSHIFT.settle(wanted)
    if REDSHIFT.relate(before, after) == "widen":
        assert isinstance(before, Text)
        assert isinstance(after, Text)
        assert (before.max_bytes or 0) < (after.max_bytes or 0)


def test_characters_are_four_bytes_each_and_a_found_length_in_bytes_stays() -> None:
    assert REDSHIFT.settle(Text(32)) == Text(max_bytes=128)
    assert REDSHIFT.relate(Text(max_bytes=512), REDSHIFT.settle(Text(128))) == "same"
    assert REDSHIFT.relate(Text(max_bytes=512), REDSHIFT.settle(Text(32))) == "holds"
    assert REDSHIFT.relate(Text(max_bytes=64), REDSHIFT.settle(Text(32))) == "widen"


@pytest.mark.parametrize("one", [Decimal(39, 0), Decimal(38, 38), Text(16_384)])
def test_what_no_column_holds_is_refused(one: ColumnType) -> None:
    with pytest.raises(RefusedError, match="Redshift") as caught:
        REDSHIFT.settle(one)
    assert caught.value.code == "EC410"


@pytest.mark.parametrize("name", ["FOOBAR", "JSONB", "UUID[]", "BYTEA", "TEXT[]"])
def test_a_type_that_is_none_is_never_written(name: str) -> None:
    with pytest.raises(RefusedError):
        render(AddColumn(table=TableName("s", "t"), column=Column(name="c", type=Native(name))), REDSHIFT)


@pytest.mark.parametrize(("engine", "name"), [("redshift", "oid"), ("redshift", "xmin"), ("postgres", "ctid")])
def test_a_column_that_the_engine_has_itself_is_refused_by_plan(engine: str, name: str) -> None:
    change = AddColumn(table=TableName("s", "t"), column=Column(name=name, type=Integer()))
    with pytest.raises(RefusedError, match="of its own in every table") as caught:
        render(change, warehouse(engine))
    assert caught.value.code == "EC412"


def test_every_column_of_the_journal_has_a_type_of_redshift() -> None:
    written = {REDSHIFT.type_sql(column.type) for table in TABLES for column in table.columns}
    assert written == {"VARCHAR(65535)", "BIGINT", "VARCHAR(36)", "SMALLINT", "INTEGER"}


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "s"."t" ADD COLUMN IF NOT EXISTS "c" BIGINT',
        'ALTER TABLE "s"."t" ADD COLUMN "a" BIGINT, ADD COLUMN "b" BIGINT',
        'ALTER TABLE "s"."t" ALTER COLUMN "c" SET DATA TYPE VARCHAR(9)',
        'ALTER TABLE "s"."t" ALTER COLUMN "c" TYPE BIGINT',
        'CREATE UNIQUE INDEX i ON "s"."t" ("id")',
        'CREATE TABLE "s"."t" ("c" jsonb)',
        'CREATE TABLE "s"."t" ("c" uuid)',
        "INSERT INTO s.t VALUES (1) ON CONFLICT DO NOTHING",
        "DELETE FROM s.t RETURNING id",
        "SELECT 1 FROM s.t WHERE a IS NOT DISTINCT FROM b",
        "SELECT * FROM (VALUES (1)) AS v(a)",
        "SELECT 1 WHERE x = ANY(?)",
        "CREATE TEMP TABLE t (a BIGINT) ON COMMIT DROP",
        "SELECT pg_try_advisory_lock(1)",
        "SELECT identity FROM s.t",
    ],
)
def test_the_list_of_what_redshift_refuses_finds_it(sql: str) -> None:
    assert refusal(sql) is not None


@pytest.mark.parametrize(
    "sql",
    [
        'COMMENT ON COLUMN "s"."uuid"."jsonb" IS \'ON CONFLICT, RETURNING\'',
        'ALTER TABLE "s"."t" ALTER COLUMN "c" TYPE VARCHAR(9)',
        'ALTER TABLE "s"."t" ADD COLUMN "serial" NUMERIC(10, 2)',
    ],
)
def test_and_takes_no_name_or_text_for_it(sql: str) -> None:
    assert refusal(sql) is None


class Answers:
    """Answers each query by the first of the given words that its text holds."""

    queries = 0

    def __init__(self, answers: Mapping[str, list[tuple[Any, ...]]]) -> None:
        self.answers = answers

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        del parameters
        return next(rows for key, rows in self.answers.items() if key in sql)


NEEDS = Needs(tables=(TableName("engage_default", "users"), TableName("engage_default", "identifies")))


def test_what_a_user_lacks_is_a_statement() -> None:
    connection: Any = Answers(
        {
            "has_database_privilege": [("cdp", False, False)],
            "has_schema_privilege": [("engagectl", False, False), ("engage_default", True, False)],
            "has_table_privilege": [
                ("engage_default", "identifies", "segment", True, False, False, False),
                ("engage_default", "stray", "segment", False, False, False, False),
                ("engage_default", "users", "segment", False, False, False, False),
            ],
        }
    )
    assert missing(connection, "engagectl", NEEDS, "plan", "me") == (
        'GRANT USAGE ON SCHEMA "engagectl" TO "me"',
        'GRANT SELECT ON TABLE "engage_default"."users" TO "me"',
    )
    made = missing(connection, "engagectl", NEEDS, "apply", "me")
    assert 'ALTER TABLE "engage_default"."users" OWNER TO "me"' in made
    lacks = missing(connection, "engagectl", NEEDS, "sync", "me")
    assert lacks[0] == 'GRANT TEMP ON DATABASE "cdp" TO "me"'
    assert 'GRANT SELECT, INSERT ON TABLE "engage_default"."users" TO "me"' in lacks


def test_the_grants_to_run_cover_what_comes_later() -> None:
    text = grants("my db", "engagectl", "sql")
    assert 'GRANT USAGE FOR SCHEMAS IN DATABASE "my db" TO "engagectl_plan";' in text
    assert 'CREATE SCHEMA IF NOT EXISTS "engagectl" AUTHORIZATION "engagectl_apply";' in text
    blocks = grants("cdp", "engagectl", "terraform")
    assert blocks.count("{") == blocks.count("}")


class Refusal(Exception):  # noqa: N818  the shape of the driver's errors
    pass


def refused(message: str, state: str) -> Refusal:
    return Refusal({"S": "ERROR", "C": state, "M": message})


def test_errors_speak_of_names_and_never_of_values() -> None:
    gone = as_ours(refused('relation "s.t" does not exist', "42P01"), "")
    assert isinstance(gone, StatementError)
    assert gone.message == 'Redshift: relation "s.t" does not exist'
    for state in ("22P02", "XX000"):
        hidden = as_ours(refused(f"invalid input syntax for type numeric: {CANARY}", state), "")
        assert CANARY not in str(hidden)
    conflict = as_ours(
        refused("1023 Serializable isolation violation on table - 1, transactions forming..", "XX000"), ""
    )
    assert isinstance(conflict, TransientError)
    assert isinstance(as_ours(OSError("broken pipe"), ""), TransientError)
    row = as_ours(refused(f"Load into table 't' failed.  Check 'sys_load_error_detail' for {CANARY}.", "XX000"), "")
    assert row.message == "Redshift: COPY does not take one of the staged rows"
    assert CANARY not in str(row.help)
    denied = as_ours(refused("permission denied for schema s", "42501"), "")
    assert isinstance(denied, StatementError)
    assert denied.help


def test_a_failed_connection_says_why_in_our_words() -> None:
    told = cannot_connect(refused(f'password authentication failed for user "{CANARY}"', "28000"), "host h")
    assert told.message == "Redshift at host h: the user or the password is wrong"
    told = cannot_connect(OSError(f"Connection refused {CANARY}"), "host h")
    assert told.message == "Redshift at host h: nothing listens there"


def test_ways_to_sign_in() -> None:
    by_password = parameters(said_fields(SPEC, {"user": "u", "password": Secret("p")}))
    assert (by_password["user"], by_password["password"], by_password["port"]) == ("u", "p", 5439)
    assert (by_password["ssl"], by_password["sslmode"]) == (True, "verify-full")
    by_dsn = parameters(said_fields(SimpleNamespace(), {"dsn": Secret("redshift://u:p%40@h.example.com:1/d")}))
    assert (by_dsn["host"], by_dsn["port"], by_dsn["password"], by_dsn["database"]) == ("h.example.com", 1, "p@", "d")
    cluster = parameters(said_fields(SimpleNamespace(cluster="c", database="d", user="u", region="eu-west-1"), {}))
    assert (cluster["iam"], cluster["cluster_identifier"], cluster["db_user"]) == (True, "c", "u")
    serverless = parameters(said_fields(SimpleNamespace(workgroup="w", database="d"), {}))
    assert (serverless["is_serverless"], serverless["serverless_work_group"]) == (True, "w")
    with pytest.raises(ConnectError, match="no way to sign in"):
        parameters(said_fields(SPEC, {}))


def test_without_encryption_only_this_machine_is_reached_unasked() -> None:
    assert parameters({"host": "127.0.0.1", "password": "p"})["ssl"] is False
    assert parameters({"host": "h", "password": "p", "sslmode": "require"})["sslmode"] == "verify-ca"
    assert parameters({"host": "h", "password": "p", "sslmode": "disable"})["ssl"] is False


def test_what_came_by_reference_is_not_named() -> None:
    assert where({"host": CANARY}, {"dsn": Secret(CANARY)}) == "the server of the dsn"
    assert where({"host": CANARY}, {"host": Secret(CANARY)}) == "host (by reference)"
    with pytest.raises(ConnectError) as caught:
        said_fields(SimpleNamespace(), {"dsn": Secret(f"http://{CANARY}:x/")})
    assert CANARY not in str(caught.value)


WAREHOUSE = """    type: redshift
    host: cluster.example.com
    database: cdp
    auth: {method: password, user: u, password: {$env: REDSHIFT_CANARY}}
"""


@pytest.mark.parametrize(
    ("layout", "users", "identifies"),
    [
        ("", 'DISTSTYLE KEY DISTKEY ("id")\nSORTKEY ("id")', 'SORTKEY ("received_at")'),
        ("    layout: {events: {}, users: {}}\n", ")", ")"),
        (
            "    layout: {events: {distkey: user_id, sortkey: [received_at, id, none_such]}}\n",
            'DISTSTYLE KEY DISTKEY ("id")\nSORTKEY ("id")',
            'DISTSTYLE KEY DISTKEY ("user_id")\nSORTKEY ("received_at", "id")',
        ),
    ],
)
def test_new_tables_are_laid_out_as_the_yaml_says(layout: str, users: str, identifies: str, tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE + layout)
    house.write()
    statements = {
        step.address.name: step.statements[0]
        for step in api.make_plan(house.project, offline=True).steps
        if step.statements
    }
    assert statements["engage_default.users"].endswith(f"\n{users}")
    assert statements["engage_default.identifies"].endswith(f"\n{identifies}")


def test_rows_go_in_statements_of_many() -> None:
    assert _insert_of("INSERT INTO a.b (c, d) VALUES (?, ?)") == ("INSERT INTO a.b (c, d)", "(?, ?)")
    assert _insert_of("DELETE FROM a.b WHERE c = ?") == ("", "")


def test_a_backslash_in_a_text_is_doubled() -> None:
    assert text_sql("a\\' OR 1") == "'a\\\\'' OR 1'"


def test_a_missing_driver_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHIFT_CANARY", CANARY)
    monkeypatch.setitem(sys.modules, "redshift_connector", None)
    House(tmp_path, WAREHOUSE).write()
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 1
    assert "pip install 'engagectl[redshift]'" in done.err
    assert CANARY not in done.err + done.out


def test_offline_it_plans_and_writes_sql_without_driver_or_secret(tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    assert any('"first_time_shopper" BOOLEAN' in sql for sql in statements)
    assert [sql for sql in statements if refusal(sql)] == []
    assert run("-C", str(tmp_path), "docs").code == 0
    assert run("-C", str(tmp_path), "doctor", "--grants", "sql").out.startswith("-- run once")


def test_event_times_of_long_names_stay_apart_in_a_fold() -> None:
    names = [f"{'n' * 126}{end}" for end in "ab"]
    folded = Fold(
        of=UsersFold(
            users=TableName("engage_default", "users"),
            times=TableName("engagectl", "users_times_1"),
            delta="ec_newest",
            traits=tuple((name, name, Text()) for name in names),
            null_erases=False,
            uuid_ts="2026-01-01T00:00:00Z",
        ),
        stored={"id": "character varying(65535)", **dict.fromkeys(names, "character varying(65535)")},
        users="users",
        times="times",
    )
    assert len(folded.staged) == len(folded.shape) == 7
    named = re.findall(r'"((?:at|was):[^"]*)"', folded.select("delta", {}))
    assert len(set(named)) == 4
    assert all(len(name.encode()) <= 127 for name in named)
