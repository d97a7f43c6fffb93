"""The two ways by which anything gets into the stage's SQL: as an identifier or as a literal. DuckDB's rules."""

from collections.abc import Iterable


def ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string literal. A NUL cannot stand in SQL text; it is joined in by its number."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def one_of(expression: str, values: Iterable[str]) -> str:
    """Return a predicate that is true or false, never null."""
    listed = ", ".join(literal(value) for value in sorted(set(values)))
    return f"coalesce({expression} IN ({listed}), false)" if listed else "false"


def pointer(path: Iterable[str]) -> str:
    """Return a JSON pointer for raw keys."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
