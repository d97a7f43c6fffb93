"""Values on their way into BigQuery: the column of a loaded file for each, and as SQL reads and compares it there.

Parquet has no JSON, and a decimal of BigQuery has more digits than one of a file: both cross as text.
"""

from typing import assert_never

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
from engagectl.warehouses.bigquery.column_types import settle, type_sql


def sent(name: str, kind: ColumnType) -> str:
    """Write a staged value as the file holds it, over the stage."""
    match settle(kind):
        case Boolean():
            return f"CAST({name} AS BOOLEAN)"
        case Integer():
            return f"CAST({name} AS BIGINT)"
        case Float():
            return f"CAST({name} AS DOUBLE)"
        case Timestamp():
            return f"CAST({name} AS TIMESTAMPTZ)"
        case Date():
            return f"CAST({name} AS DATE)"
        case Text() | JsonText() | Decimal() | Json() | Native():
            return f"CAST({name} AS VARCHAR)"
        case other:
            assert_never(other)


def loaded(kind: ColumnType) -> str:
    """Return the type of the column that such a file is loaded into."""
    match settle(kind):
        case (Boolean() | Integer() | Float() | Timestamp() | Date()) as same:
            return type_sql(same)
        case Text() | JsonText() | Decimal() | Json() | Native():
            return "STRING"
        case other:
            assert_never(other)


def read(column: str, kind: ColumnType) -> str:
    """Read what was loaded. A text or decimal is not cast to its size: too long a one is to be refused."""
    match settle(kind):
        case Decimal() as decimal:
            return f"CAST({column} AS {type_sql(decimal).partition('(')[0]})"
        case Json():
            return f"PARSE_JSON({column}, wide_number_mode => 'round')"
        case Native() as native:
            return f"CAST({column} AS {type_sql(native)})"
        case Boolean() | Integer() | Float() | Timestamp() | Date() | Text() | JsonText():
            return column
        case other:
            assert_never(other)


def compared(value: str, kind: ColumnType) -> str:
    """Write a value for a comparison: JSON has none, its text has."""
    return f"TO_JSON_STRING({value})" if isinstance(settle(kind), Json) else value


def greatest(new: str, old: str) -> str:
    return f"CASE WHEN {old} IS NULL OR {new} > {old} THEN {new} ELSE {old} END"


def newest(new: str, old: str, at: str, before: str, greater: str, *, null_erases: bool) -> str:
    """The greater event time wins, ties by the greater value; null never wins (or is the smallest of its instant)."""
    empty = f"{at} IS NULL" if null_erases else f"{new} IS NULL"
    never = "FALSE" if null_erases else f"{old} IS NULL"
    return (
        f"CASE WHEN {empty} THEN {old} WHEN {never} OR {before} IS NULL OR {at} > {before} THEN {new}"
        f" WHEN {at} = {before} AND ({old} IS NULL OR {greater}) THEN {new} ELSE {old} END"
    )


def hashed(text: str) -> str:
    """Write the MD5 of a text as a UUID is written."""
    digits = f"TO_HEX(MD5({text}))"
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"SUBSTR({digits}, {start}, {length})" for start, length in parts)
