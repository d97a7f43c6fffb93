"""One trial of each kind: hurt a sync or an apply, look at what is left, run it again, look again."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import engagectl_crash as trap

from engagectl import api
from engagectl.failpoint import POINTS
from tests import embedded
from tests.crash.fork import Ended, Say, result, run, start
from tests.crash.look import problems
from tests.crash.world import CHANGED, World, with_work

SYNC_POINTS = sorted(point for point in POINTS if not point.startswith("apply."))
APPLY_POINTS = sorted(point for point in POINTS if point.startswith("apply."))
SIGKILL = 9


def passes_of(work: Callable[[Say], object]) -> list[str]:
    """Return the points that some work goes by, in order."""

    def told(say: Say) -> list[str]:
        work(say)
        return trap.passed()

    return list(result(told))


def after(world: World, ended: Ended) -> list[str]:
    """Return what is wrong after a hurt sync: as it stands, and after one more sync that must say all is done."""
    found = problems(world, ended.acknowledged, complete=False)
    begun = time.monotonic()
    again = run(world.sync)
    if again.failed or again.signal:
        return [
            *found,
            f"the next sync failed after {time.monotonic() - begun:.1f} s: {again.failed.splitlines()[-1:]}",
        ]
    found += problems(world, [*ended.acknowledged, *again.acknowledged], complete=True)
    if (third := result(world.sync)) != 0:
        found.append(f"one more sync inserted {third} messages again")
    return found


def killed_sync(world: World, point: str, nth: int) -> list[str]:
    ended = run(with_work(lambda: trap.arm(point, nth), world.sync))
    if ended.signal != SIGKILL:
        return [f"{point}:{nth} was never reached: {ended.failed}"]
    return after(world, ended)


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


def two_at_once(world: World) -> list[str]:
    first, second = start(world.sync), start(world.sync)
    ends = [first.wait(), second.wait()]
    failed = [end.failed for end in ends if end.failed]
    ended = Ended(acknowledged=[one for end in ends for one in end.acknowledged])
    return [f"one of two syncs failed: {text}" for text in failed] + after(world, ended)


def apply_during_sync(world: World) -> list[str]:
    syncing = start(world.sync)
    syncing.has_spoken()
    world.write(CHANGED)
    world.late = "activation.more"
    applying = run(world.apply)
    ended = syncing.wait()
    failed = [end.failed for end in (ended, applying) if end.failed]
    return [f"failed: {text.strip().splitlines()[-1]}" for text in failed] + after(world, ended)


def killed_apply(world: World, point: str, nth: int) -> list[str]:
    """Kill the apply of a changed project over loaded tables: rows survive, and apply again converges."""
    before = result(lambda _: _rows(world))
    world.write(CHANGED)
    ended = run(with_work(lambda: trap.arm(point, nth), world.apply))
    if ended.signal != SIGKILL:
        return [f"{point}:{nth} was never reached: {ended.failed}"]
    found = problems(world, [], complete=False)
    again = run(world.apply)
    if again.failed:
        return [*found, f"the next apply failed: {again.failed}"]
    if result(lambda _: _rows(world)) != before:
        found.append("rows changed")
    found += result(lambda _: _unsettled(world))
    return found + after(world, Ended())


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


Fresh = Callable[[int], AbstractContextManager[World]]
