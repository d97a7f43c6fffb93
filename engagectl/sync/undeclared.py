"""What a chunk holds that the applied state does not name: counted, or its values staged for the quarantine."""

import json
from collections.abc import Iterator, Sequence

from engagectl.journal.undeclared import Undeclared
from engagectl.model.feed import AtPath, Feed, InBody
from engagectl.model.names import stored_name
from engagectl.sync.route import STANDARD_NAMES
from engagectl.sync.sql.quoting import literal, one_of, pointer
from engagectl.sync.stage import LINES, LISTS, Stage, alternatives

VALUES = "ec_undeclared"
KEYS_MAX = 1000
"""So many keys of a kind are told apart in a chunk; what comes beyond is counted together."""
OTHERS = "(others)"
_SAMPLED = 16
_SAMPLE_FROM = 4_000
_AT = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"


def find(stage: Stage, number: int, feed: Feed, outcomes: str, *, counts_computations: bool) -> list[Undeclared]:
    """Count what one feed met undeclared. Computations are counted by the connection of their source; where none
    reads, `counts_computations` asks an activation to.
    """
    found: list[Undeclared] = []
    if feed.kind == "connection":
        found += _keys(stage, number, feed, outcomes)
        found += _events(stage, number, feed, outcomes)
        found += _context(stage, number, feed)
    if feed.kind == "connection" or (feed.kind == "activation" and counts_computations):
        found += _computations(stage, number, outcomes)
    return found


