"""Which keys a mapping of the YAML may hold, by its path: read from the specs themselves."""

import types
import typing
from collections.abc import Sequence
from typing import Any

from engagectl.config.field import fields_of
from engagectl.config.root import ProjectSpec


def keys_at(data: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys allowed in the mapping at a path of the data, () when the specs do not say."""
    hint: Any = ProjectSpec
    for part in path:
        hint = _step(_branch(hint, data), part)
        data = _inside(data, part)
    return tuple(item.alias or name for name, item in (fields_of(_branch(hint, data)) or {}).items())


def _inside(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _step(hint: Any, part: str | int) -> Any:
    fields = fields_of(hint)
    if fields is not None:
        return next((item.annotation for name, item in fields.items() if part in (item.alias, name)), None)
    args = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return args[1]
    return args[0] if typing.get_origin(hint) is tuple and args else None


def _branch(hint: Any, data: Any) -> Any:
    """Return the member of a union that the data's tag chooses, without annotations around it."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    members = [member for member in typing.get_args(hint) if member is not type(None)]
    chosen = {data.get("type"), data.get("method")} if isinstance(data, dict) else set()
    for member in members:
        fields = fields_of(member) or {}
        names = [
            name for key in ("type", "method") if key in fields for name in typing.get_args(fields[key].annotation)
        ]
        if any(name in chosen for name in names):
            return member
    bare = [_branch(member, data) for member in members]
    models = [m for m in bare if fields_of(m) is not None]
    if isinstance(data, dict) and models:
        return models[0]
    return next((m for m in bare if typing.get_origin(m) in (tuple, dict)), bare[0] if len(bare) == 1 else None)
