"""Frozen nouns <-> plain JSON data, by their type hints. Used by the journal and the plan file, nothing else.

A member of a union of dataclasses carries its class name under "is"; fields equal to their default are left out, so
that a new field with a default reads old data.
"""

import dataclasses
import functools
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: object, *, tagged: bool = False) -> Any:
    """Return JSON data for a noun: dicts, lists, text, numbers, booleans, None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        data: dict[str, Any] = {"is": type(value).__name__} if tagged else {}
        hints = _hints(type(value))
        for item in dataclasses.fields(value):
            content = getattr(value, item.name)
            if (
                item.default is not dataclasses.MISSING
                and content == item.default
                and not dataclasses.is_dataclass(content)
            ):
                continue
            data[item.name] = encode(content, tagged=_is_tagged(hints[item.name]))
        return data
    if isinstance(value, tuple):
        return [encode(item, tagged=tagged) for item in value]
    return value


def decode(cls: type[T], data: Any) -> T:
    """Return the noun that `encode` wrote. Raises ValueError, KeyError or TypeError on anything else."""
    return typing.cast(T, _decode(cls, data))


def _decode(hint: Any, data: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        members = typing.get_args(hint)
        if data is None and type(None) in members:
            return None
        classes = {
            member.__name__: member
            for member in members
            if isinstance(member, type) and dataclasses.is_dataclass(member)
        }
        if classes and isinstance(data, dict):
            if "is" in data:
                return _decode(classes[data["is"]], {k: v for k, v in data.items() if k != "is"})
            (only,) = classes.values()
            return _decode(only, data)
        return data
    if origin is tuple:
        args = typing.get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_decode(args[0], item) for item in data)
        return tuple(_decode(arg, item) for arg, item in zip(args, data, strict=True))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        known = {item.name for item in dataclasses.fields(hint)}
        return hint(**{name: _decode(hints[name], content) for name, content in data.items() if name in known})
    return data


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


@functools.cache
def _is_tagged(hint: Any) -> bool:
    """A union of several dataclasses, bare or inside a tuple, needs the class name to be read back."""
    origin = typing.get_origin(hint)
    if origin is tuple:
        return any(_is_tagged(arg) for arg in typing.get_args(hint) if arg is not Ellipsis)
    if origin in (typing.Union, types.UnionType):
        return sum(dataclasses.is_dataclass(member) for member in typing.get_args(hint)) > 1
    return False