def unnamed(
    feed: Feed, raw_keys: tuple[str, ...], *, with_added: bool = True
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the raw body keys that nothing of this feed names, and those that clash with a standard column.

    Keys of columns that sync added are named too, unless asked otherwise.
    """
    known = {"audience_key", "trait_key", *feed.retired, *(key for item in feed.declared for key in item.keys)}
    known |= {k for t in feed.tables for c in t.columns if isinstance(c.value, InBody) for k in c.value.keys}
    columns = [column for table in feed.tables for column in table.columns]
    taken = STANDARD_NAMES | {c.name for c in columns if isinstance(c.value, AtPath) and not c.added_by_sync}
    added = {
        path[1]
        for column in columns
        if with_added and column.added_by_sync and isinstance(column.value, AtPath)
        for path in column.value.paths
        if path[0] != "context"
    }
    rest = [(raw, name) for raw in raw_keys if (name := stored_name(raw)) not in known and raw not in added]
    return tuple(raw for raw, name in rest if name not in taken), tuple(raw for raw, name in rest if name in taken)


def _loading(outcomes: str) -> str:
    """Which messages count: those that load, and those that came for nothing but undeclared keys."""
    return (
        f"ec_messages AS m JOIN {outcomes} AS o ON o.line_no = m.line_no AND"
        " (o.outcome = 'load' OR (o.outcome = 'f:undeclared' AND o.computation IS NULL))"
    )


def _held(keys: Sequence[str], outcomes: str) -> str:
    """Return the messages that count with each of these keys that they hold, by their lists of keys."""
    listed = f"(SELECT h, unnest(k) AS k FROM {LISTS})"
    return f"{_loading(outcomes)} JOIN {listed} AS l ON l.h = m.body_keys WHERE {one_of('l.k', keys)}"


def _keys(stage: Stage, number: int, feed: Feed, outcomes: str) -> Iterator[Undeclared]:
    free, clashing = unnamed(feed, stage.raw_keys)
    for keys, kind in ((free, "CASE m.type WHEN 'track' THEN 'property' ELSE 'trait' END"), (clashing, "'clash'")):
        if keys:
            yield from _counted(
                stage,
                number,
                f"SELECT {kind} AS kind, k, lower(json_type(m.body, {_AT})) AS kinds, m.received_at"
                f" FROM {_held(keys, outcomes)}",
            )


def _events(stage: Stage, number: int, feed: Feed, outcomes: str) -> Iterator[Undeclared]:
    known = sorted({name for sent in feed.sent for rule in sent.events for name in rule.names})
    yield from _counted(
        stage,
        number,
        f"SELECT 'event' AS kind, event AS k, '' AS kinds, received_at FROM {outcomes}"
        " WHERE outcome = 'f:not_routed' AND type = 'track' AND event IS NOT NULL"
        f" AND NOT {one_of('event', known)}",
    )


def _computations(stage: Stage, number: int, outcomes: str) -> Iterator[Undeclared]:
    yield from _counted(
        stage,
        number,
        f"SELECT 'computation' AS kind, computation AS k, '' AS kinds, received_at FROM {outcomes}"
        " WHERE outcome = 'f:undeclared' AND computation IS NOT NULL",
    )


def _counted(stage: Stage, number: int, rows: str) -> Iterator[Undeclared]:
    """Count rows of (kind, k, kinds, received_at) per kind and key, the most frequent by name."""
    shown = "substr(replace(k, chr(0), '\\u0000'), 1, 500)"
    for kind, key, kinds, messages, first, last in stage.handle.execute(
        f"SELECT kind, CASE WHEN place <= {KEYS_MAX} THEN k ELSE {literal(OTHERS)} END AS k,"
        " list_sort(list_distinct(flatten(list(kinds)))), CAST(sum(n) AS BIGINT), min(a), max(b) FROM (SELECT *,"
        " row_number() OVER (PARTITION BY kind ORDER BY n DESC, k) AS place FROM"
        f" (SELECT kind, {shown} AS k, list(DISTINCT kinds) AS kinds, count(*) AS n, {_when('min(received_at)')} AS a,"
        f" {_when('max(received_at)')} AS b FROM ({rows}) AS m GROUP BY 1, 2)) GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall():
        types = ",".join(kind for kind in kinds if kind)
        yield Undeclared(
            feed=number, kind=kind, key=key, types=types, messages=messages, first_at=first or "", last_at=last or ""
        )


def _when(instant: str) -> str:
    return f"strftime(timezone('UTC', {instant}), '%Y-%m-%dT%H:%M:%S.%fZ')"


def stage_values(stage: Stage, feed: Feed, outcomes: str) -> None:
    """Stage the values of undeclared keys of messages that load as (line_no, k, v)."""
    free, _ = unnamed(feed, stage.raw_keys)
    stage.handle.execute(
        f"CREATE OR REPLACE TEMP TABLE {VALUES} AS SELECT m.line_no, k, CAST(json_extract(m.body, {_AT})"
        f" AS VARCHAR) AS v FROM {_held(free, outcomes)}"
    )


def _context(stage: Stage, number: int, feed: Feed) -> Iterator[Undeclared]:
    """Name the context paths that no column takes, once per chunk; a large chunk is looked at in every 16th line.

    Many lines share a context: the structure of each is found once.
    """
    known = {
        path[1:]
        for table in feed.tables
        for column in table.columns
        if isinstance(column.value, AtPath)
        for path in alternatives(column.value)
        if path[0] == "context"
    }
    at = literal(pointer(stage.shape.path(("context",))))
    ((lines,),) = stage.handle.execute("SELECT count(*) FROM ec_message").fetchall()
    every = _SAMPLED if lines > _SAMPLE_FROM else 1
    ((structure, first, last),) = stage.handle.execute(
        f"SELECT CAST(json_group_structure(c) AS VARCHAR), {_when('min(a)')}, {_when('max(b)')} FROM"
        f" (SELECT json_extract(l.line, {at}) AS c, min(m.received_at) AS a, max(m.received_at) AS b FROM"
        f" (SELECT * FROM {LINES} WHERE line_no % {every} = 0) AS l JOIN"
        f" (SELECT line_no, received_at FROM ec_messages WHERE broken IS NULL AND line_no % {every} = 0) AS m"
        " ON l.line_no = m.line_no GROUP BY 1)"
    ).fetchall()
    found = json.loads(structure) if structure else None
    paths = sorted(path for path in _leaves(found, ()) if path not in known) if isinstance(found, dict) else []
    for path in paths[:KEYS_MAX]:
        yield Undeclared(
            feed=number,
            kind="context",
            key=".".join(path).replace("\0", "\\u0000")[:500],
            types="",
            messages=1,
            first_at=first or "",
            last_at=last or "",
        )


def _leaves(structure: object, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(structure, dict):
        for name, inner in structure.items():
            yield from _leaves(inner, (*at, name))
    else:
        yield at
