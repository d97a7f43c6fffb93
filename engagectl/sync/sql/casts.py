"""A JSON value (its compact text, `"x"` with quotes) -> a typed value, or NULL where it does not fit. Never a coercion.

Exact numbers: whole numbers come verbatim from DuckDB's JSON, fractions as the shortest text of their double, and the
lines that a double would harm come with plain digits from Python (stage.py), so all rules work on text.
"""

import re
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
from engagectl.model.feed import Transform
from engagectl.sync.sql.quoting import literal

# Hours to 23 and no second 60: DuckDB rolls what is beyond over into the next day.
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_TIME_SHAPE = rf"\d{{4}}-\d{{2}}-\d{{2}}[Tt ]{_CLOCK}:[0-5]\d(\.\d+)?([Zz]|[+-]{_CLOCK})"
_FIRST, _LAST = "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"
# DuckDB's parser also takes these for numbers, in any case: `:nan`, `[-inf`. JSON text here is compact.
_NO_NUMBER = r"(^|[:\[,])-?(?i:nan|inf)"
_STRING = r'"(\\.|[^"\\])*"'
_NUL_ESCAPE = r"(^|[^\\])(\\\\)*\\u0000"
_HUGE = r"[eE][+-]?[0-9]{5,}"
_RANGES = {"smallint": 1 << 15, "int2": 1 << 15, "integer": 1 << 31, "int4": 1 << 31, "int": 1 << 31, "tinyint": 1 << 7}


def present(value: str) -> str:
    """Return the predicate "the value is there and is not JSON null"."""
    return f"coalesce({value} <> 'null', false)"


def string_of(value: str) -> str:
    """Return the content of a JSON string; NULL for every other value."""
    return f"CASE WHEN starts_with({value}, '\"') THEN {_content(value)} END"


def _content(string: str) -> str:
    """Return the content of what is a JSON string: parsed only where something in it is escaped."""
    return f"CASE WHEN contains({string}, '\\') THEN json_extract_string({string}, '$') ELSE {string}[2:-2] END"


def time_of(text: str) -> str:
    """Return the instant that an RFC 3339 text names, of the years 1 to 9999 in UTC. DuckDB takes much more than that,
    so the shape comes first.
    """
    small = f"try_cast(upper({text}) AS TIMESTAMPTZ)"  # RFC 3339 allows `t` and `z`; DuckDB does not
    instant = f"coalesce(try_cast({text} AS TIMESTAMPTZ), {small})"
    inside = f"{instant} BETWEEN TIMESTAMPTZ '{_FIRST}' AND TIMESTAMPTZ '{_LAST}'"
    return (
        f"CASE WHEN regexp_full_match({text}, {literal(_TIME_SHAPE)})"
        f" AND (({text} >= '0001-01-02' AND {text} < '9999-12-31') OR {inside}) THEN {instant} END"
    )


def text_of(value: str) -> str:
    """Return any value in its one text form: strings their content, the rest its compact JSON."""
    return (
        f"CASE WHEN starts_with({value}, '\"') THEN {_content(value)}"
        f" WHEN {value} <> 'null' AND {_is_plain(value)} THEN {value} END"
    )


def _is_plain(value: str) -> str:
    """Return the predicate "compact JSON, and nothing in it that only DuckDB takes for a number"."""
    suspect = f"regexp_matches({value}, {literal(_NO_NUMBER)})"
    blanked = f"regexp_replace({value}, {literal(_STRING)}, '0', 'g')"
    return f"NOT ({suspect} AND regexp_matches({blanked}, {literal(_NO_NUMBER)}))"


def strict(value: str, wanted: ColumnType, *, membership: bool = False) -> str:
    """Return the typed value. `membership` also takes the texts "true" and "false" for a boolean."""
    match wanted:
        case Boolean():
            texts = " WHEN '\"true\"' THEN true WHEN '\"false\"' THEN false" if membership else ""
            return f"CASE {value} WHEN 'true' THEN true WHEN 'false' THEN false{texts} END"
        case Integer():
            return _whole(value)
        case Float():
            return (
                f"CASE WHEN {_is_number(value)} AND isfinite(try_cast({value} AS DOUBLE))"
                f" THEN try_cast({value} AS DOUBLE) END"
            )
        case Decimal(precision, scale):
            return _exact(value, precision, scale)
        case Text(None, None):
            # compact JSON writes a NUL as an escape: only where that stands is the content looked at
            content = f"json_extract_string({value}, '$')"
            nul = f"contains({value}, '\\u0000') AND contains({content}, chr(0))"
            return f"CASE WHEN starts_with({value}, '\"') AND {nul} THEN NULL ELSE {text_of(value)} END"
        case Text():
            return _limited(text_of(value), wanted)
        case Timestamp():
            return time_of(f"({string_of(value)})")
        case Date():
            text = f"({string_of(value)})"
            return (
                f"CASE WHEN regexp_full_match({text}, {literal('[0-9]{4}-[0-9]{2}-[0-9]{2}')})"
                f" AND {text} >= '0001'"  # a year 0 is one before Christ to DuckDB, and none elsewhere
                f" THEN try_cast({text} AS DATE) END"
            )
        case JsonText():
            return f"CASE WHEN {value} <> 'null' AND {_is_plain(value)} THEN {value} END"
        case Json():
            # PostgreSQL's jsonb holds no NUL and no number beyond its numeric
            odd = f"regexp_matches({value}, {literal(_NUL_ESCAPE)}) OR regexp_matches({value}, {literal(_HUGE)})"
            return f"CASE WHEN {value} <> 'null' AND {_is_plain(value)} AND NOT ({odd}) THEN {value} END"
        case Native(name):
            return _native(value, name)


