"""A JSON value -> the cell of a column, or MISFIT. Never a coercion. Times are microseconds since 1970 UTC."""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from engagectl.model import column_type as types
from engagectl.model.column_type import ColumnType
from engagectl.model.feed import FeedColumn, Transform


class Misfit:
    """What a value is that its column cannot hold."""


MISFIT = Misfit()
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", flags=re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fraction(Decimal):
    """A JSON number with a fraction or an exponent. `token` is its text as sent."""

    token: str

    @classmethod
    def of(cls, token: str) -> "Fraction":
        found = cls(token)
        found.token = token
        return found

    @property
    def is_long(self) -> bool:
        """A double does not carry more than 15 digits."""
        return sum(c.isdigit() for c in re.split("[eE]", self.token)[0]) > 15

    @property
    def text(self) -> str:
        return format(Decimal(self), "f") if self.is_long else double_text(float(self.token))


def double_text(value: float) -> str:
    """Return the shortest text that reads back: 450.0, 1e-7."""
    return re.sub(r"e([+-])0?", lambda sign: "e-" if sign[1] == "-" else "e", repr(value))


def compact(value: Any) -> str:
    """Return JSON without white space, keys in the order in which they were sent."""
    match value:
        case dict():
            return "{" + ",".join(f"{compact(key)}:{compact(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",".join(map(compact, value)) + "]"
        case Fraction():
            return value.text
        case _:
            return json.dumps(value, ensure_ascii=False)


def document(text: str | None) -> bytes:
    """Return the rank of a JSON document: its UTF-8 text with sorted keys and numbers in plain digits."""
    if text is None:
        return b""
    return _sorted(json.loads(text, parse_float=Decimal, parse_int=Decimal)).encode()


def _sorted(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_sorted(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_sorted, value)) + "]"
    if isinstance(value, Decimal):
        return f"{abs(value) if value == 0 else value:f}"
    return json.dumps(value, ensure_ascii=False)


def instant(value: Any) -> int | None:
    """Return what an RFC 3339 text names, None for everything else; digits beyond the microsecond are cut."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *clock, fraction, sign, hours, minutes = found.groups()
    shift = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
    try:
        zone = timezone(-shift if sign == "-" else shift)
        at = datetime(*map(int, clock), microsecond=int((fraction or "0")[:6].ljust(6, "0")), tzinfo=zone)  # type: ignore[misc,arg-type]  # six numbers of the shape
        return (at.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def text_of(value: Any) -> str:
    """Return any value in its one text form."""
    return value if isinstance(value, str) else compact(value)


def cell(column: FeedColumn, value: Any, *, is_member: bool, keys: Mapping[str, bytes]) -> Any:
    """Return what the column stores of a value that was sent (not null), or MISFIT."""
    typed = _transformed(value, column, keys) if column.transforms else _typed(value, column.type, is_member=is_member)
    return typed if typed is MISFIT else stored(typed, column)


def stored(typed: Any, column: FeedColumn) -> Any:
    """Return a typed value as its column holds it: in its text form where the column was widened to text."""
    if not isinstance(column.stored, types.Text) or typed is None:
        return typed
    match column.type:
        case types.Boolean():
            return "true" if typed else "false"
        case types.Float():
            return double_text(typed)
        case types.Integer():
            return str(typed)
        case types.Decimal(_, scale):
            return f"{typed:.{scale}f}"
        case types.Timestamp():
            at = _EPOCH + timedelta(microseconds=typed)
            return f"{at.year:04d}-{at:%m-%dT%H:%M:%S}.{at.microsecond:06d}".rstrip("0").rstrip(".") + "Z"
        case _:
            return typed


def _typed(value: Any, kind: ColumnType, *, is_member: bool = False) -> Any:
    number = isinstance(value, int | Fraction) and not isinstance(value, bool)
    match kind:
        case types.Boolean():
            if is_member and value in ("true", "false"):
                return value == "true"
            return value if isinstance(value, bool) else MISFIT
        case types.Integer():
            if not number or value != int(value) or not -(2**63) <= value < 2**63:
                return MISFIT
            return int(value)
        case types.Float():
            if not number:
                return MISFIT
            try:
                double = float(value)
            except OverflowError:
                return MISFIT
            return double if math.isfinite(double) else MISFIT
        case types.Decimal(precision, scale):
            return _decimal(value, precision, scale) if number else MISFIT
        case types.Text():
            return _text(text_of(value), kind)
        case types.Timestamp():
            found = instant(value)
            return MISFIT if found is None else found
        case types.Date():
            try:
                return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII) else MISFIT
            except (TypeError, ValueError):
                return MISFIT
        case types.JsonText() | types.Json():
            return compact(value)
        case _:
            raise AssertionError(f"the reference does not know {kind}")


def _decimal(value: Any, precision: int, scale: int) -> Any:
    """Return the value when p digits, s of them behind the point, hold it exactly."""
    with localcontext() as context:
        context.prec = 2000
        try:
            exact = Decimal(value).quantize(Decimal(1).scaleb(-scale))
        except InvalidOperation:
            return MISFIT
        fits = exact == Decimal(value) and abs(exact) < Decimal(10) ** (precision - scale)
    return exact if fits else MISFIT


def _text(text: str, kind: types.Text) -> Any:
    too_long = kind.max_chars is not None and len(text) > kind.max_chars
    too_heavy = kind.max_bytes is not None and len(text.encode()) > kind.max_bytes
    return MISFIT if too_long or too_heavy or "\0" in text else text


def _transformed(value: Any, column: FeedColumn, keys: Mapping[str, bytes]) -> Any:
    result: Any = text_of(value)
    for step in column.transforms:
        result = _step(result, step, keys)
        if result is MISFIT:
            return MISFIT
    if isinstance(result, int):
        return result
    return _text(result, column.type) if isinstance(column.type, types.Text) else _typed(result, column.type)


def _step(text: str, step: Transform, keys: Mapping[str, bytes]) -> Any:
    match step.name:
        case "trim":
            return text.strip(" \t\n\r")
        case "lower":
            return text.lower()
        case "upper":
            return text.upper()
        case "sha256":
            return hashlib.sha256(text.encode()).hexdigest()
        case "hmac_sha256":
            return hmac.new(keys[step.credentials], text.encode(), hashlib.sha256).hexdigest()
        case "epoch_s_to_timestamp" | "epoch_ms_to_timestamp":
            try:
                return int(Decimal(text) * (1_000_000 if step.name == "epoch_s_to_timestamp" else 1_000))
            except InvalidOperation:
                return MISFIT
