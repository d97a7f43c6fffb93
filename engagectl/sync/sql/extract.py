"""Several paths of one JSON text, found in one parse: `json_transform` to a struct, whose fields cost nothing to reach.

A list of pointers would parse once too, but each element taken from the list is a copy.
"""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from engagectl.sync.sql.quoting import ident, literal, pointer

Path = tuple[str, ...]
# Names of struct fields ignore case and may not be empty; whatever is not plain goes by a pointer of its own.
_PLAIN = re.compile(r"[A-Za-z0-9_]+")


def extract(
    source: str, paths: Iterable[Path], *, struct: str, contents: Collection[Path] = ()
) -> tuple[str, dict[Path, str]]:
    """Return the SQL of a struct and, for each path, its JSON text within: NULL where nothing or JSON null is there.

    `source` is the JSON text, NULL or valid; `struct` the name that the struct gets. Of the paths of `contents` the
    content of a string is found, which looks like the JSON text of what is no string: `string_at` tells them apart.
    """
    tree: dict[str, Any] = {}
    found: dict[Path, str] = {}
    for path in sorted(set(paths), key=len):
        if _grow(tree, path, "VARCHAR" if path in contents else "JSON"):
            found[path] = f"CAST({'.'.join((struct, *map(ident, path)))} AS VARCHAR)"
            continue
        above = next((path[:n] for n in range(len(path) - 1, 0, -1) if path[:n] in found), ())
        within, rest = (found[above] if above else source), path[len(above) :]
        value = f"nullif(CAST(json_extract({within}, {literal(pointer(rest))}) AS VARCHAR), 'null')"
        if above and all(map(_PLAIN.fullmatch, rest)):  # compact JSON text: nearly no line needs to be parsed for it
            value = f"CASE WHEN contains({within}, {literal(json.dumps(rest[-1]))}) THEN {value} END"
        if path in contents:
            value = f"CASE WHEN starts_with({value}, '\"') THEN json_extract_string({value}, '$') ELSE {value} END"
        found[path] = value
    shape = json.dumps(tree, separators=(",", ":"))
    return (f"json_transform({source}, {literal(shape)})" if tree else "NULL"), found


def string_at(content: str, source: str, path: Path) -> str:
    """Return a content that `extract` has found where it is that of a string; NULL for every other value.

    Only what begins as a number, an object or an array does, or is a truth value, has to be looked up.
    """
    odd = f"({content} IN ('true', 'false') OR ord({content}) < 58 OR ord({content}) IN (91, 123))"
    other = f"json_type({source}, {literal(pointer(path))}) <> 'VARCHAR'"
    return f"CASE WHEN {odd} AND {other} THEN NULL ELSE {content} END"


def _grow(tree: dict[str, Any], path: Path, kind: str) -> bool:
    """Add a path to the tree; tell whether it could be: not below a value, nor beside its name in another case."""
    if not path or not all(map(_PLAIN.fullmatch, path)):
        return False
    level: Any = tree
    for key in path:
        if not isinstance(level, dict) or any(key != other and key.lower() == other.lower() for other in level):
            return False
        level = level.get(key, {})
    if level:
        return False
    level = tree
    for key in path[:-1]:
        level = level.setdefault(key, {})
    level[path[-1]] = kind
    return True
