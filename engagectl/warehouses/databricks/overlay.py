"""What a transaction has written and not done yet, for its own queries: a table read through the changes that wait."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engagectl.warehouses.databricks.dialect import quoted


def bare(name: str) -> str:
    """Return a name as it is, of one that SQL writes."""
    return name.strip("`").lower()


_PART = r"(?:`(?:[^`]|``)*`|\w+)"
_NAME = re.compile(rf"'(?:[^'\\]|\\.)*'|{_PART}(?:\.{_PART})*")


@dataclass(frozen=True, slots=True)
class Inserted:
    """`rows` is a VALUES list or a SELECT, of these columns."""

    columns: tuple[str, ...]
    rows: str

    def over(self, base: str, columns: Sequence[str]) -> str:
        source = f"({self.rows})" if self.rows.startswith("SELECT") else f"(VALUES {self.rows})"
        given = {bare(name): f"w{n}" for n, name in enumerate(self.columns)}
        listed = ", ".join(given.get(name, "NULL") for name in columns)
        return f"{base} UNION ALL SELECT {listed} FROM {source} AS w({', '.join(given.values())})"


@dataclass(frozen=True, slots=True)
class Updated:
    sets: tuple[tuple[str, str], ...]  # (column, value)
    where: str

    def over(self, base: str, columns: Sequence[str]) -> str:
        said = {bare(name): value for name, value in self.sets}
        listed = ", ".join(
            f"CASE WHEN {self.where} THEN {said[name]} ELSE {quoted(name)} END AS {quoted(name)}"
            if name in said
            else quoted(name)
            for name in columns
        )
        return f"SELECT {listed} FROM ({base})"


@dataclass(frozen=True, slots=True)
class Deleted:
    where: str

    def over(self, base: str, columns: Sequence[str]) -> str:
        del columns
        return f"SELECT * FROM ({base}) WHERE NOT coalesce({self.where}, FALSE)"


Written = Inserted | Updated | Deleted


def read_through(sql: str, written: Mapping[str, Sequence[Written]], columns: Callable[[str], tuple[str, ...]]) -> str:
    """Return a query, as Databricks reads it, in which each table that was written is what it will be."""

    def place(found: "re.Match[str]") -> str:
        waiting = written.get(found[0])
        if not waiting:
            return found[0]
        named = columns(found[0])
        text = f"SELECT {', '.join(map(quoted, named))} FROM {found[0]}"
        for change in waiting:
            text = change.over(text, named)
        return f"({text})"

    return _NAME.sub(place, sql)
