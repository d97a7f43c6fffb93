"""What a found type is to a wanted one, for the neutral types: the same rules in every warehouse (CLI.md 6)."""

from engagectl.model.column_type import (
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    Native,
    Text,
    Timestamp,
)
from engagectl.warehouses.contract import Relation

INTEGER_DIGITS = 19
"""2^63 - 1 has 19 digits: what a decimal needs before its point to hold every integer."""


def relate_neutral(found: ColumnType, wanted: ColumnType) -> Relation:
    """Compare two settled types. A Native is known to its own warehouse only: here it just widens to free text."""
    if found == wanted:
        return "same"
    if _holds(found, wanted):
        return "holds"
    return "widen" if _widens(found, wanted) else "rebuild"


def _holds(found: ColumnType, wanted: ColumnType) -> bool:
    match found, wanted:
        case Text(), Text():
            return _text_holds(found, wanted)
        case Decimal(), Decimal():
            return _decimal_holds(found, wanted)
        case Decimal(precision, scale), Integer():
            return precision - scale >= INTEGER_DIGITS
        case Timestamp(), Date():
            return True
        case _:
            return False


def _widens(found: ColumnType, wanted: ColumnType) -> bool:
    """Holding turned round: the wanted type holds every value of the found one. Text takes the text form of anything,
    a limited one where the longest text form fits.
    """
    match found, wanted:
        case Native(), Text(max_chars, max_bytes):
            return max_chars is None and max_bytes is None
        case (
            (Boolean() | Integer() | Decimal() | Float() | Date() | Timestamp() | Json()),
            Text(max_chars, max_bytes),
        ):
            longest = _longest_text(found)
            limits = [limit for limit in (max_chars, max_bytes) if limit is not None]
            return not limits or (longest is not None and min(limits) >= longest)
        case _:
            return _holds(wanted, found)


def _text_holds(found: Text, wanted: Text) -> bool:
    for has, needs in ((found.max_chars, wanted.max_chars), (found.max_bytes, wanted.max_bytes)):
        if has is not None and (needs is None or needs > has):
            return False
    return True


def _decimal_holds(found: Decimal, wanted: Decimal) -> bool:
    return found.scale >= wanted.scale and found.precision - found.scale >= wanted.precision - wanted.scale


def _longest_text(found: ColumnType) -> int | None:
    """Return the length of the longest text form, None where there is no useful bound."""
    match found:
        case Boolean():
            return len("false")
        case Integer():
            return len(str(-(2**63)))
        case Decimal(precision, _):
            return precision + len("-0.")
        case Float():
            return len("-2.2250738585072014e-308")
        case _:
            return None
