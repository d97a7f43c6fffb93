"""One trial of each kind: hurt a sync, an apply or another command, look at what is left, run it again, look again."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import engagectl_crash as trap

from engagectl import api
from tests import embedded
from tests.crash.autocommit import apply_without_transactions
from tests.crash.fork import Ended, Say, result, run, start
from tests.crash.look import problems
from tests.crash.world import CHANGED, WIDE, World, with_work

SIGKILL = 9
PATIENCE_S = 100.0  # for a lock that somebody alive holds: this machine may do other work too


class NotReached(Exception):  # noqa: N818  no error of the product: there was nothing to hurt
    """The work ended before the point came up so often."""


def passes_of(work: Callable[[Say], object]) -> list[str]:
    """Return the points that some work goes by, in order."""

    def told(say: Say) -> list[str]:
        work(say)
        return trap.passed()

    return list(result(told))


def killed(work: Callable[[Say], object], point: str, nth: int) -> Ended:
    """Kill some work when it goes by a point for the nth time."""
    ended = run(with_work(lambda: trap.arm(point, nth), work))
    if ended.signal != SIGKILL:
        raise NotReached(f"{point}:{nth} was never reached: {ended.failed}")
    return ended


def after(world: World, ended: Ended) -> list[str]:
    """Return what is wrong after a hurt sync: as it stands, and after one more sync that must say all is done."""
    found = problems(world, ended.acknowledged, complete=False)
    begun = time.monotonic()
    world.chunk_bytes = world.resume_bytes
    again = run(world.sync)
    if again.failed or again.signal:
        return [
            *found,
            f"the next sync failed after {time.monotonic() - begun:.1f} s: {_last(again.failed)}",
        ]
    found += problems(world, [*ended.acknowledged, *again.acknowledged], complete=True)
    return found + _nothing_more(world)


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _nothing_more(world: World) -> list[str]:
    return [f"one more sync inserted {third} messages again"] if (third := result(world.sync)) else []


def killed_sync(world: World, point: str, nth: int) -> list[str]:
    return after(world, killed(world.sync, point, nth))


def killed_at_a_time(world: World, seed: int, longest_s: float) -> list[str]:
    child = start(world.sync)
    time.sleep(random.Random(seed).random() * longest_s)  # noqa: S311  a repeatable moment
    child.kill()
    return after(world, child.wait())


def server_stopped(world: World, data: Path, point: str, nth: int) -> list[str]:
    """The server crashes at a point and is there again when the sync goes on."""
    return after(world, run(with_work(lambda: trap.arm(point, nth, lambda: embedded.restart(data)), world.sync)))


def server_stopped_at_a_time(world: World, data: Path, seed: int, longest_s: float) -> list[str]:
    child = start(world.sync)
    time.sleep(random.Random(seed).random() * longest_s)  # noqa: S311  a repeatable moment
    embedded.restart(data)
    return after(world, child.wait())


def two_at_once(world: World, seed: int = 0) -> list[str]:
    first, second = (start(lambda say: world.sync(say, lock_timeout_s=PATIENCE_S)) for _ in range(2))
    ends = [first.wait(), second.wait()]
    failed = [end.failed for end in ends if end.failed]
    ended = Ended(acknowledged=[one for end in ends for one in end.acknowledged])
    return [f"one of two syncs failed: {_last(text)}" for text in failed] + after(world, ended)


def apply_during_sync(world: World, seed: int = 0) -> list[str]:
    syncing = start(world.sync)
    syncing.has_spoken()
    world.write(CHANGED)
    world.late = "activation.more"
    applying = run(world.apply)
    ended = syncing.wait()
    failed = [end.failed for end in (ended, applying) if end.failed]
    return [f"failed: {_last(text)}" for text in failed] + after(world, ended)


def killed_first_apply(world: World, point: str, nth: int) -> list[str]:
    """Kill an apply to an empty database: the next one makes everything, the journal included, and sync can load."""
    killed(world.apply, point, nth)
    if (again := run(world.apply)).failed:
        return [f"the next apply failed: {_last(again.failed)}"]
    return result(lambda _: _unsettled(world)) + after(world, Ended())


def killed_apply(world: World, point: str, nth: int) -> list[str]:
    """Kill the apply of a changed project over loaded tables: rows survive, and apply again converges."""
    before = result(lambda _: _rows(world))
    world.write(CHANGED)
    killed(world.apply, point, nth)
    return problems(world, [], complete=False) + _converges(world, before)


def killed_apply_over_an_old_journal(world: World, point: str, nth: int) -> list[str]:
    """The same where the journal is one of an older engagectl, which apply brings to today's form first."""
    before = result(lambda _: _rows(world))
    result(lambda _: _age_journal(world))
    world.write(CHANGED)
    killed(world.apply, point, nth)
    return _converges(world, before)


