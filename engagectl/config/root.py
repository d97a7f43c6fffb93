"""The whole project as the YAML writes it: the root file's own keys, and the maps that every file may hold."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from engagectl.config.activation import ActivationSpec, TableSpec
from engagectl.config.connection import ConnectionSpec
from engagectl.config.field import Duration, Id, Identifier, Many, Name, Spec
from engagectl.config.space import AudienceSpec, InputSpec, JourneySpec, SpaceSpec, TraitSpec
from engagectl.config.warehouse import CredentialsSpec, WarehouseSpec


def _roles(value: Any) -> Any:
    """`[local]` is short for `{local: local}`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def _variable_tag(value: Any) -> str | None:
    if isinstance(value, bool):
        return "#boolean"
    if isinstance(value, int):
        return "#integer"
    if isinstance(value, float):
        return "#float"
    return "#text" if isinstance(value, str) else "#list" if isinstance(value, list | tuple) else None


VarField = Annotated[
    Annotated[str, Tag("#text")]
    | Annotated[bool, Tag("#boolean")]
    | Annotated[int, Tag("#integer")]
    | Annotated[float, Tag("#float")]
    | Annotated[Many[str], Tag("#list")],
    Discriminator(
        _variable_tag, custom_error_type="variable", custom_error_message="text, a number, a boolean or a list of texts"
    ),
]
VarValue = str | bool | int | float | tuple[str, ...]


class TargetSpec(Spec):
    """Where the project goes: which warehouse plays each role, and the values of the variables."""

    warehouses: Annotated[dict[Id, Id], BeforeValidator(_roles, json_schema_input_type=dict[str, str] | list[str])] = (
        Field(default_factory=dict)
    )
    vars: dict[Id, VarField] = Field(default_factory=dict)
    protected: bool = False


class PlanSpec(Spec):
    expires: Duration = "7d"


class QuarantineSpec(Spec):
    keep: Duration = "90d"


class SecretsSpec(Spec):
    allow_env: Annotated[Many[Name] | None, Field(description="names, or globs of them, that $env may read")] = None


class PiiSpec(Spec):
    refuse_plain: Annotated[Many[Name], Field(description="paths or globs that need a transform")] = ()


class LifecycleSpec(Spec):
    type_changes: Literal["refuse", "widen", "rebuild"] = "widen"
    max_rows_rewritten: Annotated[int, Field(ge=0)] = 1_000_000


class RemovedSpec(Spec):
    """The only way to drop something."""

    address: Name
    reason: Name


class DefaultsSpec(Spec):
    """Values of activations and connections that say nothing themselves; checked where they are used."""

    activation: dict[str, Any] = Field(default_factory=dict)
    connection: dict[str, Any] = Field(default_factory=dict)


class ProjectSpec(Spec):
    """The YAML of an engagectl project."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    project: Annotated[Id, Field(description="the name of the project, in journals and plans")]
    required_version: Annotated[Name | None, Field(description='of engagectl, such as ">=0.1,<0.2"')] = None
    include: Annotated[Many[Name], Field(description="globs of further files, relative to this one")] = ()
    default_target: Id | None = None
    plan: PlanSpec = Field(default_factory=PlanSpec)
    quarantine: QuarantineSpec = Field(default_factory=QuarantineSpec)
    journal_schema: Identifier = "engagectl"
    secrets: SecretsSpec | None = None
    pii: PiiSpec | None = None
    lifecycle: LifecycleSpec = Field(default_factory=LifecycleSpec)
    defaults: DefaultsSpec = Field(default_factory=DefaultsSpec)
    targets: dict[Id, TargetSpec] = Field(default_factory=dict)
    warehouses: dict[Id, WarehouseSpec] = Field(default_factory=dict)
    credentials: dict[Id, CredentialsSpec] = Field(default_factory=dict)
    inputs: dict[Id, InputSpec] = Field(default_factory=dict)
    spaces: dict[Id, SpaceSpec] = Field(default_factory=dict)
    traits: dict[Id, TraitSpec] = Field(default_factory=dict)
    audiences: dict[Id, AudienceSpec] = Field(default_factory=dict)
    journeys: dict[Id, JourneySpec] = Field(default_factory=dict)
    connections: dict[Id, ConnectionSpec] = Field(default_factory=dict)
    activations: dict[Id, ActivationSpec] = Field(default_factory=dict)
    tables: dict[Id, TableSpec] = Field(default_factory=dict)
    removed: Many[RemovedSpec] = ()


MAPS = (
    "targets",
    "warehouses",
    "credentials",
    "inputs",
    "spaces",
    "traits",
    "audiences",
    "journeys",
    "connections",
    "activations",
    "tables",
)
OWNED = frozenset({"spaces", "traits", "audiences", "journeys", "connections", "activations", "tables"})
ROOT_ONLY = frozenset(ProjectSpec.model_fields) - frozenset(MAPS) - {"removed"}
