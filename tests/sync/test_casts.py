"""What casts promise of each column type."""

import duckdb
import pytest

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
from engagectl.sync.sql.casts import nothing, strict

TYPES: tuple[ColumnType, ...] = (
    Boolean(),
    Integer(),
    Float(),
    Decimal(18, 2),
    Text(),
    Text(max_chars=3),
    Timestamp(),
    Date(),
    JsonText(),
    Json(),
    Native("smallint"),
    Native("real"),
    Native("timestamp without time zone"),
    Native("varchar(4)"),
)


@pytest.mark.parametrize("wanted", TYPES, ids=str)
def test_an_empty_column_has_the_type_of_a_full_one(wanted: ColumnType) -> None:
    sql = f"SELECT typeof({nothing(wanted)}), typeof({strict('v', wanted)}) FROM (SELECT '1' AS v)"
    ((empty, full),) = duckdb.connect().execute(sql).fetchall()
    assert empty == full


@pytest.mark.parametrize(("sent", "held"), [("2024-02-29", "2024-02-29"), ("2023-02-29", None), ("0000-01-05", None)])
def test_a_date_is_of_the_years_1_to_9999(sent: str, held: str | None) -> None:
    sql = f"SELECT CAST({strict('v', Date())} AS VARCHAR) FROM (SELECT '\"{sent}\"' AS v)"
    assert duckdb.connect().execute(sql).fetchall() == [(held,)]
