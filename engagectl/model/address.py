"""Addresses: one way to name a thing in YAML, `--select`, plan, journal and output.

`activation.vip`, `table.engage_default.users`, `column.engage_default.users.phone`, and with a warehouse in front
where it matters: `snow/table.engage_default.users`.
"""

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Address:
    kind: str
    name: str
    warehouse: str = ""

    def __str__(self) -> str:
        return f"{self.warehouse}/{self.kind}.{self.name}" if self.warehouse else f"{self.kind}.{self.name}"

    def matches(self, pattern: str) -> bool:
        """Tell whether a pattern (an address or a glob of one, with or without a warehouse) names this."""
        return fnmatch.fnmatchcase(str(self), pattern) or fnmatch.fnmatchcase(f"{self.kind}.{self.name}", pattern)


def parse_address(text: str) -> Address:
    """Return the address that the text writes. Raises ValueError when it has no kind."""
    warehouse, slash, rest = text.rpartition("/")
    kind, dot, name = rest.partition(".")
    if not dot or not kind or not name or (slash and not warehouse):
        raise ValueError(text)
    return Address(kind, name, warehouse)


def schema_address(schema: str, *, warehouse: str = "") -> Address:
    return Address("schema", schema, warehouse)


def table_address(schema: str, table: str, *, warehouse: str = "") -> Address:
    return Address("table", f"{schema}.{table}", warehouse)


def column_address(schema: str, table: str, column: str, *, warehouse: str = "") -> Address:
    return Address("column", f"{schema}.{table}.{column}", warehouse)
