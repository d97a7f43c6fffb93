"""Neutral column types in Redshift: how each is stored, compared and converted. Text is measured in bytes here."""

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

MAX_TEXT_BYTES = 65_535  # "Character types": VARCHAR(MAX)
CHAR_BYTES = 4  # the same page: VARCHAR counts bytes, and a character has up to four of them
LIMITS = Limits(
    identifier_bytes=127,  # "Names and identifiers": longer ones are cut
    columns=1600,  # "CREATE TABLE": the maximum number of columns of a table
    decimal_precision=38,  # "Numeric types": DECIMAL or NUMERIC
    decimal_scale=37,  # the same page
    text_bytes=MAX_TEXT_BYTES,
    # "Unsupported PostgreSQL features": PostgreSQL's system column names cannot be used
    system_columns=frozenset({"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}),
)

_NAIVE = "timestamp without time zone"
_PLAIN: dict[str, ColumnType] = {
    "boolean": Boolean(),
    "bigint": Integer(),
    "double precision": Float(),
    "timestamp with time zone": Timestamp(),
    "date": Date(),
    "super": Json(),
}
_ALIASES = {  # "Data types": each is a synonym
    "bool": "boolean",
    "int8": "bigint",
    "int4": "integer",
    "int": "integer",
    "int2": "smallint",
    "float8": "double precision",
    "float": "double precision",
    "float4": "real",
    "timestamptz": "timestamp with time zone",
    "timestamp": _NAIVE,
    "decimal": "numeric",
    "numeric": "numeric(18,0)",  # "Numeric types": the default
    "varchar": "character varying(256)",  # "Character types": VARCHAR, NVARCHAR and TEXT without a length
    "nvarchar": "character varying(256)",
    "character varying": "character varying(256)",
    "text": "character varying(256)",
    "char": "character(1)",
    "nchar": "character(1)",
    "character": "character(1)",
    "bpchar": "character(256)",
    "uuid": "character varying(36)",  # a column of the journal; Redshift has no such type
    "varbinary": "binary varying",
    "varbyte": "binary varying",
    "time": "time without time zone",
    "timetz": "time with time zone",
}
_NATIVE = frozenset({
    *("smallint", "integer", "real", "character", "binary varying", _NAIVE, "time without time zone"),
    *("time with time zone", "geometry", "geography", "hllsketch"),
})  # fmt: skip
"""What `native:` may create beside the neutral types; others are read, and taken as they are."""
_NUMBERS = ("smallint", "integer", "real")
_DECIMAL = re.compile(r"(?:numeric|decimal) ?\( ?(\d+)(?: ?, ?(\d+))? ?\)")
_VARCHAR = re.compile(r"(?:character varying|varchar|nvarchar|text) ?\( ?(\d+|max) ?\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what DDL or the catalog (format_type) writes, Native when there is none."""
    lower = " ".join(name.lower().split())
    lower = _ALIASES.get(lower, lower)
    lower = _ALIASES.get(lower, lower)
    if lower in _PLAIN:
        return _PLAIN[lower]
    if decimal := _DECIMAL.fullmatch(lower):
        return Decimal(int(decimal[1]), int(decimal[2] or 0))
    if varchar := _VARCHAR.fullmatch(lower):
        return Text(max_bytes=MAX_TEXT_BYTES if varchar[1] == "max" else int(varchar[1]))
    return Native(lower)


@functools.lru_cache(maxsize=1024)
def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as Redshift stores it: a limit in characters is four times as many bytes, text without a limit is
    the longest VARCHAR, JSON text is text.

    Raises RefusedError for a decimal or a text beyond what a column holds.
    """
    match column_type:
        case JsonText():
            return Text(max_bytes=MAX_TEXT_BYTES)
        case Text(max_chars, max_bytes):
            return Text(max_bytes=_bytes_of(max_chars, max_bytes))
        case Native(name):
            return native_type(name)
        case Decimal(precision, scale):
            if precision > LIMITS.decimal_precision or scale > min(precision, LIMITS.decimal_scale):
                raise RefusedError(
                    f"Redshift cannot store {type_text(column_type)}: a decimal has at most 38 digits, 37 of them"
                    " behind the point",
                    code="EC410",
                    help="lower the precision to 38 and the scale to 37 or less, or use float or string",
                )
            return column_type
        case _:
            return column_type


def _bytes_of(max_chars: int | None, max_bytes: int | None) -> int:
    if max_chars is not None and max_chars * CHAR_BYTES > MAX_TEXT_BYTES:
        raise RefusedError(
            f"{max_chars} characters need up to {max_chars * CHAR_BYTES} bytes; Redshift stores at most"
            f" {MAX_TEXT_BYTES} bytes in one column",
            code="EC410",
            help=f"lower max_chars to {MAX_TEXT_BYTES // CHAR_BYTES} or leave it out",
        )
    if max_chars is not None:
        return max_chars * CHAR_BYTES
    return MAX_TEXT_BYTES if max_bytes is None else min(max_bytes, MAX_TEXT_BYTES)


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one, both settled. In place Redshift makes a VARCHAR longer and changes no
    other type ("ALTER TABLE", ALTER COLUMN TYPE).
    """
    match found, wanted:
        case Native("timestamp without time zone"), Timestamp():
            return "holds"  # read and written as UTC
        case Decimal(precision, scale), Integer() if precision - scale >= INTEGER_DIGITS:
            return "holds"
        case Text(), Text():
            return relate_neutral(found, wanted)
        case _:
            relation = relate_neutral(found, wanted)
            return "rebuild" if relation == "widen" else relation


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not. Raises RefusedError for a native one that is none of Redshift's."""
    match settle(column_type):
        case Boolean():
            return "BOOLEAN"
        case Integer():
            return "BIGINT"
        case Float():
            return "DOUBLE PRECISION"
        case Decimal(precision, scale):
            return f"NUMERIC({precision}, {scale})"
        case Text(_, max_bytes):
            return f"VARCHAR({max_bytes})"
        case JsonText():
            return f"VARCHAR({MAX_TEXT_BYTES})"
        case Timestamp():
            return "TIMESTAMPTZ"
        case Date():
            return "DATE"
        case Json():
            return "SUPER"
        case Native(name):
            if name.partition("(")[0].strip() not in _NATIVE:
                raise RefusedError(
                    f"{name!r} is not a type that engagectl can create in Redshift",
                    code="EC411",
                    help=f"native types that it can: {', '.join(sorted(_NATIVE))}",
                )
            return name.upper().replace("BINARY VARYING", "VARBYTE")
        case _:
            assert_never(column_type)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether changing the type writes every row again: a longer VARCHAR is the one change in place."""
    return not (isinstance(before, Text) and isinstance(after, Text)) and before != after


def cast_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Convert a value in its one text form (CLI.md 6). A value that does not fit raises.

    Text gets no cast of its own: an explicit cast to VARCHAR(n) would cut it silently, the column's own does not.
    """
    before, after = settle(before), settle(after)
    match before, after:
        case _ if before == after:
            return expression
        case _, Text():
            return _text_form(expression, before)
        case (Native("timestamp without time zone"), Timestamp()) | (
            Timestamp(),
            Native("timestamp without time zone"),
        ):
            return f"({expression} AT TIME ZONE 'UTC')"
        case Date(), Timestamp():
            return f"(CAST({expression} AS TIMESTAMP) AT TIME ZONE 'UTC')"
        case Timestamp(), Date():
            return f"CAST({expression} AT TIME ZONE 'UTC' AS DATE)"
        case Boolean(), (Integer() | Decimal() | Float()):
            return f"CAST(CAST({expression} AS INTEGER) AS {type_sql(after)})"
        case ((Integer() | Decimal() | Float() | Native() | Text()), (Integer() | Decimal() | Float())):
            return f"CAST({expression} AS {type_sql(after)})"
        case _, Native():
            return f"CAST({expression} AS {type_sql(after)})"
        case _, Json():
            return f"JSON_PARSE({_text_form(expression, before)})"
        case _:
            return f"CAST({_text_form(expression, before)} AS {type_sql(after)})"


def _text_form(expression: str, before: ColumnType) -> str:
    match before:
        case Text():
            return expression
        case Boolean():  # "CAST": no boolean becomes text by a cast
            return f"CASE WHEN {expression} THEN 'true' WHEN NOT {expression} THEN 'false' END"
        case Timestamp():
            return _rfc3339(f"{expression} AT TIME ZONE 'UTC'")
        case Native("timestamp without time zone"):
            return _rfc3339(expression)
        case Date():
            return f"TO_CHAR({expression}, 'YYYY-MM-DD')"
        case Json():
            return f"JSON_SERIALIZE({expression})"
        case _:
            return f"CAST({expression} AS VARCHAR)"


def _rfc3339(naive: str) -> str:
    return f"""(REGEXP_REPLACE(TO_CHAR({naive}, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '[.]?0*$', '') || 'Z')"""


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that `cast_sql` would refuse or change: CASE looks before it casts. NULL fits."""
    fits = _fits(expression, settle(before), settle(after))
    return f"({expression} IS NOT NULL AND NOT COALESCE({fits}, FALSE))"


def _fits(value: str, before: ColumnType, after: ColumnType) -> str:
    match before, after:
        case _, Text(_, max_bytes):
            return f"OCTET_LENGTH({_text_form(value, before)}) <= {max_bytes}"
        case Text(), _:
            return _text_fits(value, after)
        case Boolean(), (Integer() | Decimal() | Float()):
            return "TRUE"
        case ((Integer() | Decimal() | Native()), (Integer() | Decimal())) if _is_number(before):
            return _number_fits(f"CAST({value} AS NUMERIC(38, 9))", after)
        case Float(), (Integer() | Decimal()):
            return f"CASE WHEN ABS({value}) < 1e15 THEN {_number_fits(f'CAST({value} AS NUMERIC(38, 9))', after)} END"
        case ((Integer() | Decimal() | Native()), Float()) if _is_number(before):
            return f"ABS({value}) <= 9007199254740992"  # 2^53: what a double holds to the digit
        case Timestamp(), Date():
            return f"{value} AT TIME ZONE 'UTC' = DATE_TRUNC('day', {value} AT TIME ZONE 'UTC')"
        case ((Date() | Native("timestamp without time zone")), Timestamp()):
            return "TRUE"
        case _:
            return "FALSE"


def _is_number(column_type: ColumnType) -> bool:
    return not isinstance(column_type, Native) or column_type.name in _NUMBERS


def _number_fits(number: str, after: ColumnType) -> str:
    if isinstance(after, Decimal):
        return f"{number} = ROUND({number}, {after.scale}) AND ABS({number}) < 1e{after.precision - after.scale}"
    return f"{number} = TRUNC({number}) AND {number} BETWEEN -9223372036854775807 AND 9223372036854775807"


def _text_fits(value: str, after: ColumnType) -> str:
    number = f"CAST({value} AS NUMERIC(38, 9))"
    match after:
        case Boolean():
            return f"{value} IN ('true', 'false')"
        case Integer():
            return _when(value, "[+-]?[0-9]{1,20}", _number_fits(number, after))
        case Decimal():
            return _when(value, "[+-]?[0-9]{1,28}([.][0-9]{0,9})?", _number_fits(number, after))
        case Float():
            return _when(value, "[+-]?[0-9]{1,15}([.][0-9]{0,15})?", "TRUE")
        case Timestamp():
            clock = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
            return _when(value, _DAY_SHAPE + "[T ]" + clock, _day_exists(value))
        case Date():
            return _when(value, _DAY_SHAPE, _day_exists(value))
        case _:
            return "FALSE"


_DAY_SHAPE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"


def _when(value: str, shape: str, test: str) -> str:
    return f"CASE WHEN {value} ~ '^{shape}$' THEN {test} END"


def _day_exists(value: str) -> str:
    """Year 0 is none; the day is one of its month."""
    last = f"EXTRACT(DAY FROM LAST_DAY(CAST(SUBSTRING({value}, 1, 7) || '-01' AS DATE)))"
    return f"SUBSTRING({value}, 1, 4) <> '0000' AND CAST(SUBSTRING({value}, 9, 2) AS INTEGER) <= {last}"
