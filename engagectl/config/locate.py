"""Where in a file: paths of keys -> lines and columns, and pydantic's errors -> diagnostics.

No diagnostic holds a value of the file: messages are built from the error's type and our own lists of what is allowed.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from engagectl.config.field import PATTERNS
from engagectl.config.load import Marked, Problem, load_yaml
from engagectl.errors import Diagnostic, Place
from engagectl.model.origin import Origin

Path_ = tuple[str | int, ...]


@dataclass
class Source:
    """One file: its data, and positions only when somebody asks (a second parse, with marks)."""

    file: str
    raw: bytes = field(repr=False)
    documents: list[Any] = field(default_factory=list, repr=False)
    _places: list[Marked] | None = field(default=None, repr=False)

    def load(self) -> Diagnostic | None:
        """Read the documents; return what is wrong with the text, if anything is."""
        try:
            self.documents, _ = load_yaml(self.raw)
        except Problem as problem:
            if problem.code == "EC014":
                problem = self._again(problem)
            return self._diagnostic(problem)
        return None

    def _again(self, problem: Problem) -> Problem:
        try:
            load_yaml(self.raw, marks=True)  # the same problem, now with its first place
        except Problem as again:
            return again
        return problem

    def _diagnostic(self, problem: Problem) -> Diagnostic:
        related = ((Place(self.file, *problem.other), "first here"),) if problem.other else ()
        place = Place(self.file, *problem.start, *problem.end)
        return Diagnostic(code=problem.code, severity="error", message=problem.message, place=place, related=related)

    def place(self, path: Sequence[str | int], *, document: int = 0, key: bool = False) -> Place:
        """Return the place of the longest part of the path that the document has; of its key when `key`."""
        if self._places is None:
            self._places = load_yaml(self.raw, marks=True)[1]
        if document >= len(self._places):
            return Place(self.file, 1, 1, 1, 1)
        node, key_event = self._places[document], None
        for part in path:
            children = node.children
            if isinstance(children, dict) and part in children:
                key_event, node = children[str(part)]
            elif isinstance(children, list) and isinstance(part, int) and part < len(children):
                key_event, node = None, children[part]
            else:
                break
        span = Marked(key_event, key_event).span if key and key_event is not None else node.span
        return Place(self.file, *span[0], *span[1])


@dataclass(frozen=True)
class Found:
    """One problem of shape, at a path of the merged data. `key` points at the key instead of the value."""

    code: str
    path: Path_
    message: str
    key: bool = False
    label: str = ""
    help: tuple[str, ...] = ()


def closest(word: str, known: Sequence[str]) -> str:
    """Return what the word was probably meant to be, or nothing."""
    return next(iter(difflib.get_close_matches(word, known, 1, 0.6)), "")


def dotted(path: Sequence[str | int]) -> str:
    """Return the path as people write it: `activations.vip.mappings[2].to`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def diagnose(error: ValidationError, data: Any, *, allowed: Callable[[Path_], Sequence[str]]) -> list[Found]:
    """Return one Found per problem; a missing key and an unknown one that is close to it are one."""
    first: dict[Path_, tuple[str, Mapping[str, Any]]] = {}
    unknown: dict[Path_, list[str]] = {}
    missing: dict[Path_, list[str]] = {}
    for item in error.errors(include_input=False, include_url=False):
        path, rest = _to_path(item["loc"], data)
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            unknown.setdefault(path[:-1], []).append(str(path[-1]))
        elif item["type"] == "missing" and rest:
            missing.setdefault(path, []).append(str(rest[-1]))
        else:
            first.setdefault(path, (item["type"], item.get("ctx", {})))
    found: list[Found] = []
    for path, keys in unknown.items():
        known = allowed(path)
        for key in keys:
            meant = closest(key, missing.get(path, [])) or closest(key, known)
            if meant in missing.get(path, []):
                missing[path].remove(meant)
            found.append(_unknown(path, key, meant, known))
    found += [
        Found("EC101", path, f"{dotted(path) or 'the project'} needs the key `{key}`", key=True)
        for path, keys in missing.items()
        for key in keys
    ]
    return found + [_wrong(path, kind, context) for path, (kind, context) in first.items()]


def _unknown(path: Path_, key: str, meant: str, known: Sequence[str]) -> Found:
    where = f" in {dotted(path)}" if path else ""
    label = f"did you mean `{meant}`?" if meant else "not a key here"
    advice = (f"keys allowed here: {', '.join(known)}",) if known else ()
    return Found("EC104", (*path, key), f"unknown key `{key}`{where}", key=True, label=label, help=advice)


def _to_path(loc: Sequence[str | int], data: Any) -> tuple[Path_, list[str | int]]:
    """Return the part of a loc that the data has, and the rest. Tags of unions (`#...`) and `[key]` are not in it."""
    path: list[str | int] = []
    rest: list[str | int] = []
    current = data
    for part in loc:
        is_here = isinstance(current, dict) and part in current
        if part == "[key]" or (isinstance(part, str) and part.startswith("#") and not is_here):
            continue
        if (not rest and is_here) or (
            not rest and isinstance(current, list) and isinstance(part, int) and part < len(current)
        ):
            current = current[part]
            path.append(part)
        else:
            rest.append(part)
    return tuple(path), rest


_WANTED = {
    "string_type": "text (quote it)",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "model_attributes_type": "a mapping",
    "too_short": "at least one item",
    "too_long": "fewer items",
    "string_too_short": "text that is not empty",
    "text_or_reference": "text, {$env: NAME} or {$file: /path}",
    "port_or_reference": "a port from 1 to 65535, or {$env: NAME}",
    "variable": "text, a number, a boolean or a list of texts",
    "mapping_directive": "a path or a list of paths; of Segment's directives @path, and @json of one",
    "input": "the id of an input, or {files: [..]}",
}


def _wrong(path: Path_, kind: str, context: Mapping[str, Any]) -> Found:
    where = dotted(path) or "the file"
    if kind == "pasted_secret":
        advice = ("write {$env: NAME} and set NAME where engagectl runs, or {$file: /run/secrets/name}",)
        message = f"{where} must be a reference: a secret is never written in the YAML"
        return Found("EC105", path, message, label="not a reference", help=advice)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = [tag.strip(" '").removeprefix("#") for tag in str(context.get("expected_tags", "")).split(",")]
        names = [tag for tag in tags if tag]
        by_field = "warehouses" in path[:1] or "credentials" in path[:1]
        field = "method" if "auth" in path or "credentials" in path[:1] else "type"
        if by_field:
            wanted = f"{field} is one of {', '.join(names)}"
            return Found("EC102", (*path, field), f"{where} needs a known `{field}`", label=wanted, help=(wanted,))
        wanted = "a name or a mapping" if not names else f"one of the forms: {', '.join(names)}"
    elif kind in ("literal_error", "enum"):
        wanted = "one of " + str(context.get("expected", "")).replace("'", "")
    elif kind == "string_pattern_mismatch":
        wanted = PATTERNS.get(str(context.get("pattern")), "another form")
    elif kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        wanted = f"at {'least' if kind.startswith('greater') else 'most'} {bound}"
    else:
        wanted = _WANTED.get(kind, "another value")
    return Found("EC102", path, f"{where} must be {wanted}", label=f"must be {wanted}"[:100])


def origin_place(sources: Mapping[str, Source], origin: Origin, *, key: bool = False) -> Place:
    source = sources.get(origin.file)
    if source is None:
        return Place(origin.file or "engagectl.yaml", 1, 1)
    return source.place(origin.path, document=origin.document, key=key)
