"""Identifiers: whatever a name holds, the quoted form is one identifier, in six dialects."""

import pytest
from sqlglot import exp, parse

from engagectl.model.change import CreateSchema, CreateTable
from engagectl.model.column_type import Text
from engagectl.model.schema import Column, Table, TableName
from engagectl.render import ident, render, table_sql
from engagectl.render.names import _quoted
from engagectl.warehouses.contract import Connection, Warehouse
from tests.threats.payloads import RESOURCES, SANDBOX, SQL
from tests.warehouses.test_names import hostile

DIALECTS = ("duckdb", "postgres", "redshift", "snowflake", "bigquery", "databricks")
NAMES = sorted({*hostile(500, seed=3), *SANDBOX, *RESOURCES, *SQL})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quoted_name_parses_back_to_itself(dialect: str) -> None:
    assert len(NAMES) >= 650
    wrong = []
    for at in range(0, len(NAMES), 50):
        part = NAMES[at : at + 50]
        sql = f"SELECT {', '.join(_quoted(dialect, name) for name in part)} FROM t"
        statements = parse(sql, dialect=dialect)
        assert len(statements) == 1
        assert isinstance(statements[0], exp.Select)
        found = [column.name for column in statements[0].expressions]
        wrong += [(name, read) for name, read in zip(part, found, strict=True) if read != name]
    if dialect == "bigquery":  # a dot in backticks is a path there; BigQuery refuses such a column by its own rules
        wrong = [(name, read) for name, read in wrong if "." not in name]
    assert wrong == []


def test_500_hostile_columns_are_made_filled_and_read_back(engine: Warehouse, session: Connection) -> None:
    names, table, bystander = hostile(500, seed=5), TableName('s"; --', "t'%?"), TableName('s"; --', "bystander")
    columns = tuple(Column(name=name, type=Text()) for name in names)
    for change in (
        CreateSchema(schema=table.schema),
        CreateTable(table=Table(name=bystander, columns=(Column(name="a", type=Text()),))),
        CreateTable(table=Table(name=table, columns=columns)),
    ):
        for sql in render(change, engine):
            session.execute(sql)
    session.execute(f"INSERT INTO {table_sql(engine, bystander)} VALUES ('still here')")
    listed = ", ".join(ident(engine, name) for name in names)
    values = [f"v{number}" for number in range(len(names))]
    into = f"INSERT INTO {table_sql(engine, table)} ({listed}) VALUES ({', '.join('?' * len(names))})"
    session.execute_many(into, [values])
    assert session.query(f"SELECT {listed} FROM {table_sql(engine, table)}") == [tuple(values)]
    for name in names[::25]:
        where = f"{ident(engine, name)} = ?"
        assert session.query(f"SELECT count(*) FROM {table_sql(engine, table)} WHERE {where}", ["v0"]) in (
            [(0,)],
            [(1,)],
        )
    assert session.query(f"SELECT * FROM {table_sql(engine, bystander)}") == [("still here",)]
    found = engine.catalog(session, [table.schema])
    assert {one.name for one in found.tables} == {table, bystander}
