"""Several paths of one JSON text, found in one parse: `json_transform` to a struct, whose fields cost nothing to reach.

A list of pointers would parse once too, but each element taken from the list is a copy.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from engagectl.sync.sql.quoting import ident, literal, pointer

Path = tuple[str, ...]
# Names of struct fields ignore case and may not be empty; whatever is not plain goes by a pointer of its own.
_PLAIN = re.compile(r"[A-Za-z0-9_]+")


def extract(source: str, paths: Iterable[Path], *, struct: str) -> tuple[str, dict[Path, str]]:
    """Return the SQL of a struct and, for each path, its JSON text within: NULL where nothing or JSON null is there.

    `source` is the JSON text, NULL or valid; `struct` the name that the struct gets.
    """
    tree: dict[str, Any] = {}
    found: dict[Path, str] = {}
    for path in sorted(set(paths), key=len):
        if _grow(tree, path):
            found[path] = f"CAST({'.'.join((struct, *map(ident, path)))} AS VARCHAR)"
        else:
            above = next((path[:n] for n in range(len(path) - 1, 0, -1) if path[:n] in found), ())
            within = found[above] if above else source
            found[path] = (
                f"nullif(CAST(json_extract({within}, {literal(pointer(path[len(above) :]))}) AS VARCHAR), 'null')"
            )
    shape = json.dumps(tree, separators=(",", ":"))
    return (f"json_transform({source}, {literal(shape)})" if tree else "NULL"), found


def _grow(tree: dict[str, Any], path: Path) -> bool:
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
    level[path[-1]] = "JSON"
    return True
