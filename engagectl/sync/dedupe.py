"""Which messages were loaded before: by id, for all time or within a window of days.

A message is a duplicate when one of its id, read before it, gave a row and was received in the window before it, or
later. So with a window the messages of one id and chunk are decided one after the other; repeats that no stored id can
change are decided before (chunk.py).
"""

from collections.abc import Iterable, Sequence

from engagectl.sync.chunk import Work
from engagectl.sync.stage import JUDGED, Stage
from engagectl.warehouses.contract import Loader

_LATER = "later"
"""The outcome of a message until those of its id before it are decided."""
_TURN = "turn"


def deduplicate(stage: Stage, loader: Loader, works: Iterable[Work]) -> None:
    """Remember the ids of what loads, and turn what was known into duplicates."""
    deduped = [work for work in works if work.feed.kind != "users"]
    several = [work for work in deduped if work.window is not None and _put_off(stage, work)]
    _remember(stage, loader, deduped, "load")
    while several:
        several = [work for work in several if _begin_turn(stage, work)]
        _remember(stage, loader, several, _TURN)
        for work in several:
            _end_turn(stage, work)


def _put_off(stage: Stage, work: Work) -> bool:
    """Let all but the first message of each id wait; tell whether some do."""
    stage.handle.execute(
        f"UPDATE {JUDGED} SET {work.outcome} = '{_LATER}' WHERE {work.outcome} = 'load' AND line_no NOT IN"
        f" (SELECT min(line_no) FROM {JUDGED} WHERE {work.outcome} = 'load' GROUP BY hash)"
    )
    ((waiting,),) = stage.handle.execute(f"SELECT count(*) FROM {JUDGED} WHERE {work.outcome} = '{_LATER}'").fetchall()
    return bool(waiting)


def _begin_turn(stage: Stage, work: Work) -> bool:
    """Take the next message of each id that waits; tell whether there are some.

    Days rise from one to the next, so one that is within the window of what was just loaded needs no look.
    """
    run, own, days = stage.handle.execute, work.outcome, 0 if work.window is None else work.window.days
    run(
        f"UPDATE {JUDGED} SET {own} = 'duplicate' FROM (SELECT hash AS h, max(day) AS last FROM {JUDGED}"
        f" WHERE {own} = 'load' GROUP BY hash) WHERE {own} = '{_LATER}' AND hash = h AND day <= last + {days}"
    )
    run(
        f"UPDATE {JUDGED} SET {own} = '{_TURN}' WHERE line_no IN"
        f" (SELECT min(line_no) FROM {JUDGED} WHERE {own} = '{_LATER}' GROUP BY hash)"
    )
    ((taken,),) = run(f"SELECT count(*) FROM {JUDGED} WHERE {own} = '{_TURN}'").fetchall()
    return bool(taken)


def _end_turn(stage: Stage, work: Work) -> None:
    stage.handle.execute(f"UPDATE {JUDGED} SET {work.outcome} = 'load' WHERE {work.outcome} = '{_TURN}'")


def _remember(stage: Stage, loader: Loader, works: Sequence[Work], outcome: str) -> None:
    """Remember the ids of the messages of one outcome; those that were known are duplicates."""
    windowed = [work for work in works if work.window is not None]
    others = [work for work in works if work.window is None]
    # an id has one day in what a loader is told
    together = [[work] for work in windowed] if _differ(stage, windowed, outcome) else [windowed]
    for some in [others + together[0], *together[1:]]:
        _remember_together(stage, loader, some, outcome)


def _differ(stage: Stage, works: Sequence[Work], outcome: str) -> bool:
    """Tell whether feeds take messages of one id that were received on several days."""
    if len(works) < 2:
        return False
    rows = " UNION ALL ".join(f"SELECT hash, day FROM {work.outcomes} WHERE outcome = '{outcome}'" for work in works)
    differ = f"SELECT 1 FROM ({rows}) GROUP BY hash HAVING min(day) <> max(day) LIMIT 1"
    return bool(stage.handle.execute(differ).fetchall())


def _remember_together(stage: Stage, loader: Loader, works: Sequence[Work], outcome: str) -> None:
    if not works:
        return
    windows = [work.window for work in works if work.window is not None]
    rows = " UNION ALL ".join(
        f"SELECT {work.part} AS part, hash, {'day' if windows else 'NULL AS day'}, CAST({work.mask} AS BIGINT) AS mask"
        f" FROM {work.outcomes} WHERE outcome = '{outcome}'"
        for work in works
    )
    stage.handle.execute(
        "CREATE OR REPLACE TEMP TABLE ec_ids AS SELECT CAST(part AS SMALLINT) AS part, hash,"
        f" CAST(max(day) AS INTEGER) AS day, CAST(bit_or(mask) AS BIGINT) AS mask FROM ({rows}) GROUP BY part, hash"
    )
    if loader.remember("ec_ids", "ec_known", windows):
        for work in works:
            stage.handle.execute(
                f"UPDATE {JUDGED} SET {work.outcome} = 'duplicate' WHERE {work.outcome} = '{outcome}'"
                f" AND hash IN (SELECT hash FROM ec_known WHERE part = {work.part} AND mask & {work.mask} <> 0)"
            )
