"""One thing of the project whole: what the YAML says, and the feeds and tables that come of it in each warehouse."""

from collections.abc import Iterator
from typing import Any

from engagectl.config.locate import closest
from engagectl.config.project import Project
from engagectl.desired.build import Desired, build
from engagectl.errors import UsageError
from engagectl.model.address import Address, parse_address
from engagectl.model.column_type import type_text
from engagectl.model.feed import FeedColumn, FeedTable
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
            known += [f"table.{table.name}" for table in (*desired.state.tables, *desired.watched.tables)]
        meant = closest(address, known)
        advice = f"did you mean {meant}?" if meant else f"kinds: {', '.join(KINDS)}, source, users, table, column"
        raise UsageError(f"nothing is declared as {address}", help=advice)
    return found


def _in_warehouse(project: Project, id_: str, wanted: Address, found: dict[str, Any]) -> None:
    desired = build(project, id_, warehouse(project.spec.warehouses[id_].type))
    subject = f"{wanted.kind}.{wanted.name}"
    feeds = [feed for feed in desired.feeds if subject in (str(feed.address), f"source.{feed.space}.{feed.source}")]
    told: dict[str, list[dict[str, Any]]] = {
        "feeds": [
            {
                "warehouse": id_,
                "feed": str(feed.address),
                "excluded_by": feed.excluded_by,
                "tables": [str(table.name) for table in feed.tables],
                "settings": dict(feed.settings),
            }
            for feed in feeds
        ],
        "tables": [
            {
                "warehouse": id_,
                "table": str(table.name),
                "managed_by": managed_by,
                "fed_by": list(table.fed_by),
                "columns": {column.name: type_text(column.type) for column in table.columns},
            }
            for managed_by, tables in (("engagectl", desired.state.tables), ("segment", desired.watched.tables))
            for table in tables
            if subject == f"table.{table.name}" or subject in table.fed_by
        ],
        "columns": list(_columns(id_, desired, subject)),
        "selective_sync": list(_kept_back(id_, desired, subject)),
    }
    for key, values in told.items():
        if values:
            found.setdefault(key, []).extend(values)


def _columns(id_: str, desired: Desired, subject: str) -> Iterator[dict[str, Any]]:
    """Give the columns that are meant by their address, or that a trait or audience feeds."""
    for table in (*desired.state.tables, *desired.watched.tables):
        for column in table.columns:
            if subject == f"column.{table.name}.{column.name}" or subject in column.fed_by:
                yield {
                    "warehouse": id_,
                    "column": f"{table.name}.{column.name}",
                    "type": type_text(column.type),
                    "fed_by": list(column.fed_by or table.fed_by),
                }


def _kept_back(id_: str, desired: Desired, subject: str) -> Iterator[dict[str, Any]]:
    """Give what selective sync does not feed of what is meant, and the rule that decided."""
    for feed in desired.feeds:
        mine = subject in (str(feed.address), f"source.{feed.space}.{feed.source}")
        for table in feed.tables:
            of_table = mine or subject == f"table.{table.name}"
            if not table.fed and (of_table or any(_is_meant(subject, table, one) for one in table.columns)):
                yield _rule(id_, f"table.{table.name}", table.decided_by)
            for column in table.columns:
                if table.fed and not column.fed and (of_table or _is_meant(subject, table, column)):
                    yield _rule(id_, f"column.{table.name}.{column.name}", column.decided_by)


def _is_meant(subject: str, table: FeedTable, column: FeedColumn) -> bool:
    return subject in (column.subject, f"column.{table.name}.{column.name}")


def _rule(id_: str, address: str, rule: str) -> dict[str, Any]:
    return {"warehouse": id_, "excluded": address, "by": rule or "the default"}