def killed_apply_without_transactions(world: World, point: str, nth: int) -> list[str]:
    """The same where DDL is in no transaction: what was done stays done, and between two steps nothing is promised."""
    before = result(lambda _: _rows(world))
    world.write(CHANGED)
    killed(lambda _: apply_without_transactions(world.house.project), point, nth)
    return _converges(world, before, apply=lambda _: apply_without_transactions(world.house.project))


def killed_replay(world: World, point: str, nth: int) -> list[str]:
    """Kill a replay of what became storable: what is put back is in quarantine no more, and all of it is, once."""
    world.write(WIDE)
    result(world.apply)
    killed(world.replay, point, nth)
    found = problems(world, [], complete=True, waits=True)
    if (again := run(world.replay)).failed:
        return [*found, f"the next replay failed: {_last(again.failed)}"]
    if third := result(world.replay):
        found.append(f"one more replay put back {third} entries again")
    return found + problems(world, [], complete=True) + _nothing_more(world)


def killed_purge(world: World, point: str, nth: int) -> list[str]:
    killed(world.purge, point, nth)
    found = problems(world, [], complete=True, purged=point == "purge.forgotten")
    result(world.purge)
    return found + _nothing_more(world) + problems(world, [], complete=True, purged=True)


def killed_erase(world: World, point: str, nth: int) -> list[str]:
    """Kill an erase: the person is there whole or gone whole, gone after the next erase, and does not come back."""
    world.gone = "u1"
    is_done = point in ("erase.committed", "erase.scrubbed") or point.startswith("scrub.")
    killed(world.erase, point, nth)
    found = problems(world if is_done else _with_everybody(world), [], complete=True)
    if (again := run(world.erase)).failed:
        return [*found, f"the next erase failed: {_last(again.failed)}"]
    result(lambda say: world.sync(say, reread=True))
    return found + problems(world, [], complete=True, reread=True)


def _with_everybody(world: World) -> World:

    return replace(world, gone="")


def _converges(world: World, before: object, *, apply: Callable[[Say], object] | None = None) -> list[str]:
    if (again := run(apply or world.apply)).failed:
        return [f"the next apply failed: {_last(again.failed)}"]
    found = [] if result(lambda _: _rows(world)) == before else ["rows changed"]
    return found + result(lambda _: _unsettled(world)) + after(world, Ended())


def _age_journal(world: World) -> None:
    """Take out of the journal what its second version brought."""
    for sql in (
        "ALTER TABLE engagectl.feeds DROP COLUMN digest",
        "ALTER TABLE engagectl.checkpoints DROP COLUMN version",
        "UPDATE engagectl.meta SET content = '1' WHERE item = 'version'",
    ):
        world.house.execute(sql)


def _rows(world: World) -> object:
    """Count the rows, and the values of a renamed and widened column, whatever their names are now."""
    house = world.house
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        names = {name for (name,) in connection.query("SELECT column_name FROM information_schema.columns")}
        revenue = "income" if "income" in names else "revenue"
        tables = {name for (name,) in connection.query("SELECT table_name FROM information_schema.tables")}
        log = "vip_log" if "vip_log" in tables else "log"
        return [
            connection.query(f"SELECT id, CAST({revenue} AS DECIMAL(30, 6)) FROM engage_default.users ORDER BY 1"),
            connection.query(f"SELECT id, CAST({revenue} AS DECIMAL(30, 6)) FROM engage_default.identifies ORDER BY 1"),
            connection.query(f'SELECT id FROM "default".{log} ORDER BY 1'),
        ]


def _unsettled(world: World) -> list[str]:
    house = world.house
    return [f"plan is not empty: {step.address}" for step in house.plan().steps] + [
        f"drift: {step.address}" for step in house.drift().steps
    ]
