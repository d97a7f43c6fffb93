"""Inputs, spaces, traits, audiences and journeys as the YAML writes them."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from engagectl.config.field import DATE, Id, Identifier, Name, Names, Spec, TypeText

MessageField = Literal[
    "type",
    "messageId",
    "userId",
    "anonymousId",
    "event",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "traits",
    "properties",
    "context",
    "integrations",
]


class InputSpec(Spec):
    """Where messages lie: globs relative to the file they stand in, or object URLs."""

    files: Names
    format: Literal["segment", "segment_s3", "rudderstack"] | None = None
    fields: Annotated[
        dict[MessageField, Name] | None,
        Field(description="where each field of a message stands in a line, for other shapes; $ is the line itself"),
    ] = None
    type: Annotated[
        Literal["identify", "track"] | None, Field(description="the call of every line, where lines do not say")
    ] = None
    from_: Annotated[str | None, Field(alias="from", pattern=DATE)] = None


def _input_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "#id"
    return "#inline" if isinstance(value, dict | InputSpec) else None


InputField = Annotated[
    Annotated[Id, Tag("#id")] | Annotated[InputSpec, Tag("#inline")],
    Discriminator(_input_tag, custom_error_type="input", custom_error_message="the id of an input, or {{files: [..]}}"),
]


class SourceSpec(Spec):
    """A source of the space: Engage makes one per destination, and each has a classic schema."""

    input: InputField | None = None
    schema_: Annotated[Identifier | None, Field(alias="schema", description="engage_<slug> for the main source")] = None
    destination: Name | None = None


class SpaceSpec(Spec):
    slug: Annotated[Identifier | None, Field(description="the id by default")] = None
    space_id: Annotated[Name | None, Field(description="as in context.personas")] = None
    managed_by: Literal["engagectl", "segment"] = "engagectl"
    sources: dict[Id, SourceSpec] = Field(default_factory=dict)
    name: str | None = None
    description: str | None = None
    owner: Name | None = None


class TraitSpec(Spec):
    space: Id
    kind: Literal["event", "sql", "ml"]
    type: TypeText
    max_chars: Annotated[int, Field(ge=1)] | None = None
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    key: Annotated[Name | None, Field(description="the trait's key in messages; the id by default")] = None
    renamed_from: Names | None = None
    description: str | None = None
    owner: Name | None = None


class AudienceSpec(Spec):
    space: Id
    kind: Literal["profile", "linked"]
    entity: Name | None = None
    key: Annotated[Name | None, Field(description="the audience's key in messages; the id by default")] = None
    renamed_from: Names | None = None
    description: str | None = None
    owner: Name | None = None


class JourneySpec(Spec):
    space: Id
    kind: Literal["event_triggered"]
    key: Name | None = None
    journey_id: Name | None = None
    description: str | None = None
    owner: Name | None = None
