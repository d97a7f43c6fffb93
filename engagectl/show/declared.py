"""What a project declares, from its YAML alone: the tables of each schema, and what flows from where to where."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.desired.build import Desired, build
from engagectl.errors import UsageError
from engagectl.model.feed import Feed
from engagectl.model.schema import Table
from engagectl.warehouses.registry import warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSchema:
    """`every_s` is the shortest schedule of the feeds that load it; None where they have none of that form."""

    warehouse: str
    name: str
    tables: tuple[Table, ...]
    every_s: int | None


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` are addresses, `edges` lead from what is read to what is written. Both are sorted."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


def declared_schemas(project: Project) -> tuple[DeclaredSchema, ...]:
    """Return the schemas of the target's warehouses, those that Segment loads included."""
    found = []
    for id_, desired in desired_states(project):
        tables = (*desired.state.tables, *desired.watched.tables)
        for name in sorted({table.name.schema for table in tables}):
            timed = [feed for feed in desired.feeds if feed.schedule.trigger == "schedule"]
            schedules = [
                feed.schedule.every_s
                for feed in timed
                if feed.schedule.every_s and any(table.name.schema == name for table in feed.tables)
            ]
            found.append(
                DeclaredSchema(
                    warehouse=id_,
                    name=name,
                    tables=tuple(sorted((t for t in tables if t.name.schema == name), key=lambda t: t.name)),
                    every_s=min(schedules, default=None),
                )
            )
    return tuple(found)


def graph(project: Project) -> Graph:
    """Return inputs, sources, computations, feeds and tables, and what flows between them."""
    edges = set(_inputs(project))
    for id_, desired in desired_states(project):
        for feed in desired.feeds:
            address = str(feed.address)
            edges.add((f"source.{feed.space}.{feed.source}", address))
            edges |= {(computation, address) for computation in _computations(project, feed)}
            edges |= {(address, f"{id_}/table.{table.name}") for table in feed.tables}
    return Graph(tuple(sorted({node for edge in edges for node in edge})), tuple(sorted(edges)))


def desired_states(project: Project) -> Iterator[tuple[str, Desired]]:
    wanted = dict.fromkeys(project.roles.values())
    unknown = [name for name in project.only if name not in wanted]
    if unknown:
        raise UsageError(f"warehouse {unknown[0]!r} is not in this target", help=f"warehouses: {', '.join(wanted)}")
    for id_ in wanted:
        if not project.only or id_ in project.only:
            yield id_, build(project, id_, warehouse(project.spec.warehouses[id_].type))


def _inputs(project: Project) -> Iterator[tuple[str, str]]:
    for space, spec in project.spec.spaces.items():
        for name, source in spec.sources.items():
            if isinstance(source.input, InputSpec):
                yield f"input.{space}.{name}", f"source.{space}.{name}"
            elif source.input is not None:
                yield f"input.{source.input}", f"source.{space}.{name}"


def _computations(project: Project, feed: Feed) -> Iterator[str]:
    """Give the traits, audiences and journeys that a feed carries; `users` holds all of its space."""
    spec = project.spec
    match feed.kind:
        case "activation":
            activation = spec.activations[feed.id]
            if activation.audience:
                yield f"audience.{activation.audience}"
            if activation.journey:
                yield f"journey.{activation.journey}"
        case "connection":
            for item in spec.connections[feed.id].send:
                for word, globs, known in (
                    ("trait", item.traits, spec.traits),
                    ("audience", item.audiences, spec.audiences),
                ):
                    for name, one in known.items():
                        if one.space == feed.space and any(fnmatchcase(name, glob) for glob in globs):
                            yield f"{word}.{name}"
        case _:
            yield from (f"trait.{name}" for name, one in spec.traits.items() if one.space == feed.space)
            yield from (f"audience.{name}" for name, one in spec.audiences.items() if one.space == feed.space)
