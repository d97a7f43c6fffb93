"""The values of one key, as they go by: the column type that would hold them all. No value is kept."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

_TYPES = {bool: "boolean", int: "number", Decimal: "number", str: "string", dict: "object", list: "array"}
# RFC 3339 with an offset; what the column takes is judged by sync, this only tells times from other text
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_INTEGER_DIGITS = 18
_DIGITS = 38


@dataclass(kw_only=True)
class Values:
    """`types` are the JSON types seen, `spellings` how the key was written. Digits are those of the numbers."""

    types: set[str] = field(default_factory=set)
    spellings: set[str] = field(default_factory=set)
    messages: int = 0
    whole_digits: int = 0
    scale: int = 0
    only_times: bool = True

    def add(self, value: Any, spelling: str) -> None:
        """Count a value that is not null."""
        self.types.add(_TYPES[type(value)])
        self.spellings.add(spelling)
        self.messages += 1
        if isinstance(value, str):
            self.only_times = self.only_times and _TIME.fullmatch(value) is not None
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            self._digits(Decimal(value))

    def _digits(self, number: Decimal) -> None:
        _, digits, exponent = number.as_tuple()
        if isinstance(exponent, int):
            self.scale = max(self.scale, -exponent)
            self.whole_digits = max(self.whole_digits, len(digits) + exponent)

    def merge(self, other: "Values") -> None:
        """Count what another one has counted."""
        self.types |= other.types
        self.spellings |= other.spellings
        self.messages += other.messages
        self.whole_digits = max(self.whole_digits, other.whole_digits)
        self.scale = max(self.scale, other.scale)
        self.only_times = self.only_times and other.only_times

    @property
    def column_type(self) -> str:
        """Return the type that holds every value, as the YAML writes it; text where kinds are mixed."""
        if self.types == {"boolean"}:
            return "boolean"
        if self.types == {"number"}:
            return self._number()
        if self.types == {"string"} and self.only_times:
            return "timestamp"
        if self.types and self.types <= {"object", "array"}:
            return "json"
        return "string"

    def _number(self) -> str:
        if self.scale == 0:
            if self.whole_digits > _DIGITS:
                return "string"  # whole, and longer than any number of a warehouse
            return "integer" if self.whole_digits <= _INTEGER_DIGITS else f"decimal({_DIGITS},0)"
        for precision, scale in ((18, 2), (38, 9)):
            if self.scale <= scale and self.whole_digits <= precision - scale:
                return f"decimal({precision},{scale})"
        return "float"
