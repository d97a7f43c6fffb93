"""Values on their way into Snowflake: each in its one text form, and as SQL reads and compares them there."""

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
from engagectl.warehouses.snowflake.column_types import settle, type_sql

_SIGN = "="
OLDEST = "0001-01-01T00:00:00.000000+00:00"
_ISO = "%Y-%m-%dT%H:%M:%S.%f+00:00"


def sent(name: str, kind: ColumnType) -> str:
    """Write a staged value as text, over the stage."""
    match settle(kind):
        case Timestamp():
            return f"strftime(timezone('UTC', CAST({name} AS TIMESTAMPTZ)), '{_ISO}')"
        case Text() | JsonText() | Native():
            return f"'{_SIGN}' || CAST({name} AS VARCHAR)"
        case Boolean() | Integer() | Float() | Decimal() | Date() | Json():
            return f"CAST({name} AS VARCHAR)"
        case other:
            assert_never(other)


def read(column: str, kind: ColumnType) -> str:
    """Read what `sent` wrote, in Snowflake. A text is not cast to its length: too long a one is to be refused."""
    match settle(kind):
        case Text() | JsonText():
            return f"SUBSTR({column}, 2)"
        case Native():
            return f"CAST(SUBSTR({column}, 2) AS {type_sql(kind)})"
        case Json():
            return f"PARSE_JSON({column})"
        case Boolean() | Integer() | Float() | Decimal() | Timestamp() | Date():
            return f"CAST({column} AS {type_sql(kind)})"
        case other:
            assert_never(other)


def stored(value: str, kind: ColumnType) -> str:
    """Write a value that is in Snowflake as `sent` writes one of the stage."""
    match settle(kind):
        case Timestamp():
            return written(value)
        case Text() | JsonText():
            return f"'{_SIGN}' || {value}"
        case Float():  # its own text form is not said to hold every digit
            return f"TO_VARCHAR(CAST({value} AS NUMBER(38, 6)))"
        case Date():
            return f"TO_VARCHAR({value}, 'YYYY-MM-DD')"
        case Json() | Native():
            return f"TO_JSON({value})"
        case Boolean() | Integer() | Decimal():
            return f"TO_VARCHAR({value})"
        case other:
            assert_never(other)


def written(time: str) -> str:
    """Write a stored time as `sent` does."""
    return f"TO_VARCHAR(CONVERT_TIMEZONE('UTC', {time}), 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZH:TZM')"


def greater(new: str, old: str) -> str:
    return f"CASE WHEN {old} IS NULL OR {new} > {old} THEN {new} ELSE {old} END"


def compared(value: str, kind: ColumnType) -> str:
    """Write a value for a comparison: a VARIANT by its text."""
    return f"TO_JSON({value})" if isinstance(settle(kind), Json) else value


def newest(new: str, old: str, at: str, before: str, kind: ColumnType, *, null_erases: bool) -> str:
    """The greater event time wins, ties by the greater value; null never wins (or is the smallest of its instant)."""
    empty = f"{at} IS NULL" if null_erases else f"{new} IS NULL"
    never = "FALSE" if null_erases else f"{old} IS NULL"
    greater = f"{old} IS NULL OR {compared(new, kind)} > {compared(old, kind)}"
    return (
        f"CASE WHEN {empty} THEN {old} WHEN {never} OR {before} IS NULL OR {at} > {before} THEN {new}"
        f" WHEN {at} = {before} AND ({greater}) THEN {new} ELSE {old} END"
    )
