"""BigQuery without a server: types, spelling, grants and errors. make test-warehouses has one, of an emulator."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagectl import api
from engagectl.errors import ConnectError, RefusedError, StatementError, TransientError
from engagectl.journal.tables import TABLES
from engagectl.model.change import AddColumn, CreateTable, SetComment
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
from engagectl.warehouses.bigquery.connect import endpoint_of
from engagectl.warehouses.bigquery.failure import as_ours, cannot_connect
from engagectl.warehouses.bigquery.grants import grants
from engagectl.warehouses.bigquery.spelling import for_many, name, spelled
from engagectl.warehouses.registry import warehouse
from tests.cli.inside import run
from tests.scenarios.house import House

BIGQUERY = warehouse("bigquery")
CANARY = "S3CRET-canary"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("INT64", Integer()),
        ("bigint", Integer()),
        ("INTEGER", Integer()),
        ("FLOAT", Float()),
        ("BOOLEAN", Boolean()),
        ("STRING(12)", Text(12)),
        ("STRING", Text()),
        ("NUMERIC", Decimal(38, 9)),
        ("NUMERIC(38, 9)", Decimal(38, 9)),
        ("decimal(10,2)", Decimal(10, 2)),
        ("BIGNUMERIC", Decimal(76, 38)),
        ("BIGDECIMAL(50, 10)", Decimal(50, 10)),
        ("NUMERIC(5)", Decimal(5, 0)),
        ("TIMESTAMP", Timestamp()),
        ("DATE", Date()),
        ("JSON", Json()),
        ("DATETIME", Native("DATETIME")),
        ("RECORD", Native("STRUCT")),
        ("ARRAY<STRING>", Native("ARRAY<STRING>")),
        ("BYTES(16)", Native("BYTES(16)")),
    ],
)
def test_synonyms_and_default_sizes_are_one_type(written: str, expected: ColumnType) -> None:
    assert BIGQUERY.native_type(written) == expected
    assert BIGQUERY.settle(Native(written)) == expected


TYPES = st.one_of(
    st.sampled_from([Boolean(), Integer(), Float(), Timestamp(), Date(), Json(), JsonText(), Text()]),
    st.integers(1, 20_000_000).map(Text),
    st.integers(0, 38).flatmap(lambda s: st.integers(max(s, 1), s + 38).map(lambda p: Decimal(p, s))),
)


@given(TYPES)
def test_what_is_written_is_read_back_as_settled(one: ColumnType) -> None:
    settled = BIGQUERY.settle(one)
    assert BIGQUERY.settle(settled) == settled
    assert BIGQUERY.native_type(BIGQUERY.type_sql(one)) == settled


@given(TYPES, TYPES)
def test_only_longer_texts_and_wider_numbers_are_widened(found: ColumnType, wanted: ColumnType) -> None:
    before, after = BIGQUERY.settle(found), BIGQUERY.settle(wanted)
    if BIGQUERY.relate(before, after) != "widen":
        return
    match before, after:
        case Text(short, _), Text(long, _):
            assert short is not None
            assert long is None or long > short
        case Decimal(few, scale), Decimal(many, finer):
            assert finer >= scale
            assert many - finer >= few - scale
        case _:
            assert isinstance(before, Integer)
            assert isinstance(after, Decimal)
            assert after.precision - after.scale >= 19


@pytest.mark.parametrize("one", [Decimal(77, 38), Decimal(39, 0), Decimal(40, 39)])
def test_a_decimal_that_does_not_fit_is_refused(one: Decimal) -> None:
    with pytest.raises(RefusedError, match="BigQuery cannot store"):
        BIGQUERY.settle(one)


@pytest.mark.parametrize("written", ["FOOBAR", "JSONB", "SUPER", "VARIANT", "VARCHAR(3)"])
def test_a_type_that_is_none_is_never_written(written: str) -> None:
    with pytest.raises(RefusedError):
        render(AddColumn(table=TableName("s", "t"), column=Column(name="c", type=Native(written))), BIGQUERY)


def test_every_column_of_the_journal_has_a_type_of_bigquery() -> None:
    written = {BIGQUERY.type_sql(column.type) for table in TABLES for column in table.columns}
    assert written == {"STRING", "INT64"}


def test_several_new_columns_are_one_statement_with_their_descriptions() -> None:
    adds = [
        AddColumn(table=TableName("s", "t"), column=Column(name=one, type=Text(), description=f"it's {one}"))
        for one in ("a", "b")
    ]
    (sql,) = render_adds(adds, BIGQUERY)
    assert sql == (
        "ALTER TABLE `s`.`t`\n"
        "ADD COLUMN IF NOT EXISTS `a` STRING OPTIONS (description = 'it\\'s a'),\n"
        "ADD COLUMN IF NOT EXISTS `b` STRING OPTIONS (description = 'it\\'s b')"
    )


def test_our_plain_sql_is_spelled_as_googlesql() -> None:
    sql = 'SELECT CAST("a""b" AS VARCHAR), hash FROM engagectl.seen WHERE x = ? AND y = ? AND z = \'?"hash\'\'s"\''
    assert spelled(sql, (1, None)) == (
        "SELECT CAST(`a\"b` AS STRING), `hash` FROM engagectl.seen WHERE x = ? AND y = NULL AND z = '?\"hash\\'s\"'",
        (1,),
    )


@given(st.text(alphabet="ab`\\'\"?\n", max_size=8), st.text(alphabet="ab`\\'\"?\n", max_size=8))
def test_what_was_rendered_for_bigquery_is_not_spelled_again(comment: str, column: str) -> None:
    change = AddColumn(
        table=TableName("s", "t"), column=Column(name=f"c{column}", type=Text(), description=f"d{comment}")
    )
    for sql in render(change, BIGQUERY):
        assert spelled(sql) == (sql, ())


@given(st.text(alphabet="ab`\\\n", min_size=1, max_size=8))
def test_a_name_is_quoted_as_sqlglot_does(text: str) -> None:
    table = render(AddColumn(table=TableName("s", "t"), column=Column(name=text, type=Text())), BIGQUERY)[0]
    assert f"IF NOT EXISTS {name(text)} STRING" in table


def test_many_rows_are_one_statement() -> None:
    assert for_many("INSERT INTO j.t (a, b) VALUES (?, ?)", 2) == "INSERT INTO j.t (a, b) VALUES (?, ?), (?, ?)"
    assert for_many("DELETE FROM j.t WHERE a = ? AND b = ?", 2) == (
        "DELETE FROM j.t WHERE (a = ? AND b = ?) OR (a = ? AND b = ?)"
    )
    assert for_many("UPDATE j.t SET a = ?", 2) is None


def test_the_grants_to_run_name_project_and_journal() -> None:
    text = grants("my-project", "engagectl", "sql")
    assert text.startswith("-- run once")
    assert "CREATE SCHEMA IF NOT EXISTS `my-project`.`engagectl`;" in text
    assert (
        "GRANT `roles/bigquery.dataEditor` ON SCHEMA `my-project`.`engagectl`"
        ' TO "serviceAccount:engagectl-sync@my-project.iam.gserviceaccount.com";'
    ) in text
    blocks = grants("my-project", "engagectl", "terraform")
    assert blocks.count("{") == blocks.count("}")
    assert 'dataset_id = "engagectl"' in blocks


def _refusal(reason: str, message: str, code: int | None = 400) -> Any:
    return SimpleNamespace(errors=[{"reason": reason, "message": message}], code=code, message=message)


def test_errors_speak_of_names_and_never_of_values() -> None:
    gone = as_ours(_refusal("notFound", "Not found: Table p:s.t was not found in location EU", 404))
    assert isinstance(gone, StatementError)
    assert (gone.message, gone.sqlstate) == ("BigQuery: Not found: Table p:s.t was not found in location EU", "42S02")
    denied = as_ours(_refusal("accessDenied", "Access Denied: Table p:s.t: Permission bigquery.tables.getData", 403))
    assert isinstance(denied, StatementError)
    assert denied.sqlstate == "42501"
    for reason in ("invalidQuery", "invalid", "outOfRange"):
        assert CANARY not in str(as_ours(_refusal(reason, f"Bad int64 value: {CANARY}")))
    for reason, code in (("rateLimitExceeded", 403), ("backendError", 503), ("", 502)):
        assert isinstance(as_ours(_refusal(reason, CANARY, code)), TransientError)
    conflict = as_ours(_refusal("invalidQuery", "Transaction is aborted due to concurrent update against table p:s.t"))
    assert isinstance(conflict, TransientError)
    assert "maximum_bytes_billed" in str(as_ours(_refusal("bytesBilledLimitExceeded", "Query exceeded limit")))
    assert isinstance(as_ours(ValueError(CANARY)), TransientError)


def test_a_failed_connection_says_why_in_our_words() -> None:
    class RefreshError(Exception):
        pass

    for error, why in (
        (RefreshError(CANARY), "the credentials are not let in"),
        (_refusal("accessDenied", CANARY, 403), "may not run jobs"),
        (_refusal("notFound", CANARY, 404), "no such project"),
        (OSError(CANARY), "cannot be reached"),
    ):
        told = cannot_connect(error, "my-project")
        assert why in told.message
        assert CANARY not in str(told) + str(told.help)


def test_without_encryption_only_this_machine_is_reached() -> None:
    assert endpoint_of(None) == ""
    assert endpoint_of("http://127.0.0.1:9050") == "http://127.0.0.1:9050"
    assert endpoint_of("bigquery-acme.p.googleapis.com") == "https://bigquery-acme.p.googleapis.com"
    with pytest.raises(ConnectError, match="without encryption"):
        endpoint_of("http://example.com")


WAREHOUSE = """    type: bigquery
    project: my-project
    location: EU
    auth: {method: service_account, json: {$env: BIGQUERY_CANARY}}
