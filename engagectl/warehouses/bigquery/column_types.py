"""Neutral column types in BigQuery: how each is stored, compared and converted."""

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
    identifier_bytes=300,  # "Specifying a schema": a column's name; tables and datasets have 1,024
    columns=10_000,  # "Quotas and limits", "All tables"
    decimal_precision=76,  # "Data types", parameterized decimals: BIGNUMERIC(P, S), S + 38 digits
    decimal_scale=38,  # the same
    comment_chars=1_024,  # "Specifying a schema": a column's description
)

_NUMERIC = Decimal(38, 9)  # "Data types": NUMERIC, 38 digits, 9 of them behind the point
_BIGNUMERIC = Decimal(76, 38)  # BIGNUMERIC, and a part of one digit more
_PLAIN: dict[str, ColumnType] = {
    "BOOL": Boolean(),
    "INT64": Integer(),
    "FLOAT64": Float(),
    "NUMERIC": _NUMERIC,
    "BIGNUMERIC": _BIGNUMERIC,
    "STRING": Text(),
    "TIMESTAMP": Timestamp(),
    "DATE": Date(),
    "JSON": Json(),
}
_ALIASES = {
    "BOOLEAN": "BOOL",  # "Data types": aliases; and the names that the API keeps of legacy SQL
    "INTEGER": "INT64",
    "INT": "INT64",
    "SMALLINT": "INT64",
    "BIGINT": "INT64",
    "TINYINT": "INT64",
    "BYTEINT": "INT64",
    "FLOAT": "FLOAT64",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "RECORD": "STRUCT",
    "UUID": "STRING",  # a column of the journal
}
_NATIVE = frozenset({"BYTES", "DATETIME", "TIME", "GEOGRAPHY", "INTERVAL"})
"""What `native:` may create beside the neutral types; others are read, and taken as they are."""
_SIZED = re.compile(r"([A-Z_0-9]+) ?\( ?(\d+)(?: ?, ?(\d+))? ?\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what DDL or the API writes, Native when there is none."""
    upper = " ".join(name.upper().split())
    upper = _ALIASES.get(upper, upper)
    if upper in _PLAIN:
        return _PLAIN[upper]
    if sized := _SIZED.fullmatch(upper):
        base, size, scale = _ALIASES.get(sized[1], sized[1]), int(sized[2]), int(sized[3] or 0)
        if base == "STRING":
            return Text(size)
        if base in ("NUMERIC", "BIGNUMERIC"):
            return Decimal(size, scale)
    return Native(upper)


def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as BigQuery stores it: JSON text is text, and the rest is as it is.

    Raises RefusedError for a decimal that fits neither NUMERIC nor BIGNUMERIC.
    """
    match column_type:
        case JsonText():
            return Text()
        case Text(max_chars, _):
            return Text(max_chars)
        case Native(name):
            return native_type(name)
        case Decimal(precision, scale):
            if not _decimal(precision, scale):
                raise RefusedError(
                    f"BigQuery cannot store {type_text(column_type)}: a decimal has at most 38 digits before its point"
                    " and 38 behind it",
                    code="EC410",
                    help="lower the precision or the scale, or use float or string",
                )
            return column_type
        case _:
            return column_type


def _decimal(precision: int, scale: int) -> str:
    """Return the type that holds such a decimal: the cheaper one of both, nothing where neither does."""
    whole = precision - scale
    if scale <= 9 and 0 <= whole <= 29:  # "Data types": max(1, S) <= P <= S + 29
        return "NUMERIC"
    return "BIGNUMERIC" if scale <= 38 and 0 <= whole <= 38 else ""  # the same: P <= S + 38


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one, both settled. In place BigQuery makes a text longer, a decimal wider, and
    an integer a decimal ("Modifying table schemas", "Change a column's data type"), and nothing else.
    """
    match found, wanted:
        case Native("DATETIME"), Timestamp():
            return "holds"  # read and written as UTC
        case _:
            relation = relate_neutral(found, wanted)
            return "rebuild" if relation == "widen" and not _is_in_place(found, wanted) else relation


def _is_in_place(found: ColumnType, wanted: ColumnType) -> bool:
    match found, wanted:
        case Text(), Text():
            return True
        case ((Integer() | Decimal()), Decimal()):
            return True  # relate_neutral has seen to it that every value fits
        case _:
            return False


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not. Raises RefusedError for a native one that is none of BigQuery's."""
    match settle(column_type):
        case Boolean():
            return "BOOL"
        case Integer():
            return "INT64"
        case Float():
            return "FLOAT64"
        case Decimal() as decimal if decimal == _BIGNUMERIC:
            return "BIGNUMERIC"
        case Decimal(precision, scale):
            return f"{_decimal(precision, scale)}({precision}, {scale})"
        case Text(max_chars, _):
            return "STRING" if max_chars is None else f"STRING({max_chars})"
        case JsonText():
            return "STRING"
        case Timestamp():
            return "TIMESTAMP"
        case Date():
            return "DATE"
        case Json():
            return "JSON"
        case Native(name):
            if name.partition("(")[0].strip() not in _NATIVE:
                raise RefusedError(
                    f"{name!r} is not a type that engagectl can create in BigQuery",
                    code="EC411",
                    help=f"native types that it can: {', '.join(sorted(_NATIVE))}",
                )
            return name
        case _:
            assert_never(column_type)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether widening writes every row again. What BigQuery widens at all, it widens in its metadata."""
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
            return _trimmed(f"FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6S', {expression}, 'UTC')")
        case Native("DATETIME"), Text():
            return _trimmed(f"FORMAT_DATETIME('%Y-%m-%dT%H:%M:%E6S', {expression})")
        case Json(), Text():
            return f"TO_JSON_STRING({expression})"
        case Text(), Text():
            return expression  # read, not stored: no length to keep
        case ((Boolean() | Integer() | Decimal() | Float() | Date() | Native("TIME")), Text()):
            return f"CAST({expression} AS STRING)"
        case Native(), Text():
            return f"TO_JSON_STRING({expression})"
        case _:
            raise RefusedError(
                f"BigQuery does not turn {type_text(before)} into {type_text(after)} in place",
                code="EC602",
                help="declare a new column under another name, or accept the type that is there with `native:`",
            )


def _trimmed(seconds: str) -> str:
    """Take the zeros off the end of six digits of microseconds, and the point where nothing is left."""
    return f"(REGEXP_REPLACE({seconds}, '[.]?0*$', '') || 'Z')"


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that a widening would change: there is none. Raises RefusedError for a rebuild."""
    if relate(settle(before), settle(after)) == "rebuild":
        cast_sql(expression, before, after)
    return "FALSE"
