"""Which feeds a warehouse loads by itself from a store that it reaches, and why it cannot load another."""

from collections.abc import Iterator

from engagectl.config.project import Project
from engagectl.config.space import InputSpec
from engagectl.desired.build import Desired
from engagectl.model.address import Address
from engagectl.model.column_type import Boolean, Date, Decimal, Float, Integer, Json, Native, Text, Timestamp
from engagectl.model.feed import Feed, FeedColumn
from engagectl.model.plan import Noted

STEPS = frozenset({"trim", "lower", "upper", "sha256"})
"""The transforms that are the same in every engine, for a text of ASCII."""


def noted_landings(desired: Desired, project: Project, title: str) -> Iterator[Noted]:
    """Yield how each feed is loaded whose objects the warehouse reaches."""
    urls = [url for url, _ in project.spec.warehouses[desired.warehouse].landings]
    for feed in desired.feeds if urls else ():
        given = project.spec.spaces[feed.space].sources[feed.source].input
        found = given if isinstance(given, InputSpec) or given is None else project.spec.inputs.get(given)
        if found is None or not any(name.startswith(url) for name in found.files for url in urls):
            continue
        why = why_not(feed)
        yield Noted(
            kind="landing",
            address=Address(feed.kind, feed.id, warehouse=desired.warehouse),
            detail=f"its objects pass through this machine: {why}" if why else f"{title} loads its objects itself",
        )


def why_not(feed: Feed) -> str:
    """Return why only the client can load a feed; "" where the warehouse can, too."""
    if feed.dedupe_window_s is not None:
        return "it has a dedupe_window"
    if feed.null_erases and feed.kind == "users":
        return "its nulls erase"
    for table in feed.tables:
        for column in table.columns if table.fed else ():
            if column.fed and (why := _why_not(feed, column)):
                return f"{table.name}.{column.name} {why}"
    return ""


def _why_not(feed: Feed, column: FeedColumn) -> str:
    if isinstance(column.type, Native):
        return "has a type of its own"
    if isinstance(column.stored, Text) and isinstance(
        column.type, Boolean | Integer | Float | Decimal | Timestamp | Date
    ):
        return "was widened to text"
    if column.mobile and not all(sent.mobile_ids for sent in feed.sent):
        return "is filled for some computations only"
    if column.transforms and not (isinstance(column.type, Text) and {step.name for step in column.transforms} <= STEPS):
        return "has a transform that the client makes"
    if feed.kind == "users" and isinstance(column.type, Json):
        return "holds documents, which the client compares"
    return ""
