"""Neutral column types in Snowflake: how each is stored, compared and converted."""

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
from engagectl.warehouses.relations import INTEGER_DIGITS, relate_neutral

LIMITS = Limits(
    identifier_bytes=255,  # "Identifier requirements": 255 characters; ours are of ASCII, so a byte each
    columns=2_000,  # none is documented for permanent tables; wider ones are slow to compile
    decimal_precision=38,  # "Numeric data types": NUMBER, up to 38 digits
    decimal_scale=37,  # the same page: scale 0 to 37
    text_chars=16_777_216,  # "String & binary data types": the default length of VARCHAR
)

_MAX_TEXT = 16_777_216  # VARCHAR without a length; a longer one (up to 134,217,728 since 2025) holds as much of ours
_MAX_BINARY = 8_388_608  # the same of BINARY
_PLAIN: dict[str, ColumnType] = {
    "BOOLEAN": Boolean(),
    "FLOAT": Float(),
    "VARCHAR": Text(),
    "TIMESTAMP_TZ": Timestamp(),
    "DATE": Date(),
    "VARIANT": Json(),
    "NUMBER": Integer(),  # NUMBER(38, 0) where no size is said
}
_ALIASES = {  # "Summary of data types": each is a synonym
    "TEXT": "VARCHAR",
    "STRING": "VARCHAR",
    "CHAR VARYING": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "NVARCHAR2": "VARCHAR",
    "NCHAR VARYING": "VARCHAR",
    "DECIMAL": "NUMBER",
    "DEC": "NUMBER",
    "NUMERIC": "NUMBER",
    "INT": "NUMBER",
    "INTEGER": "NUMBER",
    "BIGINT": "NUMBER",
    "SMALLINT": "NUMBER",
    "TINYINT": "NUMBER",
    "BYTEINT": "NUMBER",
    "DOUBLE": "FLOAT",
    "DOUBLE PRECISION": "FLOAT",
    "REAL": "FLOAT",
    "FLOAT4": "FLOAT",
    "FLOAT8": "FLOAT",
    "DATETIME": "TIMESTAMP_NTZ",
    "TIMESTAMP": "TIMESTAMP_NTZ",  # by TIMESTAMP_TYPE_MAPPING, which our sessions set
    "TIMESTAMPNTZ": "TIMESTAMP_NTZ",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP_NTZ",
    "TIMESTAMPLTZ": "TIMESTAMP_LTZ",
    "TIMESTAMP WITH LOCAL TIME ZONE": "TIMESTAMP_LTZ",
    "TIMESTAMPTZ": "TIMESTAMP_TZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    "VARBINARY": "BINARY",
    "CHAR": "VARCHAR(1)",
    "CHARACTER": "VARCHAR(1)",
    "NCHAR": "VARCHAR(1)",
    "UUID": "VARCHAR(36)",  # a column of the journal; accounts without the newer type have none
}
_NATIVE = frozenset({"BINARY", "OBJECT", "ARRAY", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "GEOGRAPHY", "GEOMETRY"})
"""What `native:` may create beside the neutral types; others are read, and taken as they are."""
_SIZED = re.compile(r"([A-Z_0-9 ]+?) ?\( ?(\d+)(?: ?, ?(\d+))? ?\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what DDL or the catalog writes, Native when there is none."""
    upper = " ".join(name.upper().split())
    upper = _ALIASES.get(upper, upper)
    if upper in _PLAIN:
        return _PLAIN[upper]
    if sized := _SIZED.fullmatch(upper):
        return _sized(_base(sized[1]), int(sized[2]), int(sized[3] or 0), upper)
    return Native(upper)


def _base(name: str) -> str:
    return _ALIASES.get(name, name).partition("(")[0]


def _sized(base: str, size: int, scale: int, text: str) -> ColumnType:
    match base:
        case "VARCHAR":
            return Text(size) if size < _MAX_TEXT else Text()
        case "NUMBER":
            return _decimal(size, scale)
        case "TIMESTAMP_TZ":
            return Timestamp()  # digits of its seconds; nine by default
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ":
            return Native(base)
        case "TIME":
            return Native(base)
        case "BINARY" if size >= _MAX_BINARY:
            return Native(base)
        case _:
            return Native(text)


def _decimal(precision: int, scale: int) -> ColumnType:
    return Integer() if (precision, scale) == (38, 0) else Decimal(precision, scale)


def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as Snowflake stores it: NUMBER(38, 0) is its integer, JSON text is text.

    Raises RefusedError for a decimal of more than 38 digits, or 37 behind its point.
    """
    match column_type:
        case JsonText():
            return Text()
        case Text(max_chars, _):
            return Text(max_chars if max_chars is not None and max_chars < _MAX_TEXT else None)
        case Native(name):
            return native_type(name)
        case Decimal(precision, scale):
            if precision > LIMITS.decimal_precision or scale > min(precision, LIMITS.decimal_scale):
                raise RefusedError(
                    f"Snowflake cannot store {type_text(column_type)}: a decimal has at most 38 digits, 37 of them"
                    " behind the point",
                    code="EC410",
                    help="lower the precision to 38 and the scale to 37 or less, or use float or string",
                )
            return _decimal(precision, scale)
        case _:
            return column_type


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one, both settled. In place Snowflake makes a text longer and a number wider,
    its scale unchanged, and nothing else ("ALTER TABLE ... ALTER COLUMN", the table of supported actions).
    """
    match found, wanted:
        case Native("TIMESTAMP_NTZ" | "TIMESTAMP_LTZ"), Timestamp():
            return "holds"  # sessions are in UTC
        case Integer(), Decimal(_, 0):
            return "holds"
        case Decimal(precision, 0), Integer():
            return "holds" if precision >= INTEGER_DIGITS else "widen"
        case _:
            relation = relate_neutral(found, wanted)
            return "rebuild" if relation == "widen" and not _is_in_place(found, wanted) else relation


def _is_in_place(found: ColumnType, wanted: ColumnType) -> bool:
    match found, wanted:
        case Text(), Text():
            return True
        case Decimal(_, scale), Decimal(_, after):
            return scale == after
        case _:
            return False


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not. Raises RefusedError for a native one that is none of Snowflake's."""
    match settle(column_type):
        case Boolean():
            return "BOOLEAN"
        case Integer():
            return "NUMBER(38, 0)"
        case Float():
            return "FLOAT"
        case Decimal(precision, scale):
            return f"NUMBER({precision}, {scale})"
        case Text(max_chars, _):
            return "VARCHAR" if max_chars is None else f"VARCHAR({max_chars})"
        case JsonText():
            return "VARCHAR"
        case Timestamp():
            return "TIMESTAMP_TZ"
        case Date():
            return "DATE"
        case Json():
            return "VARIANT"
        case Native(name):
            if name.partition("(")[0].strip() not in _NATIVE:
                raise RefusedError(
                    f"{name!r} is not a type that engagectl can create in Snowflake",
                    code="EC411",
                    help=f"native types that it can: {', '.join(sorted(_NATIVE))}",
                )
            return name
        case _:
            assert_never(column_type)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether widening writes every row again. What Snowflake widens at all, it widens in its metadata."""
    del before, after
    return False


def cast_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Convert a value into its one text form (CLI.md 6): what reads ask for.

    Raises RefusedError for any other type: no column is rebuilt here by casting its values.
    """
    match settle(before), settle(after):
        case same, other if same == other:
            return expression
        case Timestamp(), Text():
            return _rfc3339(f"CONVERT_TIMEZONE('UTC', {expression})")
        case Native("TIMESTAMP_NTZ" | "TIMESTAMP_LTZ"), Text():
            return _rfc3339(expression)
        case Date(), Text():
            return f"TO_VARCHAR({expression}, 'YYYY-MM-DD')"
        case Json(), Text():
            return f"TO_JSON({expression})"
        case Text(), Text():
            return expression  # read, not stored: no length to keep
        case ((Native("OBJECT") | Native("ARRAY")), Text()):
            return f"TO_JSON({expression})"
        case ((Boolean() | Integer() | Decimal() | Float() | Native("TIME")), Text()):
            return f"TO_VARCHAR({expression})"
        case _:
            raise RefusedError(
                f"Snowflake does not turn {type_text(before)} into {type_text(after)} in place",
                code="EC602",
                help="declare a new column under another name, or accept the type that is there with `native:`",
            )


def _rfc3339(naive: str) -> str:
    return f"""(REGEXP_REPLACE(TO_VARCHAR({naive}, 'YYYY-MM-DD"T"HH24:MI:SS.FF6'), '[.]?0*$', '') || 'Z')"""


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that a widening would change: there is none. Raises RefusedError for a rebuild."""
    if relate(settle(before), settle(after)) == "rebuild":
        cast_sql(expression, before, after)
    return "FALSE"
