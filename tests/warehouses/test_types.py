"""Types on the real engines: stored and read back equal, widened with every value kept, one text form each."""

from collections.abc import Callable

import pytest

from engagectl.errors import RefusedError, StatementError
from engagectl.model.change import AddColumn, CreateSchema, CreateTable, RebuildColumn, SetComment, WidenColumn
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
from engagectl.model.schema import Column, State, Table, TableName
from engagectl.render import count_misfits, render, table_sql
from engagectl.warehouses.contract import Connection, Warehouse

Opener = Callable[..., Connection]
T = TableName("s", "t")
TYPES: tuple[ColumnType, ...] = (
    Boolean(),
    Integer(),
    Float(),
    Decimal(18, 2),
    Decimal(38, 38),
    Text(),
    Text(64),
    Timestamp(),
    Date(),
    JsonText(),
    Json(),
)


def create(engine: Warehouse, session: Connection, *columns: Column) -> None:
    for change in (CreateSchema(schema="s"), CreateTable(table=Table(name=T, columns=columns))):
        for sql in render(change, engine):
            session.execute(sql)


def read(engine: Warehouse, session: Connection) -> Table:
    table = engine.catalog(session, ["s"]).find(T)
    assert table is not None
    return table


def test_every_type_is_read_back_as_settled(engine: Warehouse, session: Connection) -> None:
    columns = tuple(Column(name=f"c{i}", type=engine.settle(kind)) for i, kind in enumerate(TYPES))
    create(engine, session, *columns)
    assert read(engine, session).columns == columns


@pytest.mark.parametrize("column_type", TYPES, ids=repr)
def test_settling_twice_changes_nothing(engine: Warehouse, column_type: ColumnType) -> None:
    settled = engine.settle(column_type)
    assert engine.settle(settled) == settled
    assert engine.relate(settled, settled) == "same"
    assert engine.settle(engine.native_type(engine.type_sql(settled))) == settled


def test_comments_are_read_back_and_removed(engine: Warehouse, session: Connection) -> None:
    create(engine, session, Column(name="a", type=Text(), description='it\'s\nthe \\ "tier" ?%'))
    assert read(engine, session).columns[0].description == 'it\'s\nthe \\ "tier" ?%'
    for sql in render(SetComment(table=T, column="a", before="x", comment=None), engine):
        session.execute(sql)
    assert read(engine, session).columns[0].description is None


def test_adding_a_column_twice_is_harmless(engine: Warehouse, session: Connection) -> None:
    create(engine, session, Column(name="a", type=Text()))
    for sql in render(AddColumn(table=T, column=Column(name="b", type=Integer())), engine) * 2:
        session.execute(sql)
    assert [column.name for column in read(engine, session).columns] == ["a", "b"]


def test_the_catalog_knows_not_null_defaults_and_views(engine: Warehouse, session: Connection) -> None:
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.t (a bigint NOT NULL DEFAULT 3, b varchar)")
    session.execute("CREATE VIEW s.v AS SELECT a FROM s.t")
    table = read(engine, session)
    assert [(c.required, c.has_default) for c in table.columns] == [(True, True), (False, False)]
    assert table.dependents == ("s.v",)
    view = engine.catalog(session, ["s"]).find(TableName("s", "v"))
    assert view is not None
    assert view.kind == "view"


def test_a_schema_that_is_not_there_is_absent(engine: Warehouse, session: Connection) -> None:
    session.execute("CREATE SCHEMA empty")
    assert engine.catalog(session, ["empty", "nowhere"]) == State(schemas=("empty",))


