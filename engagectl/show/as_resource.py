"""One thing of the project whole: what the YAML says, and the feeds and tables that come of it in each warehouse."""

from typing import Any

from engagectl.config.locate import closest
from engagectl.config.project import Project
from engagectl.desired.build import build
from engagectl.errors import UsageError
from engagectl.model.address import Address, parse_address
from engagectl.model.column_type import type_text
from engagectl.warehouses.registry import warehouse

# the word of an address -> the map of the YAML
KINDS = {
    "space": "spaces",
    "trait": "traits",
    "audience": "audiences",
    "journey": "journeys",
    "connection": "connections",
    "activation": "activations",
}


def resource(project: Project, address: str) -> dict[str, Any]:
    """Return plain data on a declared thing, a feed or a table. Raises UsageError when there is none."""
    try:
        wanted = parse_address(address)
    except ValueError:
        raise UsageError(f"{address} is not an address", help="write KIND.NAME, such as activation.vip") from None
    found: dict[str, Any] = {"address": address}
    declared = KINDS.get(wanted.kind)
    things = getattr(project.spec, declared) if declared else {}
    if declared and wanted.name in things:
        found["owner"] = project.owner(declared, wanted.name)
        found["place"] = str(project.place(project.origin(declared, wanted.name), key=True))
        found["yaml"] = things[wanted.name].model_dump(mode="json", by_alias=True, exclude_unset=True)
    for id_ in dict.fromkeys(project.roles.values()):
        if wanted.warehouse in ("", id_):
            _in_warehouse(project, id_, wanted, found)
    if len(found) == 1:
        known = [f"{kind}.{name}" for kind, map_ in KINDS.items() for name in getattr(project.spec, map_)]
        for id_ in dict.fromkeys(project.roles.values()):
            desired = build(project, id_, warehouse(project.spec.warehouses[id_].type))
            known += [f"table.{table.name}" for table in desired.state.tables]
        meant = closest(address, known)
        advice = f"did you mean {meant}?" if meant else f"kinds: {', '.join(KINDS)}, users, table"
        raise UsageError(f"nothing is declared as {address}", help=advice)
    return found


def _in_warehouse(project: Project, id_: str, wanted: Address, found: dict[str, Any]) -> None:
    desired = build(project, id_, warehouse(project.spec.warehouses[id_].type))
    subjects = {f"{wanted.kind}.{wanted.name}"}
    feeds = [feed for feed in desired.feeds if str(feed.address) in subjects]
    if feeds:
        found.setdefault("feeds", []).extend(
            {
                "warehouse": id_,
                "feed": str(feed.address),
                "excluded_by": feed.excluded_by,
                "tables": [str(table.name) for table in feed.tables],
                "settings": dict(feed.settings),
            }
            for feed in feeds
        )
    tables = [
        table
        for table in desired.state.tables
        if (wanted.kind == "table" and str(table.name) == wanted.name) or subjects & set(table.fed_by)
    ]
    if tables:
        found.setdefault("tables", []).extend(
            {
                "warehouse": id_,
                "table": str(table.name),
                "fed_by": list(table.fed_by),
                "columns": {column.name: type_text(column.type) for column in table.columns},
            }
            for table in tables
        )
