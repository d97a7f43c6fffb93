"""Activations, shared tables and mappings as the YAML writes them."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
)
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, PydanticCustomError

from engagectl.config.field import SPEC_CONFIG, Duration, Id, Identifier, Many, Name, Names, Spec, TypeText, one_or_many

EventKind = Literal[
    "audience_entered",
    "audience_exited",
    "entity_added",
    "entity_removed",
    "audience_membership_changed",
    "entity_values_changed",
    "step_entered",
    "trait_computed",
]
TransformName = Literal["trim", "lower", "upper", "sha256", "epoch_s_to_timestamp", "epoch_ms_to_timestamp"]


class HmacTransformSpec(Spec):
    hmac_sha256: Annotated[Id, Field(description="id of credentials with the method hmac_key")]


def _transform_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "#name"
    return "#hmac" if isinstance(value, dict | HmacTransformSpec) else None


TransformSpec = Annotated[
    Annotated[TransformName, Tag("#name")] | Annotated[HmacTransformSpec, Tag("#hmac")],
    Discriminator(_transform_tag),
]


def _paths(value: Any) -> Any:
    """A path, a list of paths, or Segment's own `@path` and `@json` objects for one."""
    if isinstance(value, dict):
        if set(value) == {"@json"} and isinstance(value["@json"], dict):
            value = value["@json"].get("value")
        if isinstance(value, dict) and set(value) == {"@path"}:
            value = value["@path"]
        if isinstance(value, dict):
            raise PydanticCustomError("mapping_directive", "a path, or @path or @json of one")
    return [value] if isinstance(value, str) else value


@dataclass(config=SPEC_CONFIG, frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """One column: where its value comes from in the message, its name and its type."""

    from_: Annotated[
        tuple[Name, ...],
        Field(alias="from", strict=False, min_length=1, description="path in the message; the first that is there"),
        BeforeValidator(_paths, json_schema_input_type=str | list[str] | dict[str, Any]),
    ]
    to: Identifier
    type: TypeText
    max_chars: Annotated[int, Field(ge=1)] | None = None
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    native: Annotated[dict[str, str] | None, Field(description="warehouse: type of its catalog, accepted as it is")] = (
        None
    )
    required: bool = False
    transform: Many[TransformSpec] = ()
    renamed_from: Names | None = None
    description: str | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a mapping, as every Spec does: a strict dataclass would take its own instances only.

        It is no Spec because a project has tens of thousands: without slots each takes 700 bytes instead of 130.
        """
        return {**handler(source), "strict": False}

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what the YAML does not say: `exclude_unset` knows specs only."""
        return {key: value for key, value in handler(self).items() if value not in (None, False, [])}


class QuietSpec(Spec):
    quiet_for: Duration | None = None


class EachRunSpec(Spec):
    each_run: QuietSpec


def _trigger_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "#name"
    return "#each_run" if isinstance(value, dict | EachRunSpec) else None


TriggerSpec = Annotated[
    Annotated[Literal["each_run", "schedule"], Tag("#name")] | Annotated[EachRunSpec, Tag("#each_run")],
    Discriminator(_trigger_tag),
]
NoneOrMany = Annotated[
    tuple[Name, ...], Field(strict=False), BeforeValidator(one_or_many, json_schema_input_type=str | list[str])
]
EventNames = Annotated[
    dict[EventKind, NoneOrMany], Field(description="names by kind, every one recognised; [] when the kind is not sent")
]


class ActivationSpec(Spec):
    """A storage action: the events of one audience or journey become rows of one table."""

    audience: Id | None = None
    journey: Id | None = None
    source: Id = "main"
    warehouses: Annotated[Many[Id], Field(description="roles of the target")]
    table: Identifier | None = None
    into: Annotated[Id | None, Field(description="id of a shared table, instead of table")] = None
    schema_: Annotated[Identifier | None, Field(alias="schema", description="the slug of the space by default")] = None
    trigger: TriggerSpec = "each_run"
    events: Annotated[Many[EventKind] | None, Field(description="by the kind of the audience or journey")] = None
    event_names: EventNames | None = None
    properties: Many[Name] | None = None
    mappings: Many[MappingSpec] | None = None
    json_columns: bool = True
    emitter_id: Name | None = None
    integration: Name | None = None
    existing_rows: Literal["known", "keep"] | None = None
    renamed_from: Names | None = None
    table_renamed_from: Names | None = None
    description: str | None = None
    owner: Name | None = None


class TableSpec(Spec):
    """A table that several activations write."""

    space: Id
    schema_: Annotated[Identifier | None, Field(alias="schema")] = None
    table: Annotated[Identifier | None, Field(description="the id by default")] = None
    mappings: Many[MappingSpec] = ()
    writers: Annotated[Many[Name] | None, Field(description="owners whose activations may write here")] = None
    renamed_from: Names | None = None
    description: str | None = None
    owner: Name | None = None
