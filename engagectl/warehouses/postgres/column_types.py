"""Neutral column types in PostgreSQL: how each is stored, compared and converted."""

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
    identifier_bytes=63,  # NAMEDATALEN - 1; a longer name is cut without an error
    columns=1600,  # "Appendix K. PostgreSQL Limits"
    decimal_precision=1000,  # "8.1.2. Arbitrary Precision Numbers": declared precision
    decimal_scale=1000,
    text_chars=10_485_760,  # MaxAttrSize of varchar(n); text itself has none that matters
    system_columns=frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}),  # "5.6. System Columns"
)

_NAIVE = "timestamp without time zone"
_PLAIN: dict[str, ColumnType] = {
    "boolean": Boolean(),
    "bigint": Integer(),
    "double precision": Float(),
    "text": Text(),
    "character varying": Text(),
    "timestamp with time zone": Timestamp(),
    "date": Date(),
    "jsonb": Json(),
}
_ALIASES = {
    "bool": "boolean",
    "int8": "bigint",
    "int4": "integer",
    "int": "integer",
    "int2": "smallint",
    "float8": "double precision",
    "float4": "real",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": _NAIVE,
    "decimal": "numeric",
}
_DECIMAL = re.compile(r"(?:numeric|decimal)\((\d+)(?:,\s*(\d+))?\)")
_VARCHAR = re.compile(r"(?:character varying|varchar)\((\d+)\)")


@functools.lru_cache(maxsize=1024)
def native_type(name: str) -> ColumnType:
    """Return the neutral type of what the catalog (format_type) writes, Native when there is none."""
    text = " ".join(name.split())
    lower = _ALIASES.get(text.lower(), text.lower())
    if lower in _PLAIN:
        return _PLAIN[lower]
    if decimal := _DECIMAL.fullmatch(lower):
        return Decimal(int(decimal[1]), int(decimal[2] or 0))
    if varchar := _VARCHAR.fullmatch(lower):
        return Text(int(varchar[1]))
    return Native(text if '"' in text else lower)


@functools.lru_cache(maxsize=1024)
def settle(column_type: ColumnType) -> ColumnType:
    """Return the type as PostgreSQL stores it: a limit in bytes is none here, JSON text is text.

    Raises RefusedError for a decimal of more than 1000 digits.
    """
    match column_type:
        case JsonText():
            return Text()
        case Text(max_chars, _):
            return Text(max_chars if max_chars is not None and max_chars <= 10_485_760 else None)
        case Native(name):
            return native_type(name)
        case Decimal(precision, scale):
            if precision > LIMITS.decimal_precision or scale > precision:
                raise RefusedError(
                    f"PostgreSQL cannot store {type_text(column_type)}: a decimal has at most 1000 digits",
                    code="EC410",
                    help="lower the precision to 1000 or less, or use float or string",
                )
            return column_type
        case _:
            return column_type


