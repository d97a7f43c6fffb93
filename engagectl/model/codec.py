"""Frozen nouns <-> plain JSON data, by their type hints. Used by the journal and the plan file, nothing else.

A member of a union of dataclasses carries its class name under "is"; fields equal to their default are left out, so
that a new field with a default reads old data.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: object, *, tagged: bool = False) -> Any:
    """Return JSON data for a noun: dicts, lists, text, numbers, booleans, None."""
    if type(value) is tuple:
        return [encode(item, tagged=tagged) for item in value]
    fields = _written(type(value))  # type: ignore[arg-type]  # a class is hashable
    if fields is None:
        return value
    data: dict[str, Any] = {"is": type(value).__name__} if tagged else {}
    for name, default, is_tagged in fields:
        content = getattr(value, name)
        if content is not default and content != default:
            data[name] = content if type(content) is str else encode(content, tagged=is_tagged)
    return data


Texts = dict[tuple[int, bool], tuple[object, str]]
_KEPT_CHARS = 1_000
_LONG = 100  # a list of so many nouns is what a space declares: all of its feeds hold the same
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def canonical(value: object, *, tagged: bool = False, texts: Texts | None = None) -> str:
    """Return the JSON text of what `encode` returns: keys sorted, no spaces, letters as they are.

    `texts` remembers each small part and each long list with its text, for nouns that share parts.
    """
    texts = {} if texts is None else texts
    if type(value) is tuple:
        if (known := texts.get((id(value), tagged))) is not None:
            return known[1]
        text = f"[{','.join([canonical(item, tagged=tagged, texts=texts) for item in value])}]"
        if len(value) >= _LONG:
            texts[id(value), tagged] = (value, text)
        return text
    fields = _written_sorted(type(value), tagged)  # type: ignore[arg-type]  # a class is hashable
    if fields is None:
        return _JSON.encode(value)
    known = texts.get((id(value), tagged))
    if known is not None:
        return known[1]
    parts: list[str] = []
    for key, name, default, is_tagged, is_plain in fields:
        if not name:
            parts.append(key)
            continue
        content = getattr(value, name)
        if content is default or content == default:
            continue
        if type(content) is str:
            parts.append(key + encode_basestring(content))
        else:
            text = _JSON.encode(content) if is_plain else canonical(content, tagged=is_tagged, texts=texts)
            parts.append(key + text)
    text = f"{{{','.join(parts)}}}"
    if len(text) <= _KEPT_CHARS:
        texts[id(value), tagged] = (value, text)
    return text


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


@functools.cache
def _written_sorted(cls: type, tagged: bool) -> tuple[tuple[str, str, Any, bool, bool], ...] | None:
    """Return the fields of `_written` by name: each with its JSON key, and whether no noun is in it.

    A name of "" stands for the class name, which is in the key.
    """
    fields = _written(cls)
    if fields is None:
        return None
    hints = _hints(cls)
    found = [
        (name, f"{encode_basestring(name)}:", name, default, is_tagged, not _holds_nouns(hints[name]))
        for name, default, is_tagged in fields
    ]
    if tagged:
        found.append(("is", f'"is":{encode_basestring(cls.__name__)}', "", _NEVER, False, False))
    return tuple(item[1:] for item in sorted(found, key=lambda item: item[0]))


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
        return tuple if one is _as_it_is else _list_reader(one)
    each = [_reader(arg) for arg in args]
    return lambda data: tuple(read(item) for read, item in zip(each, data, strict=True))


def _list_reader(one: Reader) -> Reader:
    last: tuple[Any, tuple[Any, ...]] = ([], ())

    def read(data: Any) -> Any:
        nonlocal last
        if len(data) < _LONG:
            return tuple(map(one, data))
        if data != last[0]:
            last = (data, tuple(map(one, data)))
        return last[1]

    return read


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
def _holds_nouns(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) or any(map(_holds_nouns, typing.get_args(hint)))


@functools.cache
def _is_tagged(hint: Any) -> bool:
    """A union of several dataclasses, bare or inside a tuple, needs the class name to be read back."""
    origin = typing.get_origin(hint)
    if origin is tuple:
        return any(_is_tagged(arg) for arg in typing.get_args(hint) if arg is not Ellipsis)
    if origin in (typing.Union, types.UnionType):
        return sum(dataclasses.is_dataclass(member) for member in typing.get_args(hint)) > 1
    return False