def nothing(wanted: ColumnType) -> str:
    """Return NULL as `strict` would type it: for a column that no message fills, a short text to plan."""
    match wanted:
        case Boolean():
            return "CAST(NULL AS BOOLEAN)"
        case Integer():
            return "CAST(NULL AS BIGINT)"
        case Float():
            return "CAST(NULL AS DOUBLE)"
        case Decimal(precision, scale):
            return f"CAST(NULL AS DECIMAL({precision}, {scale}))"
        case Timestamp():
            return "CAST(NULL AS TIMESTAMPTZ)"
        case Date():
            return "CAST(NULL AS DATE)"
        case Text() | JsonText() | Json():
            return "CAST(NULL AS VARCHAR)"
        case Native():
            return strict("CAST(NULL AS VARCHAR)", wanted)
        case _:
            assert_never(wanted)


def transformed(value: str, steps: tuple[Transform, ...], wanted: ColumnType, *, key_table: str) -> str:
    """Return the value after its transforms, typed. Keys come from a staged table: no secret stands in SQL."""
    text = f"({text_of(value)})"
    kind: ColumnType = Text()
    for step in steps:
        match step.name:
            case "trim":
                text = f"trim({text}, {literal(' ') + ' || chr(9) || chr(10) || chr(13)'})"
            case "lower" | "upper":
                text = f"{step.name}({text})"
            case "sha256":
                text = f"sha256({text})"
            case "hmac_sha256":
                pads = f"FROM {key_table} WHERE id = {literal(step.credentials)}"
                inner = f"sha256((SELECT inner_pad {pads}) || encode({text}))"
                text = f"sha256((SELECT outer_pad {pads}) || unhex({inner}))"
            case "epoch_s_to_timestamp" | "epoch_ms_to_timestamp":
                unit = 1000000 if step.name == "epoch_s_to_timestamp" else 1000
                text = f"make_timestamptz(CAST(round(try_cast({text} AS DECIMAL(38, 9)) * {unit}) AS BIGINT))"
                kind = Timestamp()
    if isinstance(kind, Timestamp):
        return f"try({text})"
    return _limited(text, wanted) if isinstance(wanted, Text) else strict(f"CAST(to_json({text}) AS VARCHAR)", wanted)


def as_text(value: str, kind: ColumnType) -> str:
    """Return a typed value in its one text form (for a column that was widened to text)."""
    match kind:
        case Timestamp():
            naive = f"strftime(timezone('UTC', {value}), '%Y-%m-%dT%H:%M:%S.%f')"
            return rf"(regexp_replace({naive}, '\.?0*$', '') || 'Z')"
        case _:
            return f"CAST({value} AS VARCHAR)"


def _is_number(value: str) -> str:
    return f"(contains('-0123456789', {value}[1]) AND {value} <> '')"


def _whole(value: str, limit: int | None = None) -> str:
    fits = (
        ""
        if limit is None
        else f" AND try_cast({value} AS DOUBLE) >= -{limit} AND try_cast({value} AS DOUBLE) < {limit}"
    )
    return (
        f"CASE WHEN NOT {_is_number(value)}{' OR NOT (true' + fits + ')' if fits else ''} THEN NULL"
        f" WHEN regexp_full_match({value}, '-?[0-9]+(\\.0*)?') THEN try_cast(split_part({value}, '.', 1) AS BIGINT)"
        f" WHEN contains(lower({value}), 'e') AND try_cast({value} AS DOUBLE) = floor(try_cast({value} AS DOUBLE))"
        f" THEN try_cast(try_cast({value} AS DOUBLE) AS BIGINT) END"
    )


def _exact(value: str, precision: int, scale: int) -> str:
    cast = f"try_cast({value} AS DECIMAL({precision}, {scale}))"
    return (
        f"CASE WHEN NOT {_is_number(value)} THEN NULL"
        f" WHEN contains(lower({value}), 'e') THEN"
        f" CASE WHEN CAST({cast} AS DOUBLE) = try_cast({value} AS DOUBLE) THEN {cast} END"
        f" WHEN length(rtrim(split_part({value}, '.', 2), '0')) <= {scale} THEN {cast} END"
    )


def _limited(text: str, wanted: Text) -> str:
    checks = [f"NOT contains({text}, chr(0))"]
    if wanted.max_chars is not None:
        checks.append(f"length({text}) <= {wanted.max_chars}")
    if wanted.max_bytes is not None:
        checks.append(f"strlen({text}) <= {wanted.max_bytes}")
    return f"CASE WHEN {' AND '.join(checks)} THEN {text} END"


def _native(value: str, name: str) -> str:
    plain = name.lower()
    if plain in _RANGES:
        return _whole(value, _RANGES[plain])
    if plain in ("real", "float4", "float"):
        return strict(value, Float())
    if plain.startswith("timestamp"):
        return strict(value, Timestamp())
    if (limit := re.fullmatch(r"(?:character varying|varchar|character)\((\d+)\)", plain)) is not None:
        return _limited(text_of(value), Text(max_chars=int(limit[1])))
    return _limited(text_of(value), Text())
