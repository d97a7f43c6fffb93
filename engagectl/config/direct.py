"""A warehouse named on the command line instead of in a project: the same specs, the same checks, the same secrets."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from engagectl.config.project import Project
from engagectl.config.root import ProjectSpec
from engagectl.errors import UsageError

ID = "warehouse"
"""The id under which such a warehouse goes, in addresses and in the YAML that import writes."""
INCLUDE = ["engage/**/*.yaml"]


def one_warehouse(root: Path, type_name: str, fields: Mapping[str, object], *, project: str = "none") -> Project:
    """Return a project that is one warehouse. Raises UsageError for a field that this type of warehouse lacks."""
    data = {"type": type_name, **{name: value for name, value in fields.items() if value is not None}}
    try:
        spec = ProjectSpec.model_validate(
            {"version": 1, "project": project, "include": INCLUDE, "warehouses": {ID: data}}
        )
    except ValidationError as error:
        said = sorted({str(item["loc"][-1]) for item in error.errors(include_input=False, include_url=False)})
        raise UsageError(f"--warehouse {type_name}: {', '.join(said)} is missing or wrong") from None
    return Project(root, spec, "", {ID: ID}, {}, "")
