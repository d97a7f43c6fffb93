"""Which feeds a warehouse can load by itself, and why another one cannot."""

from engagectl.model.column_type import Boolean, Date, Decimal, Float, Integer, Json, Native, Text, Timestamp
from engagectl.model.feed import Feed, FeedColumn
from engagectl.sync.landing.fits import STEPS


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
