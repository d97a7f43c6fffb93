"""What a project would connect to, as plain data: so that a plan's credentials go nowhere that nobody reviewed."""

from collections.abc import Iterator, Mapping
from typing import Any

from engagectl.config.project import Project

_NOT_CONNECTING = {"sync", "selective_sync", "compute", "layout", "views", "credentials"}


def connections_of(project: Project) -> Mapping[str, Any]:
    """Return, for the project's target, each role and every connection field of its warehouse, secrets by reference."""
    found: dict[str, Any] = {}
    for role, id_ in sorted(project.roles.items()):
        spec = project.spec.warehouses[id_]
        fields = spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_NOT_CONNECTING)
        if spec.credentials:
            shared = project.spec.credentials[spec.credentials]
            fields["credentials"] = shared.model_dump(mode="json", by_alias=True, exclude_none=True)
        found[role] = {"warehouse": id_, **fields}
    return found


def differences(trusted: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield the address of everything that is not as it was; never a value, for it may be a secret in a wrong place."""
    for role in sorted({*trusted, *now}):
        was, is_now = trusted.get(role), now.get(role)
        if was is None or is_now is None:
            yield f"the role {role} is {'new' if was is None else 'gone'}"
            continue
        for name in sorted({*was, *is_now}):
            if was.get(name) != is_now.get(name):
                what = f"warehouses.{is_now['warehouse']}.{name}" if name != "warehouse" else f"the warehouse of {role}"
                yield f"{what} differs"
