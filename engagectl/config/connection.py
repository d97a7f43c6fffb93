"""Connections as the YAML writes them: what a source of Engage sends as identify and track calls."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from engagectl.config.activation import EventNames, TransformSpec
from engagectl.config.field import Duration, Id, Identifier, Many, Name, Names, Spec


class SendSpec(Spec):
    """Traits and audiences, by id or glob, and the calls that carry them."""

    traits: Many[Name] = ()
    audiences: Many[Name] = ()
    as_: Annotated[
        tuple[Literal["identify", "track"], ...], Field(alias="as", strict=False, min_length=1, max_length=2)
    ]
    mobile_ids: bool = False
    event_names: EventNames | None = None


class ColumnSpec(Spec):
    """What a classic column differs in. `native`: warehouse -> type of its catalog, accepted as it is."""

    transform: Many[TransformSpec] = ()
    native: dict[str, str] | None = None


def _context_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "#name"
    return "#list" if isinstance(value, list | tuple) else None


ContextColumns = Annotated[
    Annotated[Literal["known", "all", "none"], Tag("#name")] | Annotated[Many[Identifier], Tag("#list")],
    Discriminator(_context_tag),
]


class ConnectionSpec(Spec):
    """Classic storage: identifies, tracks, a table per event and users, loaded on the warehouse's schedule."""

    space: Id
    source: Id = "main"
    warehouses: Annotated[Many[Id], Field(description="roles of the target")]
    send: Many[SendSpec] = ()
    on_undeclared: Literal["count", "quarantine", "add_column", "fail"] = "count"
    null_erases: bool = False
    context_columns: ContextColumns = "known"
    standard_columns: Literal["full", "as_found"] = "full"
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)
    dedupe_window: Duration | None = None
    integration: Name | None = None
    existing_rows: Literal["known", "keep"] | None = None
    renamed_from: Names | None = None
    description: str | None = None
    owner: Name | None = None