def relate(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare a found type with a wanted one, both settled."""
    match found, wanted:
        case Native("timestamp without time zone"), Timestamp():
            return "holds"  # read and written as UTC
        case Native("numeric"), (Decimal() | Integer()):
            return "holds"
        case Native("smallint" | "integer"), Integer():
            return "widen"
        case Native("smallint" | "integer"), Decimal(precision, scale):
            return "widen" if precision - scale >= INTEGER_DIGITS else "rebuild"
        case Native("real"), Float():
            return "widen"
        case _:
            return relate_neutral(found, wanted)


def type_sql(column_type: ColumnType) -> str:
    """Write a type, settled or not."""
    match column_type:
        case Boolean():
            return "boolean"
        case Integer():
            return "bigint"
        case Float():
            return "double precision"
        case Decimal(precision, scale):
            return f"numeric({precision}, {scale})"
        case Text(max_chars, _):
            return "text" if max_chars is None else f"character varying({max_chars})"
        case JsonText():
            return "text"
        case Timestamp():
            return "timestamp with time zone"
        case Date():
            return "date"
        case Json():
            return "jsonb"
        case Native(name):
            return name
        case _:
            assert_never(column_type)


def rewrites(before: ColumnType, after: ColumnType) -> bool:
    """Tell whether changing the type writes every row again: a longer text and a longer decimal of one scale do not."""
    match before, after:
        case Text(), Text():
            return relate_neutral(before, after) not in ("same", "widen")
        case Decimal(_, scale), Decimal(_, after_scale):
            return scale != after_scale or relate_neutral(before, after) not in ("same", "widen")
        case _:
            return before != after


def cast_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Convert a value in its one text form, the same in every zone of a session. A value that does not fit raises.

    Text gets no cast of its own: an explicit cast to varchar(n) would cut it silently, the column's own does not.
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
            return f"(CAST({expression} AS timestamp without time zone) AT TIME ZONE 'UTC')"
        case Timestamp(), Date():
            return f"CAST({expression} AT TIME ZONE 'UTC' AS date)"
        case Boolean(), (Integer() | Decimal() | Float()):
            return f"CAST(CAST({expression} AS integer) AS {type_sql(after)})"
        case ((Integer() | Decimal() | Float() | Native() | Text()), (Integer() | Decimal() | Float())):
            return f"CAST({expression} AS {type_sql(after)})"
        case _, Native():
            return f"CAST({expression} AS {type_sql(after)})"
        case _:
            return f"CAST({_text_form(expression, before)} AS {type_sql(after)})"


def _text_form(expression: str, before: ColumnType) -> str:
    match before:
        case Text():
            return expression
        case Float():
            return _float_text(expression)
        case Timestamp():
            return _rfc3339(f"{expression} AT TIME ZONE 'UTC'")
        case Native("timestamp without time zone"):
            return _rfc3339(expression)
        case Date():
            return f"to_char({expression}, 'YYYY-MM-DD')"
        case _:
            return f"CAST({expression} AS text)"


def _float_text(expression: str) -> str:
    """The shortest text that reads back, as Python and DuckDB write it.

    PostgreSQL writes 450 for 450.0, and an exponent from 1e15 on where the others begin at 1e16.
    """
    text = f"CAST({expression} AS text)"
    plain = f"CAST(CAST({text} AS numeric) AS text)"
    return (
        f"CASE WHEN {text} IN ('NaN', 'Infinity', '-Infinity') THEN replace(lower({text}), 'inity', '')"
        f" WHEN {text} LIKE '%e+15' THEN {plain} || CASE WHEN strpos({plain}, '.') = 0 THEN '.0' ELSE '' END"
        f" WHEN {text} ~ '[.e]' THEN {text}"
        f" ELSE {text} || '.0' END"
    )


def _rfc3339(naive: str) -> str:
    return rf"""(regexp_replace(to_char({naive}, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\.?0*$', '') || 'Z')"""


def misfit_sql(expression: str, before: ColumnType, after: ColumnType) -> str:
    """Write the test for a value that `cast_sql` would refuse or change. NULL always fits.

    PostgreSQL has no TRY_CAST, so each test looks before it casts: CASE keeps that order.
    """
    fits = _fits(expression, settle(before), settle(after))
    return f"({expression} IS NOT NULL AND NOT COALESCE({fits}, FALSE))"


def _fits(value: str, before: ColumnType, after: ColumnType) -> str:
    match before, after:
        case _, Text(max_chars, _):
            return "TRUE" if max_chars is None else f"char_length({_text_form(value, before)}) <= {max_chars}"
        case Text(), _:
            return _text_fits(value, after)
        case Boolean(), (Integer() | Decimal() | Float()):
            return "TRUE"
        case ((Integer() | Decimal() | Float() | Native()), Integer()) if _is_number(before):
            number = f"CAST({value} AS numeric)"
            return f"CASE WHEN {_finite(value, before)} THEN {_integer_fits(number)} END"
        case ((Integer() | Decimal() | Float() | Native()), Decimal()) if _is_number(before):
            number = f"CAST(CAST({value} AS text) AS numeric)"
            return f"CASE WHEN {_finite(value, before)} THEN {_decimal_fits(number, after)} END"
        case ((Integer() | Decimal() | Native()), Float()) if _is_number(before):
            number = f"CAST({value} AS numeric)"
            return (
                f"CASE WHEN abs({number}) < 1e300"
                f" THEN CAST(CAST(CAST({value} AS double precision) AS text) AS numeric) = {number} END"
            )
        case Timestamp(), Date():
            return f"{value} AT TIME ZONE 'UTC' = date_trunc('day', {value} AT TIME ZONE 'UTC')"
        case ((Date() | Native("timestamp without time zone")), Timestamp()):
            return "TRUE"
        case Json(), _:
            return _text_fits(f"CAST({value} AS text)", after)
        case _:
            return "FALSE"


def _is_number(column_type: ColumnType) -> bool:
    return not isinstance(column_type, Native) or column_type.name in ("smallint", "integer", "numeric", "real")


def _finite(value: str, before: ColumnType) -> str:
    if isinstance(before, Integer | Decimal):
        return "TRUE"
    return f"CAST({value} AS text) NOT IN ('NaN', 'Infinity', '-Infinity')"


def _integer_fits(number: str) -> str:
    return f"{number} = trunc({number}) AND {number} BETWEEN -9223372036854775808 AND 9223372036854775807"


def _decimal_fits(number: str, after: Decimal) -> str:
    return f"{number} = round({number}, {after.scale}) AND abs({number}) < 1e{after.precision - after.scale}"


def _text_fits(value: str, after: ColumnType) -> str:
    number = f"CAST({value} AS numeric)"
    match after:
        case Boolean():
            return f"{value} IN ('true', 'false')"
        case Integer():
            return _when(value, "[+-]?[0-9]{1,40}", _integer_fits(number))
        case Decimal():
            return _when(value, r"[+-]?[0-9]{1,255}(\.[0-9]*)?", _decimal_fits(number, after))
        case Float():
            limit = f"abs({number}) <= 1.7976931348623157e308 AND ({number} = 0 OR abs({number}) >= 2.3e-308)"
            return _when(value, r"[+-]?[0-9]{1,255}(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?", limit)
        case Timestamp():
            clock = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
            return _when(value, _DAY_SHAPE + "[T ]" + clock, _day_exists(value))
        case Date():
            return _when(value, _DAY_SHAPE, _day_exists(value))
        case _:
            return "FALSE"


_DAY_SHAPE = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"


def _when(value: str, shape: str, test: str) -> str:
    return f"CASE WHEN {value} ~ '^{shape}$' THEN {test} END"


def _day_exists(value: str) -> str:
    month = f"CAST(substr({value}, 1, 7) || '-01' AS date)"
    last = f"extract(day FROM {month} + interval '1 month' - interval '1 day')"
    return f"CAST(substr({value}, 9, 2) AS integer) <= {last}"