TEXT_FORMS: list[tuple[ColumnType, str, str]] = [
    (Boolean(), "true", "true"),
    (Boolean(), "false", "false"),
    (Integer(), "-9223372036854775808", "-9223372036854775808"),
    (Decimal(18, 2), "1.5", "1.50"),
    (Float(), "450", "450.0"),
    (Float(), "0.1", "0.1"),
    (Float(), "-2.5", "-2.5"),
    (Float(), "1e15", "1000000000000000.0"),
    (Float(), "1234567890123456", "1234567890123456.0"),
    (Float(), "1000000000000000.125", "1000000000000000.1"),
    (Float(), "1e16", "1e+16"),
    (Float(), "1e22", "1e+22"),
    (Float(), "1e-7", "1e-07"),
    (Float(), "0.0001", "0.0001"),
    (Float(), "1e115", "1e+115"),
    (Float(), "123456789.123456785", "123456789.12345679"),
    (Float(), "2.2250738585072014e-308", "2.2250738585072014e-308"),
    (Timestamp(), "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
    (Timestamp(), "2026-01-02T03:04:05.120Z", "2026-01-02T03:04:05.12Z"),
    (Timestamp(), "2026-07-02T00:30:00.000001+02:00", "2026-07-01T22:30:00.000001Z"),
    (Date(), "2024-02-29", "2024-02-29"),
]


@pytest.mark.parametrize(("column_type", "text", "form"), TEXT_FORMS, ids=[f"{t}-{x}" for t, x, _ in TEXT_FORMS])
def test_each_type_has_one_text_form(
    engine: Warehouse, session: Connection, column_type: ColumnType, text: str, form: str
) -> None:
    value = f"CAST('{text}' AS {engine.type_sql(column_type)})"
    assert session.query(f"SELECT {engine.cast_sql(value, column_type, Text())}") == [(form,)]


@pytest.mark.postgres
def test_the_text_form_is_the_same_in_any_zone(engine: Warehouse, session: Connection) -> None:
    if engine.name == "duckdb":
        with pytest.raises(StatementError):  # the session is locked: it cannot leave UTC
            session.execute("SET TimeZone = 'Europe/Berlin'")
    else:
        session.execute("SET TimeZone = 'Europe/Berlin'")
        session.execute("SET DateStyle = 'SQL, DMY'")
    value = f"CAST('2026-07-02T00:30:00Z' AS {engine.type_sql(Timestamp())})"
    assert session.query(f"SELECT {engine.cast_sql(value, Timestamp(), Text())}") == [("2026-07-02T00:30:00Z",)]
    day = engine.cast_sql("CAST('2026-07-02' AS date)", Date(), Timestamp())
    assert session.query(f"SELECT {engine.cast_sql(day, Timestamp(), Text())}") == [("2026-07-02T00:00:00Z",)]


WIDENINGS: list[tuple[ColumnType, ColumnType, str, str]] = [
    (Integer(), Decimal(38, 9), "9223372036854775807", "9223372036854775807.000000000"),
    (Decimal(5, 2), Decimal(18, 4), "123.45", "123.4500"),
    (Text(3), Text(30), "abc", "abc"),
    (Text(3), Text(), "abc", "abc"),
    (Date(), Timestamp(), "2026-01-02", "2026-01-02T00:00:00Z"),
    (Float(), Text(), "450", "450.0"),
    (Boolean(), Text(5), "true", "true"),
    (Timestamp(), Text(), "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
    (Json(), Text(), "[1]", "[1]"),
    (Native("smallint"), Integer(), "7", "7"),
    (Native("smallint"), Decimal(19, 0), "7", "7"),
]


@pytest.mark.parametrize(("before", "after", "value", "expected"), WIDENINGS)
def test_widening_keeps_every_value_and_is_then_equal(
    engine: Warehouse, session: Connection, before: ColumnType, after: ColumnType, value: str, expected: str
) -> None:
    before, after = engine.settle(before), engine.settle(after)
    create(engine, session, Column(name="a", type=before))
    session.execute(f"INSERT INTO {table_sql(engine, T)} VALUES ('{value}'), (NULL)")
    assert engine.relate(before, after) in ("widen", "same")
    change = WidenColumn(table=T, before=Column(name="a", type=before), column=Column(name="a", type=after))
    assert session.query(count_misfits(change, engine)) == [(0,)]
    for sql in render(change, engine):
        session.execute(sql)
    assert read(engine, session).columns[0].type == after
    form = engine.cast_sql("a", after, Text())
    assert session.query(f"SELECT {form} FROM s.t WHERE a IS NOT NULL") == [(expected,)]
    assert session.query("SELECT count(*) FROM s.t") == [(2,)]


MISFITS: list[tuple[ColumnType, ColumnType, list[str], int]] = [
    (Text(), Integer(), ["1", "-5", "1.5", "x", " 1", "9223372036854775808", ""], 5),
    (Text(), Decimal(5, 2), ["1.5", "1.50", "1.555", "1000", "999.99", "1e3"], 3),
    (Text(), Float(), ["1", "1e3", "-2.5", "nan", "1e999", "x"], 3),
    (Text(), Boolean(), ["true", "false", "t", "1", "TRUE"], 3),
    (Text(), Date(), ["2024-02-29", "2023-02-29", "2024-13-01", "2024-1-1", "today"], 4),
    (Text(), Timestamp(), ["2024-02-29T10:00:00Z", "2024-02-30T10:00:00Z", "2024-02-29", "now"], 3),
    (Integer(), Float(), ["9007199254740992", "9007199254740993"], 1),
    (Float(), Integer(), ["450", "1.5", "1e19"], 2),
    (Decimal(18, 2), Decimal(5, 1), ["1.50", "1.55", "100000"], 2),
    (Timestamp(), Date(), ["2024-02-29T00:00:00Z", "2024-02-29T00:00:01Z"], 1),
]


@pytest.mark.parametrize(("before", "after", "values", "misfits"), MISFITS)
def test_misfits_are_counted_and_a_clean_rebuild_runs(
    engine: Warehouse,
    session: Connection,
    before: ColumnType,
    after: ColumnType,
    values: list[str],
    misfits: int,
) -> None:
    create(engine, session, Column(name="a", type=before))
    session.execute("INSERT INTO s.t VALUES (NULL), " + ", ".join(f"('{value}')" for value in values))
    change = RebuildColumn(table=T, before=Column(name="a", type=before), column=Column(name="a", type=after))
    assert session.query(count_misfits(change, engine)) == [(misfits,)]
    session.execute(f"DELETE FROM s.t WHERE {engine.misfit_sql('a', before, after)}")
    for sql in render(change, engine):
        session.execute(sql)
    assert session.query("SELECT count(*) FROM s.t") == [(len(values) + 1 - misfits,)]


RELATIONS = [
    (Decimal(38, 9), Integer(), "holds"),
    (Decimal(10, 0), Integer(), "rebuild"),
    (Integer(), Decimal(18, 0), "rebuild"),
    (Integer(), Decimal(19, 0), "widen"),
    (Integer(), Decimal(20, 2), "rebuild"),
    (Decimal(18, 2), Decimal(10, 2), "holds"),
    (Decimal(18, 2), Decimal(18, 4), "rebuild"),
    (Integer(), Float(), "rebuild"),
    (Float(), Integer(), "rebuild"),
    (Text(), Integer(), "rebuild"),
    (Timestamp(), Date(), "holds"),
    (Date(), Timestamp(), "widen"),
    (Json(), Text(), "widen"),
    (Text(), Json(), "rebuild"),
    (Native("timestamp without time zone"), Timestamp(), "holds"),
    (Native("smallint"), Integer(), "widen"),
    (Native("uuid"), Text(), "widen"),
    (Native("uuid"), Boolean(), "rebuild"),
]


@pytest.mark.parametrize(("found", "wanted", "relation"), RELATIONS)
def test_what_a_found_type_is_to_a_wanted_one(
    engine: Warehouse, found: ColumnType, wanted: ColumnType, relation: str
) -> None:
    assert engine.relate(engine.settle(found), engine.settle(wanted)) == relation


def test_a_decimal_beyond_the_warehouse_is_refused(engine: Warehouse) -> None:
    with pytest.raises(RefusedError, match="digits"):
        engine.settle(Decimal(engine.limits.decimal_precision + 1, 2))
