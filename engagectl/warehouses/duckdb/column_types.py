"""Neutral column types in DuckDB: how each is stored, compared and converted."""

import functools
import re
from typing import assert_never

from engagectl.errors import RefusedError
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
    type_text,
)
from engagectl.warehouses.contract import Limits, Relation
from engagectl.warehouses.relations import relate_neutral

LIMITS = Limits(
    identifier_bytes=None,  # names of 5,000 bytes were created and read back (2.0.0)
    columns=10_000,  # no documented limit; wider tables were not tried
    decimal_precision=38,  # DECIMAL(WIDTH, SCALE), "Numeric types" of the manual
    decimal_scale=38,
)

_SMALLER_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")
_NAIVE_TIMESTAMP = Native("TIMESTAMP")
_PLAIN: dict[str, ColumnType] = {
    "BOOLEAN": Boolean(),
    "BIGINT": Integer(),
    "DOUBLE": Float(),
    "VARCHAR": Text(),
    "TIMESTAMP WITH TIME ZONE": Timestamp(),
    "DATE": Date(),
    "JSON": Json(),
}
_ALIASES = {
    "BOOL": "BOOLEAN",
    "INT8": "BIGINT",
    "LONG": "BIGINT",
    "FLOAT8": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "DATETIME": "TIMESTAMP",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT2": "SMALLINT",
    "INT1": "TINYINT",
    "FLOAT4": "FLOAT",
    "REAL": "FLOAT",
}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d+),\s*(\d+)\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what the catalog writes, Native when there is none."""
    text = " ".join(name.split())
    upper = _ALIASES.get(text.upper(), text.upper())
    if upper in _PLAIN:
        return _PLAIN[upper]
    if decimal := _DECIMAL.fullmatch(upper):
        return Decimal(int(decimal[1]), int(decimal[2]))
    return Native(text if '"' in text or "'" in text else upper)


@functools.lru_cache(maxsize=1024)
def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as DuckDB stores it: text has no limit here, JSON text is text.

    Raises RefusedError for a decimal of more than 38 digits.
    """
    match column_type:
        case Text() | JsonText():
            return Text()
        case Native(name):
            return native_type(name)
        case Decimal(precision, scale):
            if precision > LIMITS.decimal_precision or scale > precision:
                raise RefusedError(
                    f"DuckDB cannot store {type_text(column_type)}: a decimal has at most 38 digits",
                    code="EC410",
                    help="lower the precision to 38 or less, or use float or string",
                )
            return column_type
        case _:
            return column_type


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one, both settled."""
    match found, wanted:
        case Native("TIMESTAMP"), Timestamp():
            return "holds"  # read and written as UTC
        case Native("HUGEINT"), Integer():
            return "holds"
        case Native(name), Integer() if name in _SMALLER_INTEGERS:
            return "widen"
        case Native(name), Decimal() if name in _SMALLER_INTEGERS:
            return "widen" if relate_neutral(Integer(), wanted) == "widen" else "rebuild"
        case Native("FLOAT"), Float():
            return "widen"
        case _:
            return relate_neutral(found, wanted)


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not."""
    match column_type:
        case Boolean():
            return "BOOLEAN"
        case Integer():
            return "BIGINT"
        case Float():
            return "DOUBLE"
        case Decimal(precision, scale):
            return f"DECIMAL({precision}, {scale})"
        case Text() | JsonText():
            return "VARCHAR"
        case Timestamp():
            return "TIMESTAMP WITH TIME ZONE"
        case Date():
            return "DATE"
        case Json():
            return "JSON"
        case Native(name):
            return name
        case _:
            assert_never(column_type)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether changing the type writes every row again: in DuckDB each change of a type does."""
    return before != after


def cast_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Convert a value in its one text form, the same in every zone of a session. A value that does not fit raises."""
    before, after = settle(before), settle(after)
    match before, after:
        case _ if before == after:
            return expression
        case _, Text():
            return _text_form(expression, before)
        case Native("TIMESTAMP"), Timestamp():
            return f"({expression} AT TIME ZONE 'UTC')"
        case Timestamp(), Native("TIMESTAMP"):
            return f"({expression} AT TIME ZONE 'UTC')"
        case Date(), Timestamp():
            return f"(CAST({expression} AS TIMESTAMP) AT TIME ZONE 'UTC')"
        case Timestamp(), Date():
            return f"CAST({expression} AT TIME ZONE 'UTC' AS DATE)"
        case ((Integer() | Decimal() | Float() | Native() | Text() | Boolean()), (Integer() | Decimal() | Float())):
            return f"CAST({expression} AS {type_sql(after)})"
        case _, Native():
            return f"CAST({expression} AS {type_sql(after)})"
        case _:
            return f"CAST({_text_form(expression, before)} AS {type_sql(after)})"


def _text_form(expression: str, before: ColumnType) -> str:
    match before:
        case Text():
            return expression
        case Timestamp():
            return _rfc3339(f"{expression} AT TIME ZONE 'UTC'")
        case Native("TIMESTAMP"):
            return _rfc3339(expression)
        case _:
            return f"CAST({expression} AS VARCHAR)"


def _rfc3339(naive: str) -> str:
    return rf"(regexp_replace(strftime({naive}, '%Y-%m-%dT%H:%M:%S.%f'), '\.?0*$', '') || 'Z')"


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that `cast_sql` would refuse or change. NULL always fits."""
    fits = _fits(expression, settle(before), settle(after))
    return f"({expression} IS NOT NULL AND NOT COALESCE({fits}, FALSE))"


def _fits(value: str, before: ColumnType, after: ColumnType) -> str:
    target = type_sql(after)
    converted = f"TRY_CAST({value} AS {target})"
    match before, after:
        case _, Text():
            return "TRUE"
        case Text(), _:
            return _text_fits(value, after, converted)
        case Integer(), Float():
            return f"{value} BETWEEN -9007199254740992 AND 9007199254740992"
        case Boolean(), (Integer() | Decimal() | Float()):
            return "TRUE"
        case ((Integer() | Decimal() | Float() | Native()), (Integer() | Decimal() | Float())):
            return f"TRY_CAST({converted} AS {type_sql(before)}) = {value}"
        case Timestamp(), Date():
            return f"{value} AT TIME ZONE 'UTC' = date_trunc('day', {value} AT TIME ZONE 'UTC')"
        case ((Date() | Native("TIMESTAMP")), Timestamp()):
            return "TRUE"
        case _:
            return f"TRY_CAST({_text_form(value, before)} AS {target}) IS NOT NULL"


def _text_fits(value: str, after: ColumnType, converted: str) -> str:
    match after:
        case Boolean():
            return f"{value} IN ('true', 'false')"
        case Integer():
            shape = "[+-]?[0-9]+"
        case Decimal(_, scale):
            shape = rf"[+-]?[0-9]+(\.[0-9]{{0,{scale}}}0*)?"
        case Float():
            shape = r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?"
            converted = f"CASE WHEN isfinite({converted}) THEN {converted} END"
        case Timestamp():
            shape = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
        case Date():
            shape = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
        case _:
            return f"{converted} IS NOT NULL"
    return f"(regexp_full_match({value}, '{shape}') AND {converted} IS NOT NULL)"