"""


def test_a_missing_driver_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_CANARY", CANARY)
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    house = House(tmp_path, WAREHOUSE)
    house.write()
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 1
    assert "pip install 'engagectl[bigquery]'" in done.err
    assert CANARY not in done.err + done.out


@pytest.mark.parametrize("key", [CANARY, json.dumps({"type": "service_account", "private_key": CANARY}), "[]"])
def test_a_key_that_cannot_be_read_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("BIGQUERY_CANARY", key)
    house = House(tmp_path, WAREHOUSE)
    house.write()
    done = run("-C", str(tmp_path), "plan")
    assert done.code == 1
    assert "the key of the service account cannot be read" in done.err
    assert CANARY not in done.err + done.out


def test_offline_it_plans_and_writes_sql_without_driver_or_secret(tmp_path: Path) -> None:
    house = House(tmp_path, WAREHOUSE)
    house.write()
    statements = [sql for step in api.make_plan(house.project, offline=True).steps for sql in step.statements]
    assert "CREATE SCHEMA IF NOT EXISTS `engage_default`" in statements
    assert any("`first_time_shopper` BOOL" in sql for sql in statements)
    assert run("-C", str(tmp_path), "docs").code == 0
    assert "`my-project`.`engagectl`" in run("-C", str(tmp_path), "doctor", "--grants", "sql").out


def test_a_description_that_is_too_long_is_refused_by_plan() -> None:
    for length, is_refused in ((1024, False), (1025, True)):
        column = Column(name="c", type=Text(), description="x" * length)
        for change in (
            AddColumn(table=TableName("s", "t"), column=column),
            CreateTable(table=Table(name=TableName("s", "t"), columns=(column,), description="y" * 2000)),
            SetComment(table=TableName("s", "t"), column="c", before=None, comment="x" * length),
        ):
            if is_refused:
                with pytest.raises(RefusedError, match=r"the description of s\.t\.c has 1025 characters"):
                    render(change, BIGQUERY)
            else:
                assert render(change, BIGQUERY)
