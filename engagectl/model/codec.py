"""Frozen nouns <-> plain JSON data, by their type hints. Used by the journal and the plan file, nothing else.

A member of a union of dataclasses carries its class name under "is"; fields equal to their default are left out, so
that a new field with a default reads old data.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


Done = dict[tuple[int, bool], Any]


def encode(value: object, *, tagged: bool = False, done: Done | None = None) -> Any:
    """Return JSON data for a noun: dicts, lists, text, numbers, booleans, None.

    `done` remembers what was made of each part, for nouns that share parts; these must outlive it.
    """
    if done is not None and (id(value), tagged) in done:
        return done[id(value), tagged]
    if type(value) is tuple:
        items = [encode(item, tagged=tagged, done=done) for item in value]
        if done is not None:
            done[id(value), tagged] = items
        return items
    fields = _written(type(value))  # type: ignore[arg-type]  # a class is hashable
    if fields is None:
        return value
    data: dict[str, Any] = {"is": type(value).__name__} if tagged else {}
    for name, default, is_tagged in fields:
        content = getattr(value, name)
        if content is not default and content != default:
            data[name] = content if type(content) is str else encode(content, tagged=is_tagged, done=done)
    if done is not None:
        done[id(value), tagged] = data
    return data


_NEVER = object()


@functools.cache
def _written(cls: type) -> tuple[tuple[str, Any, bool], ...] | None:
    """Return the name, the default that is left out, and whether it needs its class name, of each field of a noun."""
    if not dataclasses.is_dataclass(cls):
        return None
    hints = _hints(cls)
    return tuple(
        (
            item.name,
            # a noun is written even when it is the default
            _NEVER if item.default is dataclasses.MISSING or dataclasses.is_dataclass(item.default) else item.default,
            _is_tagged(hints[item.name]),
        )
        for item in dataclasses.fields(cls)
    )


def decode(cls: type[T], data: Any) -> T:
    """Return the noun that `encode` wrote. Anything else raises ValueError, KeyError, TypeError or AttributeError."""
    read: Reader = _reader(cls)  # type: ignore[arg-type]  # a class is hashable
    return typing.cast(T, read(data))


Reader = Callable[[Any], Any]


def _as_it_is(data: Any) -> Any:
    return data


@functools.cache
def _reader(hint: Any) -> Reader:
    """Return what reads a type: made once for each, for an applied state has tens of thousands of columns."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _union_reader(typing.get_args(hint))
    if origin is tuple:
        return _tuple_reader(typing.get_args(hint))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _class_reader(hint)
    return _as_it_is


def _tuple_reader(args: tuple[Any, ...]) -> Reader:
    if len(args) == 2 and args[1] is Ellipsis:
        one = _reader(args[0])
        return tuple if one is _as_it_is else lambda data: tuple(map(one, data))
    each = [_reader(arg) for arg in args]
    return lambda data: tuple(read(item) for read, item in zip(each, data, strict=True))


def _union_reader(members: tuple[Any, ...]) -> Reader:
    classes = {
        member.__name__: _reader(member)
        for member in members
        if isinstance(member, type) and dataclasses.is_dataclass(member)
    }
    if not classes:
        return _as_it_is
    only = next(iter(classes.values())) if len(classes) == 1 else None

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if "is" in data:
            return classes[data["is"]]({name: content for name, content in data.items() if name != "is"})
        if only is None:
            raise ValueError(f"one of {', '.join(classes)}, and it does not say which")
        return only(data)

    return read


def _class_reader(cls: Any) -> Reader:
    hints = _hints(cls)
    readers = {item.name: _reader(hints[item.name]) for item in dataclasses.fields(cls)}
    plain = frozenset(name for name, reader in readers.items() if reader is _as_it_is)
    empty = cls() if not dataclasses.fields(cls) else None

    def read(data: Any) -> Any:
        if empty is not None:
            return empty
        return cls(
            **{
                name: content if name in plain else readers[name](content)
                for name, content in data.items()
                if name in readers
            }
        )

    return read


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
