"""The base of every spec, and the field types that several specs share.

Specs are the YAML as text-shaped values: strict, frozen, nothing unknown accepted, and no input in any error.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from engagectl.model.column_type import (
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    JsonText,
    Text,
    Timestamp,
)

SPEC_CONFIG = ConfigDict(
    strict=True,
    extra="forbid",
    hide_input_in_errors=True,
    defer_build=True,  # a command that loads nothing does not pay for validators
    validate_default=False,
)


class Spec(BaseModel):
    """One mapping of the YAML."""

    model_config = ConfigDict(**SPEC_CONFIG, frozen=True)


def fields_of(spec: object) -> Mapping[str, FieldInfo] | None:
    """Return the fields of a class of specs, slotted ones too; None of anything else."""
    if not isinstance(spec, type):
        return None
    if issubclass(spec, Spec):
        return spec.model_fields
    return getattr(spec, "__pydantic_fields__", None)


T = TypeVar("T")

Many = Annotated[tuple[T, ...], Field(strict=False)]  # YAML gives lists; a frozen spec keeps tuples


def one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


NAME = r"^[^\x00-\x1f\x7f]{1,512}$"
ID = r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$"
DURATION = r"^[1-9][0-9]{0,5}(s|m|h|d)$"
IDENTIFIER = r"^[a-z_][a-z0-9_]{0,299}$"
TYPE = r"^(boolean|integer|float|string|timestamp|date|json|json_text|decimal\( ?[0-9]{1,2} ?, ?[0-9]{1,2} ?\))$"
ENVIRONMENT = r"^[A-Za-z_][A-Za-z0-9_]*$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
ABSOLUTE = r"^/.+$"
FOLDER_URL = r"^[a-z0-9]+://.+/$"
STAGE = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){2}$"

PATTERNS = {
    NAME: "text of 1 to 512 characters without control characters",
    ID: "letters, digits, _ and -, beginning with a letter or _",
    DURATION: "a duration such as 15m, 1h or 2d",
    IDENTIFIER: "a name in small letters, digits and _, not beginning with a digit",
    TYPE: "boolean, integer, float, decimal(p,s), string, timestamp, date, json_text or json",
    ENVIRONMENT: "the name of an environment variable",
    DATE: "a date such as 2026-01-31",
    ABSOLUTE: "an absolute path",
    FOLDER_URL: "the URL of a folder, such as s3://bucket/folder/",
    STAGE: "the name of a stage, as DATABASE.SCHEMA.STAGE",
}

Name = Annotated[str, Field(pattern=NAME)]
Id = Annotated[str, Field(pattern=ID)]
Duration = Annotated[str, Field(pattern=DURATION)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
TypeText = Annotated[str, Field(pattern=TYPE)]
Names = Annotated[
    tuple[Name, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(one_or_many, json_schema_input_type=str | list[str]),
]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TYPES: dict[str, ColumnType] = {
    "boolean": Boolean(),
    "integer": Integer(),
    "float": Float(),
    "timestamp": Timestamp(),
    "date": Date(),
    "json": Json(),
    "json_text": JsonText(),
}


def seconds(text: str) -> int:
    """Return the seconds of a duration: `15m`, `1h`, `2d`. Raises ValueError on anything else."""
    if not re.fullmatch(DURATION[1:-1], text):
        raise ValueError("not a duration such as 15m, 1h or 2d")
    return int(text[:-1]) * _SECONDS[text[-1]]


@lru_cache(maxsize=4_096)
def parse_type(text: str, *, max_chars: int | None = None, max_bytes: int | None = None) -> ColumnType:
    """Return the column type that the YAML writes; limits are for `string`. Raises ValueError on other text."""
    if text == "string":
        return Text(max_chars, max_bytes)
    if text in _TYPES:
        return _TYPES[text]
    found = re.fullmatch(r"decimal\( ?([0-9]{1,2}) ?, ?([0-9]{1,2}) ?\)", text)
    if not found:
        raise ValueError(f"not a type: {PATTERNS[TYPE]}")
    precision, scale = int(found[1]), int(found[2])
    if not precision >= 1 or scale > precision:
        raise ValueError("decimal(p,s) needs p of at least 1 and s of at most p")
    return Decimal(precision, scale)


class Chosen:
    """Takes, of a union of specs, the one that a literal field names: `Annotated[A | B, Chosen("type")]`.

    Only what a project names gets its validators: those of every warehouse would be a twentieth of each start.
    """

    def __init__(self, field: str) -> None:
        self.field = field

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        self._source = source
        members: dict[object, type[Spec]] = {
            name: spec for spec in get_args(source) for name in get_args(spec.model_fields[self.field].annotation)
        }
        names = ", ".join(f"'{name}'" for name in members)

        def choose(value: Any) -> Spec:
            if isinstance(value, tuple(members.values())):
                return cast(Spec, value)
            name = value.get(self.field) if isinstance(value, dict) else None
            if not isinstance(name, str):
                raise PydanticKnownError("union_tag_not_found", {"discriminator": self.field})
            if name not in members:
                context = {"discriminator": self.field, "tag": name, "expected_tags": names}
                raise PydanticKnownError("union_tag_invalid", context)
            return members[name].model_validate(value)

        return core_schema.no_info_plain_validator_function(choose)

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from pydantic import TypeAdapter

        whole: Any = Annotated[self._source, Field(discriminator=self.field)]
        return handler(TypeAdapter(whole).core_schema)


# --- references: what varies, and what is secret -----------------------------


class EnvRef(Spec):
    """A value from the environment. It is a secret from the moment it is read."""

    env: Annotated[str, Field(alias="$env", pattern=ENVIRONMENT, description="name of the environment variable")]
    optional: Annotated[bool, Field(description="may be unset")] = False


class FileRef(Spec):
    """A value from a file outside the project."""

    file: Annotated[str, Field(alias="$file", pattern=ABSOLUTE, description="absolute path of a regular file")]


class VarRef(Spec):
    """A variable of the target. It is substituted before specs are made, so no spec holds one."""

    var: Annotated[str, Field(alias="$var", pattern=ID, description="name of a variable of the target")]


def _reference_tag(value: Any) -> str | None:
    if isinstance(value, dict):
        return "#env" if "$env" in value else "#file" if "$file" in value else None
    return "#env" if isinstance(value, EnvRef) else "#file" if isinstance(value, FileRef) else None


def _text_tag(value: Any) -> str | None:
    return "#text" if isinstance(value, str) else _reference_tag(value)


def _number_tag(value: Any) -> str | None:
    return "#number" if isinstance(value, int) else _reference_tag(value)


_Env = Annotated[EnvRef, Tag("#env")]
_File = Annotated[FileRef, Tag("#file")]

SecretField = Annotated[
    _Env | _File,
    Discriminator(
        _reference_tag,
        custom_error_type="pasted_secret",
        custom_error_message="{{$env: NAME}} or {{$file: /path}}",
    ),
]
TextField = Annotated[
    Annotated[str, Tag("#text"), Field(min_length=1)] | _Env | _File,
    Discriminator(
        _text_tag,
        custom_error_type="text_or_reference",
        custom_error_message="text, {{$env: NAME}} or {{$file: /path}}",
    ),
]
PortField = Annotated[
    Annotated[int, Tag("#number"), Field(ge=1, le=65535)] | _Env | _File,
    Discriminator(
        _number_tag, custom_error_type="port_or_reference", custom_error_message="a port number or {{$env: NAME}}"
    ),
]
Reference = EnvRef | FileRef
