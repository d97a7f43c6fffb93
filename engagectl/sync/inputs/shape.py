"""How the lines of an input name the parts of a message: Segment's way, RudderStack's, or what the YAML says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engagectl.config.space import InputSpec

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`fields` says where a top-level field of a message stands in a line, () for the line as a whole.

    `type` is the call that every line is, where lines do not say. With `context_traits` an identify may carry its body
    under `context.traits` instead.
    """

    fields: Mapping[str, Path] = field(default_factory=dict)
    type: str | None = None
    context_traits: bool = False

    def path(self, path: Path) -> Path:
        """Return where a path of the payload stands in a line."""
        return (*self.fields[path[0]], *path[1:]) if path[0] in self.fields else path


SEGMENT = Shape()


def shape_of(spec: InputSpec) -> Shape:
    """Return the shape that an input declares. A field `$` is the line itself."""
    fields: dict[str, Path] = {
        name: tuple(said.split(".")) if said != "$" else () for name, said in (spec.fields or {}).items()
    }
    # RudderStack's identify keeps its traits in the context (its event spec, "Identify")
    return Shape(fields=fields, type=spec.type, context_traits=spec.format == "rudderstack")
