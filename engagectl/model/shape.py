"""What the JSON data of a noun must look like, by its type hints: as a JSON Schema, and checked. See codec."""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

_SCALARS: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", float: "number", types.NoneType: "null"}


def schema_of(cls: type, *, inner: Mapping[type, str] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of what `encode` writes for a noun. Keys may be added to it; none is taken away.

    `inner` are nouns that are an object and no more to a reader, each with what is said of it.
    """
    named = {one.__name__: {"type": "object", "description": told} for one, told in (inner or {}).items()}
    top = _schema(cls, named)
    return {**named.pop(top["$ref"].rpartition("/")[2]), "$defs": named}


def misfit(cls: type, data: object) -> str | None:
    """Return where data is not what `decode` may be given for a noun (`warehouses[0].type`), None when it is."""
    return _misfit(cls, data, "")


def _schema(hint: Any, named: dict[str, Any]) -> dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        members, tagged = _members(args)
        schemas = [_schema(one, named) for one in args if one not in members.values()]
        for name, member in members.items():
            one = _schema(member, named)
            is_it = {"properties": {"is": {"const": name}}, "required": ["is"]}
            schemas.append({"allOf": [one, is_it]} if tagged else one)
        return {"anyOf": schemas}
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _schema(args[0], named)}
    if origin is tuple:
        parts = [_schema(one, named) for one in args]
        return {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    if not dataclasses.is_dataclass(hint):
        return {"type": _SCALARS[hint]}
    name = hint.__name__  # type: ignore[union-attr]  # a class, for nothing else is left
    if name not in named:
        named[name] = {}  # a noun may hold itself
        hints = _hints(hint)  # type: ignore[arg-type]  # a class is hashable
        fields = dataclasses.fields(hint)
        named[name] = {
            "type": "object",
            "properties": {one.name: _schema(hints[one.name], named) for one in fields},
            "required": [one.name for one in fields if _is_required(one)],
        }
    return {"$ref": f"#/$defs/{name}"}


def _misfit(hint: Any, data: object, place: str) -> str | None:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return None if any(type(data) is type(one) and data == one for one in args) else place
    if origin in (typing.Union, types.UnionType):
        return _misfit_of_union(args, data, place)
    if origin is tuple:
        if not isinstance(data, list):
            return place
        if args[-1:] == (Ellipsis,):
            args = args[:1] * len(data)
        if len(args) != len(data):
            return place
        found = (_misfit(part, one, f"{place}[{n}]") for n, (part, one) in enumerate(zip(args, data, strict=True)))
        return next((one for one in found if one is not None), None)
    if dataclasses.is_dataclass(hint):
        return _misfit_of_noun(hint, data, place)
    fits = type(data) in (int, float) if hint is float else type(data) is hint
    return None if fits else place


def _misfit_of_union(args: tuple[Any, ...], data: object, place: str) -> str | None:
    members, tagged = _members(args)
    if isinstance(data, Mapping) and members:
        chosen = members.get(str(data.get("is"))) if tagged else next(iter(members.values()))
        return place if chosen is None else _misfit(chosen, data, place)
    others = [one for one in args if one not in members.values()]
    return None if any(_misfit(one, data, place) is None for one in others) else place


def _misfit_of_noun(cls: Any, data: object, place: str) -> str | None:
    if not isinstance(data, Mapping):
        return place
    hints = _hints(cls)
    for one in dataclasses.fields(cls):
        here = f"{place}.{one.name}".removeprefix(".")
        if one.name in data:
            found = _misfit(hints[one.name], data[one.name], here)
            if found is not None:
                return found
        elif _is_required(one):
            return here
    return None


def _members(args: tuple[Any, ...]) -> tuple[dict[str, Any], bool]:
    """Return the nouns of a union by name, and whether their data says which it is."""
    nouns = {one.__name__: one for one in args if dataclasses.is_dataclass(one) and isinstance(one, type)}
    return nouns, len(nouns) > 1


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _is_required(one: "dataclasses.Field[Any]") -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
