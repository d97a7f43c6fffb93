"""References between resources: every id that is named is declared (EC2xx), each failure its own diagnostic."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engagectl.config.activation import HmacTransformSpec, MappingSpec
from engagectl.config.locate import closest
from engagectl.config.warehouse import HmacKeySpec
from engagectl.errors import Diagnostic

if TYPE_CHECKING:
    from engagectl.config.project import Project


def check_references(project: "Project", *, known_warehouses: Sequence[str]) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for each id that nothing declares, and for each warehouse that cannot sign in."""
    check = _References(project, known_warehouses)
    return tuple(check.run())


class _References:
    def __init__(self, project: "Project", known_warehouses: Sequence[str]) -> None:
        self.project = project
        self.spec = project.spec
        self.warehouses = dict.fromkeys(known_warehouses)
        self.roles = {
            role: "" for target in self.spec.targets.values() for role in target.warehouses
        } or self.warehouses

    def run(self) -> Iterator[Diagnostic]:
        spec = self.spec
        for item_id, target in spec.targets.items():
            for role, name in target.warehouses.items():
                yield from self._known(
                    name, self.warehouses, "EC203", "warehouse", "targets", item_id, "warehouses", role
                )
        for item_id, warehouse in spec.warehouses.items():
            yield from self._warehouse(item_id, warehouse)
        for item_id, space in spec.spaces.items():
            for name, source in space.sources.items():
                if isinstance(source.input, str):
                    yield from self._known(
                        source.input, spec.inputs, "EC202", "input", "spaces", item_id, "sources", name, "input"
                    )
        for kind in ("traits", "audiences", "journeys", "connections", "tables"):
            for item_id, item in getattr(spec, kind).items():
                yield from self._known(item.space, spec.spaces, "EC201", "space", kind, item_id, "space")
        for item_id, connection in spec.connections.items():
            yield from self._routes("connections", item_id, connection, connection.space)
            for name, column in connection.columns.items():
                yield from self._transforms(column.transform, "connections", item_id, "columns", name)
                yield from self._natives(column.native, "connections", item_id, "columns", name)
        for item_id, activation in spec.activations.items():
            yield from self._activation(item_id, activation)
        for item_id, table in spec.tables.items():
            yield from self._mappings(table.mappings, "tables", item_id)

    def _warehouse(self, item_id: str, warehouse: Any) -> Iterator[Diagnostic]:
        spec = self.spec
        if warehouse.credentials is not None:
            yield from self._known(
                warehouse.credentials, spec.credentials, "EC204", "credentials", "warehouses", item_id, "credentials"
            )
            if warehouse.auth is not None:
                yield self._error(
                    "EC102",
                    f"warehouses.{item_id} has credentials and auth: one of them",
                    "warehouses",
                    item_id,
                    "auth",
                )
            if isinstance(spec.credentials.get(warehouse.credentials), HmacKeySpec):
                message = f"credentials.{warehouse.credentials} is a key for hashing, not for a warehouse"
                yield self._error("EC204", message, "warehouses", item_id, "credentials")
        if warehouse.type in ("postgres", "redshift"):
            said = [name for name in ("host", "port", "database", "user") if getattr(warehouse, name) is not None]
            if warehouse.dsn is not None and (said or warehouse.auth or warehouse.credentials):
                yield self._error(
                    "EC102", f"warehouses.{item_id} has a dsn: it stands alone", "warehouses", item_id, "dsn"
                )
            by_iam = warehouse.type == "redshift" and (warehouse.cluster or warehouse.workgroup)
            for name in () if warehouse.dsn is not None else ("database",) if by_iam else ("host", "database"):
                if name not in said:
                    yield self._error(
                        "EC101", f"warehouses.{item_id} needs the key `{name}` (or a dsn)", "warehouses", item_id
                    )

    def _activation(self, item_id: str, activation: Any) -> Iterator[Diagnostic]:
        spec = self.spec
        if (activation.audience is None) == (activation.journey is None):
            yield self._error(
                "EC101", f"activations.{item_id} needs `audience` or `journey`, one of them", "activations", item_id
            )
        if (activation.table is None) == (activation.into is None):
            yield self._error(
                "EC101", f"activations.{item_id} needs `table` or `into`, one of them", "activations", item_id
            )
        space = ""
        if activation.audience is not None:
            yield from self._known(
                activation.audience, spec.audiences, "EC205", "audience", "activations", item_id, "audience"
            )
            space = spec.audiences[activation.audience].space if activation.audience in spec.audiences else ""
        if activation.journey is not None:
            yield from self._known(
                activation.journey, spec.journeys, "EC206", "journey", "activations", item_id, "journey"
            )
            space = spec.journeys[activation.journey].space if activation.journey in spec.journeys else space
        if activation.into is not None:
            yield from self._known(activation.into, spec.tables, "EC207", "table", "activations", item_id, "into")
        yield from self._routes("activations", item_id, activation, space)
        yield from self._mappings(activation.mappings or (), "activations", item_id)

    def _routes(self, kind: str, item_id: str, item: Any, space: str) -> Iterator[Diagnostic]:
        for index, role in enumerate(item.warehouses):
            # a role that no target has yet is EC314; one that is a slip of the pen, or means nothing, is an error
            if role not in self.roles and (not self.spec.targets or closest(role, list(self.roles))):
                yield from self._known(role, self.roles, "EC203", "warehouse role", kind, item_id, "warehouses", index)
        declared = self.spec.spaces.get(space)
        if declared is not None and declared.sources:
            yield from self._known(
                item.source, declared.sources, "EC209", f"source of space {space}", kind, item_id, "source"
            )

    def _mappings(self, mappings: Sequence[MappingSpec], *path: str) -> Iterator[Diagnostic]:
        for index, mapping in enumerate(mappings):
            if mapping.transform:
                yield from self._transforms(mapping.transform, *path, "mappings", index)
            if mapping.native:
                yield from self._natives(mapping.native, *path, "mappings", index)

    def _transforms(self, transforms: Sequence[Any], *path: str | int) -> Iterator[Diagnostic]:
        for index, transform in enumerate(transforms):
            if not isinstance(transform, HmacTransformSpec):
                continue
            name = transform.hmac_sha256
            yield from self._known(name, self.spec.credentials, "EC204", "credentials", *path, "transform", index)
            if name in self.spec.credentials and not isinstance(self.spec.credentials[name], HmacKeySpec):
                yield self._error(
                    "EC204", f"credentials.{name} is not of the method hmac_key", *path, "transform", index
                )

    def _natives(self, native: Mapping[str, str] | None, *path: str | int) -> Iterator[Diagnostic]:
        for name in native or ():
            yield from self._known(name, self.warehouses, "EC203", "warehouse", *path, "native", name)

    def _known(
        self, name: str, declared: Mapping[str, object], code: str, what: str, *path: str | int
    ) -> Iterator[Diagnostic]:
        if name in declared:
            return
        meant = closest(name, list(declared))
        label = f"did you mean `{meant}`?" if meant else "not declared"
        listed = list(declared)
        advice = (
            f"declared: {', '.join(listed[:20])}{', ...' if len(listed) > 20 else ''}" if listed else "none is declared"
        )
        message = f"unknown {what} `{name}`"
        if path[0] == "warehouses":  # whatever is written there may be a secret in the wrong place
            message = f"warehouses.{path[1]}.credentials is not the id of any credentials"
        yield self._error(code, message, *path, label=label, help=(advice,))

    def _error(
        self, code: str, message: str, *path: str | int, label: str = "", help: tuple[str, ...] = ()
    ) -> Diagnostic:
        origin = self.project.origin(str(path[0]), str(path[1])).under(*path[2:])
        place = self.project.place(origin, key=len(path) == 2)
        return Diagnostic(code=code, severity="error", message=message, place=place, label=label, help=help)
