"""Numbers that a double would harm: lines that hold such are read in Python, with every digit as it was sent."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engagectl.sync.inputs.shape import Shape

if TYPE_CHECKING:
    from engagectl.sync.stage import Lines, Stage

_CONTEXT_TRAITS = ("context", "traits")


def line_bytes(chunk: "Lines", line: int) -> bytes:
    """Return the bytes of a line of the chunk, without its end."""
    return bytes(chunk.buffer[chunk.offsets[line] : chunk.offsets[line + 1]]).rstrip(b"\r\n")


def put_exact(stage: "Stage", chunk: "Lines", table: str) -> None:
    """Replace the values of lines that hold long fractional numbers by their exact digits, in the table of messages."""
    rows = []
    for line in chunk.long_numbers:
        if line in chunk.not_utf8:
            continue
        try:
            data = json.loads(line_bytes(chunk, line), parse_float=_fraction)
        except (ValueError, RecursionError):
            continue
        if not isinstance(data, dict):
            continue
        body = _body_of(data, stage.shape)
        values = [
            compact(body[raw]) if isinstance(body, dict) and body.get(raw) is not None else None for raw in stage.places
        ]
        tops = [
            compact(at) if (at := _at(data, stage.shape.path(path))) is not _NOTHING else None for path in stage.columns
        ]
        rows.append({"n": line, "t": tops, "b": values})
    exact = [f"{column} = x.t[{n}]" for n, column in enumerate(stage.columns.values(), 1)]
    exact += [f"b{place} = x.b[{place}]" for place in stage.places.values()]
    if rows and exact:
        stage.handle.execute(
            f"UPDATE {table} SET {', '.join(exact)} FROM (SELECT unnest(from_json(CAST(? AS JSON),"
            ' \'[{"n":"INTEGER","t":["VARCHAR"],"b":["VARCHAR"]}]\'), max_depth := 2)) AS x'
            f" WHERE {table}.line_no = x.n",
            [json.dumps(rows)],
        )


def _fraction(token: str) -> Decimal | float:
    """A double carries 15 digits: only what has more stays as it was sent, so that a line's company changes nothing."""
    digits = sum(map(str.isdigit, token.lower().partition("e")[0]))
    return float(token) if digits <= 15 and math.isfinite(float(token)) else Decimal(token)


def _body_of(data: Mapping[str, Any], shape: Shape) -> Any:
    is_track = (shape.type or _at(data, shape.path(("type",)))) == "track"
    names: list[tuple[str, ...]] = [("properties",), ("traits",)] if is_track else [("traits",)]
    if shape.context_traits and not is_track:
        names.append(_CONTEXT_TRAITS)
    found = (_at(data, shape.path(name)) for name in names)
    return next((body for body in found if isinstance(body, dict)), None)


_NOTHING = object()


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return _NOTHING
        data = data[key]
    return data


def compact(value: Any) -> str:
    """Return compact JSON; a Decimal in plain digits."""
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{compact(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(compact(item) for item in value) + "]"
        case float():
            return re.sub(r"e([+-])0?", lambda sign: "e-" if sign[1] == "-" else "e", repr(value))
        case Decimal() if value.is_finite() and abs(value.adjusted()) < 400:
            return format(value, "f")
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
