"""The lines of a file as they may be shown: what could be a secret is masked.

That is every value under `warehouses` and `credentials` that is not known to be harmless, and comments.
"""

import re
from collections.abc import Iterator, Sequence

from engagectl.config.load import Marked, Problem, Span, load_yaml

_GUARDED = ("warehouses", "credentials")
_ROLES = ("targets", "connections", "activations")  # their `warehouses` are names
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
# what is no secret under `warehouses.<id>`: settings of a sync, and words of a closed list
_RULE = re.compile(r"(?:source|table|column|trait|audience|journey)\.[\w.*?\[\]-]+", re.ASCII)
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_SHAPES = {
    "sync.every": re.compile(r"[0-9]+[smhd]"),
    "sync.blackout": re.compile(r"[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}(?: [A-Z][A-Za-z_]+(?:/[A-Za-z_]+)*)?"),
    "selective_sync.include": _RULE,
    "selective_sync.exclude": _RULE,
}
_METHODS = frozenset(["password", "key_pair", "token", "oauth_m2m", "service_account", "default", "hmac_key"])
_WORDS = {
    "type": frozenset(["duckdb", "postgres", "redshift", "snowflake", "bigquery", "databricks"]),
    "sslmode": frozenset(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
    "auth.method": _METHODS,
    "method": _METHODS,
}


def masked(raw: bytes, *, comments: bool = False) -> list[str]:
    """Return the lines; none where the file is no text. With `comments` those outside of these sections stay."""
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return []
    lines = text.split("\n")
    try:
        places = load_yaml(raw, marks=True)[1]
    except Problem:
        return [_keys_only(line) for line in lines]  # without a structure nothing is known to be harmless
    for document in places:
        for path, span in _guarded(document):
            if not _is_harmless(path, lines, span):
                _mask(lines, span)
    _mask_comments(lines, places, everywhere=not comments)
    return lines


def _near(documents: Sequence[Marked], lines: int) -> set[int]:
    """Return the numbers of the lines of these sections, each up to where the next key of the file begins."""
    keys = [
        (event.start_mark.line + 1, key)
        for document in documents
        if isinstance(document.children, dict)
        for key, (event, _) in document.children.items()
    ]
    ends = [line for line, _ in sorted(keys)[1:]] + [lines + 1]
    found = set[int]()
    for (line, key), end in zip(sorted(keys), ends, strict=False):
        if key in _GUARDED:
            found |= set(range(line, end))
    return found


def _mask_comments(lines: list[str], documents: Sequence[Marked], *, everywhere: bool) -> None:
    """Cut what stands behind a `#` outside of any value: people note old passwords there."""
    near = range(1, len(lines) + 1) if everywhere else sorted(_near(documents, len(lines)))
    held: dict[int, list[tuple[int, int]]] = {number: [] for number in near if "#" in lines[number - 1]}
    for document in documents if held else ():
        for (line, column), (end_line, end_column) in _scalars(document):
            for number in range(line, end_line + 1):
                if number not in held:
                    continue
                start = column - 1 if number == line else 0
                held[number].append((start, end_column - 1 if number == end_line else 1 << 30))
    for number, spans in held.items():
        text = lines[number - 1]
        for found in re.finditer(r"(?:^|(?<=\s))#", text):
            if not any(start <= found.start() < end for start, end in spans):
                lines[number - 1] = text[: found.end()]
                break


def _scalars(document: Marked) -> Iterator[Span]:
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node.children, dict):
            for key, child in node.children.values():
                start, end = key.start_mark, key.end_mark
                yield (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)
                stack.append(child)
        elif isinstance(node.children, list):
            stack += node.children
        else:
            yield node.span


def _keys_only(line: str) -> str:
    found = re.match(r"\s*(?:- )*[A-Za-z0-9_.$-]{1,60}:(?=\s|$)", line)
    shown = found[0] if found else ""
    return shown + re.sub(r"\S", "*", line[len(shown) :])


def _guarded(document: Marked) -> Iterator[tuple[tuple[str, ...], Span]]:
    """Give the path and the span of every scalar under warehouses and credentials, wherever those stand."""
    stack: list[tuple[Marked, tuple[str, ...]]] = [(document, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node.children, dict):
            stack += [(child, (*path, key)) for key, (_, child) in node.children.items()]
        elif isinstance(node.children, list):
            stack += [(child, path) for child in node.children]
        elif any(key in path for key in _GUARDED):
            yield path, node.span


def _is_harmless(path: tuple[str, ...], lines: list[str], span: Span) -> bool:
    """Tell whether a value cannot be a secret, by its key and by its shape: a misspelt key has no type that says so."""
    (line, column), (end_line, end_column) = span
    if line != end_line:
        return False
    value = lines[line - 1][column - 1 : end_column - 1].strip("'\"")
    if path[0] in _ROLES and path[2:3] == ("warehouses",) and len(path) <= 4:
        return _ID.fullmatch(value) is not None
    below = ".".join(path[next(place for place, key in enumerate(path) if key in _GUARDED) + 2 :])
    shape = _NAME if below.endswith("$env") else _SHAPES.get(below)
    return value in _WORDS.get(below, ()) or (shape is not None and shape.fullmatch(value) is not None)


def _mask(lines: list[str], span: Span) -> None:
    (line, column), (end_line, end_column) = span
    for number in range(line, min(end_line, len(lines)) + 1):
        text = lines[number - 1]
        start = column - 1 if number == line else 0
        end = end_column - 1 if number == end_line else len(text)
        lines[number - 1] = text[:start] + re.sub(r"\S", "*", text[start:end]) + text[end:]
