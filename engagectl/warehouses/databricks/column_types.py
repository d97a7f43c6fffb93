"""Neutral column types in Databricks: how each is stored, compared and converted."""

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
    identifier_bytes=255,  # "Names": objects of Unity Catalog and columns of Delta have up to 255 characters
    columns=5_000,  # none is documented; Delta keeps statistics of the first 32 only, and wider tables were not tried
    decimal_precision=38,  # "DECIMAL type": 1 to 38 digits
    decimal_scale=38,  # the same page: a scale up to the precision
)

_PLAIN: dict[str, ColumnType] = {
    "BOOLEAN": Boolean(),
    "BIGINT": Integer(),
    "DOUBLE": Float(),
    "STRING": Text(),
    "TIMESTAMP": Timestamp(),  # a point in time; TIMESTAMP_NTZ has no zone ("Datetime patterns", both type pages)
    "DATE": Date(),
    "VARIANT": Json(),
    "DECIMAL": Decimal(10, 0),  # "DECIMAL type": the default precision is 10, the default scale 0
}
_ALIASES = {  # "Data types", SQL names: each is a synonym
    "LONG": "BIGINT",
    "INTEGER": "INT",
    "SHORT": "SMALLINT",
    "BYTE": "TINYINT",
    "REAL": "FLOAT",
    "DEC": "DECIMAL",
    "NUMERIC": "DECIMAL",
    "TIMESTAMP_LTZ": "TIMESTAMP",
    "TEXT": "STRING",  # none of Databricks; what others call its STRING
    "UUID": "STRING",  # a column of the journal; Databricks has no such type
}
_SMALLER_INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10}
"""How many digits each holds."""
_NATIVE = frozenset({"TINYINT", "SMALLINT", "INT", "FLOAT", "TIMESTAMP_NTZ", "BINARY", "CHAR", "VARCHAR"})
"""What `native:` may create beside the neutral types; others are read, and taken as they are."""
_DECIMAL = re.compile(r"DECIMAL ?\( ?(\d+)(?: ?, ?(\d+))? ?\)")
_SIZED = re.compile(r"(CHAR|VARCHAR) ?\( ?(\d+) ?\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what DDL or the catalog writes, Native when there is none."""
    upper = " ".join(name.upper().split())
    upper = _ALIASES.get(upper, upper)
    head, bracket, rest = upper.partition("(")
    upper = _ALIASES.get(head.strip(), head) + bracket + rest if bracket else upper
    if upper in _PLAIN:
        return _PLAIN[upper]
    if decimal := _DECIMAL.fullmatch(upper):
        return Decimal(int(decimal[1]), int(decimal[2] or 0))
    if sized := _SIZED.fullmatch(upper):
        return Text(int(sized[2])) if sized[1] == "VARCHAR" else Native(f"CHAR({sized[2]})")
    return Native(name if "<" in name else upper)  # the fields of a STRUCT keep their letters


@functools.lru_cache(maxsize=1024)
def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as we have Databricks store it: text is STRING, which has no length; sync keeps to the limit.

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
                    f"Databricks cannot store {type_text(column_type)}: a decimal has at most 38 digits",
                    code="EC410",
                    help="lower the precision to 38 or less, or use float or string",
                )
            return column_type
        case _:
            return column_type


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one. "Type widening" lists what changes in place: whole numbers into larger
    ones, decimals and (but BIGINT) doubles, FLOAT into DOUBLE, a decimal into one that has no fewer digits on either
    side of the point. A DATE becomes no TIMESTAMP. Nothing else: no column is rebuilt by casting its values.
    """
    match found, wanted:
        case _ if found == wanted:
            return "same"
        case Native("TIMESTAMP_NTZ"), Timestamp():
            return "holds"  # sessions are in UTC
        case Native(name), Integer() if name in _SMALLER_INTEGERS:
            return "widen"
        case Native(name), Decimal(precision, scale) if name in _SMALLER_INTEGERS:
            return "widen" if precision - scale >= _SMALLER_INTEGERS["INT"] else "rebuild"
        case Native(name), Float() if name in _SMALLER_INTEGERS:
            return "widen"
        case Native("FLOAT"), Float():
            return "widen"
        case Integer(), Decimal(precision, scale):
            return "widen" if precision - scale >= _LONG_DIGITS else "rebuild"
        case _:
            relation = relate_neutral(found, wanted)
            return "rebuild" if relation == "widen" and not _is_in_place(found, wanted) else relation


_LONG_DIGITS = 20
"""The smallest decimal that a BIGINT is widened into is DECIMAL(20, 0)."""


def _is_in_place(found: ColumnType, wanted: ColumnType) -> bool:
    match found, wanted:
        case Decimal(), Decimal():
            return True
        case Text(), Text():
            return True  # VARCHAR(n) into STRING: what is declared is a STRING, always
        case _:
            return False


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not. Raises RefusedError for a native one that is none of Databricks'."""
    match native_type(column_type.name) if isinstance(column_type, Native) else column_type:
        case Boolean():
            return "BOOLEAN"
        case Integer():
            return "BIGINT"
        case Float():
            return "DOUBLE"
        case Decimal(precision, scale):
            return f"DECIMAL({precision}, {scale})"
        case Text() | JsonText():
            return "STRING"
        case Timestamp():
            return "TIMESTAMP"
        case Date():
            return "DATE"
        case Json():
            return "VARIANT"
        case Native(name):
            if name.partition("(")[0].strip() not in _NATIVE:
                raise RefusedError(
                    f"{name!r} is not a type that engagectl can create in Databricks",
                    code="EC411",
                    help=f"native types that it can: {', '.join(sorted(_NATIVE))}",
                )
            return name
        case _ as never:
            assert_never(never)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether widening writes every row again: "without rewriting underlying data files", it does not."""
    del before, after
    return False


def cast_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Convert a value into its one text form (CLI.md 6): what reads ask for.

    Raises RefusedError for any other type: no column is rebuilt here by casting its values.
    """
    match settle(before), settle(after):
        case same, other if same == other:
            return expression
        case ((Timestamp() | Native("TIMESTAMP_NTZ")), Text()):
            return _rfc3339(expression)
        case Date(), Text():
            return f"date_format({expression}, 'yyyy-MM-dd')"
        case Json(), Text():
            return f"to_json({expression})"
        case ((Boolean() | Integer() | Decimal() | Float() | Text()), Text()):
            return f"CAST({expression} AS STRING)"
        case Native(name), Text() if name in (*_SMALLER_INTEGERS, "FLOAT") or name.startswith("CHAR("):
            return f"CAST({expression} AS STRING)"
        case Native(name), Text() if name.partition("<")[0] in ("STRUCT", "ARRAY", "MAP"):
            return f"to_json({expression})"
        case before_type, after_type if relate(before_type, after_type) in ("widen", "holds"):
            return f"CAST({expression} AS {type_sql(after_type)})"
        case _:
            raise RefusedError(
                f"Databricks does not turn {type_text(before)} into {type_text(after)} in place",
                code="EC602",
                help="declare a new column under another name, or accept the type that is there with `native:`",
            )


def _rfc3339(time: str) -> str:
    """Write microseconds without their trailing zeros, and Z."""
    seconds = f"regexp_replace(date_format({time}, 'HH:mm:ss.SSSSSS'), '[.]?0*$', '')"
    return f"concat(date_format({time}, 'yyyy-MM-dd'), 'T', {seconds}, 'Z')"


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that a widening would change: there is none. Raises RefusedError for a rebuild."""
    if relate(settle(before), settle(after)) == "rebuild":
        cast_sql(expression, before, after)
    return "FALSE"
