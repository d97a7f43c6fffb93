"""What render refuses to believe."""

import pytest

from engagectl.errors import InternalError, RefusedError
from engagectl.model.change import AddColumn, DropColumn, RenameTable
from engagectl.model.column_type import Native, Text
from engagectl.model.schema import Column, TableName
from engagectl.render import _environment, check_statement, ident, render
from engagectl.warehouses.registry import warehouse

DUCKDB = warehouse("duckdb")
POSTGRES = warehouse("postgres")
T = TableName("s", "t")
ADD = AddColumn(table=T, column=Column(name="a", type=Text()))


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "s"."t" ADD COLUMN "a" VARCHAR; DROP TABLE "s"."t"',
        'ALTER TABLE "s"."other" ADD COLUMN "a" VARCHAR',
        'ALTER TABLE "s"."t" ADD COLUMN "b" VARCHAR',
        'ALTER TABLE "s"."t" DROP COLUMN "a"',
        'DROP TABLE "s"."t"',
        "SELECT 1",
        "",
        "ALTER ALTER",
    ],
)
def test_a_statement_must_be_what_its_change_says(sql: str) -> None:
    with pytest.raises(InternalError):
        check_statement(sql, ADD, DUCKDB)


def test_a_drop_must_drop_the_column_it_names() -> None:
    change = DropColumn(table=T, column="a", type=Text(), reason="x")
    with pytest.raises(InternalError):
        check_statement('ALTER TABLE "s"."t" DROP COLUMN "b"', change, DUCKDB)


@pytest.mark.parametrize("source", ["{{ change.column.name }}", "{{ 'x' }}", "{{ 1 }}", "{{ change.table }}"])
def test_a_template_prints_through_sql_filters_only(source: str) -> None:
    with pytest.raises(InternalError):
        _environment(POSTGRES).from_string(source).render(change=ADD)


@pytest.mark.parametrize("name", ["text; DROP TABLE s.t", 'x"y', "text) --", "int/**/", ""])
def test_a_native_type_that_is_no_type_is_refused(name: str) -> None:
    with pytest.raises(RefusedError):
        render(AddColumn(table=T, column=Column(name="a", type=Native(name))), POSTGRES)


def test_a_native_type_with_sizes_is_written() -> None:
    (sql,) = render(AddColumn(table=T, column=Column(name="a", type=Native("time(3) without time zone"))), POSTGRES)
    assert sql.endswith('"a" time(3) without time zone')


def test_a_name_that_postgres_would_cut_is_refused() -> None:
    assert ident(POSTGRES, "n" * 63)
    with pytest.raises(RefusedError, match="63 bytes") as caught:
        ident(POSTGRES, "n" * 64)
    assert (caught.value.code, caught.value.exit_code) == ("EC412", 4)


def test_a_table_stays_in_its_schema() -> None:
    with pytest.raises(RefusedError):
        render(RenameTable(before=T, table=TableName("other", "t")), POSTGRES)
