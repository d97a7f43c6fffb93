"""What a feed fills from now on and has not in the rows that it wrote before: EC304."""

from collections.abc import Iterable, Iterator

from engagectl.model.feed import Feed
from engagectl.planner.renamed import Renamed
from engagectl.planner.seen import Seen, fed_cells
from engagectl.risk import Judged, prior_of

_NAMED = 3


def judge_gaps(feeds: Iterable[Feed], seen: Seen, names: Renamed, *, is_live: bool) -> Iterator[Judged]:
    """Yield EC304 per feed that has read something: which cells, from when to when, and the command that closes it.

    Without a warehouse (`is_live` False) nobody knows what was read: then the times are left out.
    """
    for feed in feeds:
        before = prior_of(feed, seen.prior)
        if before is None or before.tables == feed.tables:
            continue
        until = seen.read_to.get((before.kind, before.id))
        if is_live and until is None:
            continue
        added = sorted(fed_cells(feed) - {names.cell(cell) for cell in fed_cells(before)})
        stopped = {names.cell(cell): since for cell, since in before.stopped}
        for since in sorted({stopped.get(cell, "") for cell in added}):
            cells = [cell for cell in added if stopped.get(cell, "") == since]
            more = f" and {len(cells) - _NAMED} more" if len(cells) > _NAMED else ""
            yield Judged(
                code="EC304",
                severity="info",
                message=f"{feed.address} fills {', '.join(cells[:_NAMED])}{more} from its next sync on"
                + (f"; {_gap(since, until)} stays without" if until is not None else ""),
                address=feed.address,
                origin=feed.origin,
                help=(f"to close the gap: engagectl sync --reread --select {feed.address}",),
            )


def _gap(since: str, until: str) -> str:
    return f"what it read from {since} to {until}" if since else f"what it read up to {until}"
