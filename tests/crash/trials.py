"""One trial of each kind: hurt a sync, an apply or another command, look at what is left, run it again, look again."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import engagectl_crash as trap

from engagectl import api
from tests import embedded
from tests.crash.autocommit import apply_without_transactions
from tests.crash.fork import Ended, Say, result, run, start
from tests.crash.look import look, problems
from tests.crash.world import CHANGED, World, with_work

SIGKILL = 9


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
    return result(lambda _: _going_on(world, ended.acknowledged))  # type: ignore[no-any-return]  # its list


def _going_on(world: World, acknowledged: Sequence[tuple[str, int]] = ()) -> list[str]:
    told = list(acknowledged)
    found = look(world, told, complete=False)
    begun = time.monotonic()
    world.chunk_bytes = world.resume_bytes
    try:
        world.sync(lambda file, offset: told.append((file, offset)))
    except Exception as error:
        return [*found, f"the next sync failed after {time.monotonic() - begun:.1f} s: {_said(error)}"]
    return found + look(world, told, complete=True) + _nothing_more(world)


def _quiet(file: str, offset: int) -> None:
    """Nobody listens."""


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _nothing_more(world: World) -> list[str]:
    return [f"one more sync inserted {third} messages again"] if (third := world.sync(_quiet)) else []


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
    first, second = (start(world.sync) for _ in range(2))
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
    return _next("apply", world.apply, lambda: _unsettled(world) + _going_on(world))


def _next(command: str, work: Callable[[], object], then: Callable[[], list[str]]) -> list[str]:
    """Run a command again after it was killed, and look, in one process."""

    def both(say: Say) -> list[str]:
        try:
            work()
        except Exception as error:
            return [f"the next {command} failed: {_said(error)}"]
        return then()

    return result(both)  # type: ignore[no-any-return]  # the list


def killed_apply(world: World, point: str, nth: int) -> list[str]:
    """Kill the apply of a changed project over loaded tables: rows survive, and apply again converges."""
    return _killed_apply(world, point, nth, World.apply, lambda: look(world, [], complete=False))


def killed_apply_over_an_old_journal(world: World, point: str, nth: int) -> list[str]:
    """The same where the journal is one of an older engagectl, which apply brings to today's form first."""
    return _killed_apply(world, point, nth, World.apply)


def killed_apply_without_transactions(world: World, point: str, nth: int) -> list[str]:
    """The same where DDL is in no transaction: what was done stays done, and between two steps nothing is promised."""
    return _killed_apply(world, point, nth, lambda world: apply_without_transactions(world.project))


def _killed_apply(
    world: World,
    point: str,
    nth: int,
    apply: Callable[[World], object],
    first: Callable[[], list[str]] = list,
) -> list[str]:
    """Kill an apply of changes. `first` looks at what it left."""

    def changed(say: Say) -> None:
        say(str(_rows(world)), 0)
        world.write(CHANGED)
        apply(world)

    ((before, _),) = killed(changed, point, nth).acknowledged

    def all_of_it(say: Say) -> list[str]:
        found = first()
        try:
            apply(world)
        except Exception as error:
            return [*found, f"the next apply failed: {_said(error)}"]
        found += [] if str(_rows(world)) == before else ["rows changed"]
        return found + _unsettled(world) + _going_on(world)

    return result(all_of_it)  # type: ignore[no-any-return]  # its list


def killed_replay(world: World, point: str, nth: int) -> list[str]:
    """Kill a replay of what became storable: what is put back is in quarantine no more, and all of it is, once."""
    killed(world.replay, point, nth)
    found = problems(world, [], complete=True, waits=True)

    def finished() -> list[str]:
        third = world.replay()
        again = [f"one more replay put back {third} entries again"] if third else []
        return again + look(world, [], complete=True) + _nothing_more(world)

    return found + _next("replay", world.replay, finished)


def killed_purge(world: World, point: str, nth: int) -> list[str]:
    killed(world.purge, point, nth)
    found = problems(world, [], complete=True, purged=point == "purge.forgotten")
    return found + _next(
        "purge", world.purge, lambda: _nothing_more(world) + look(world, [], complete=True, purged=True)
    )


def killed_erase(world: World, point: str, nth: int) -> list[str]:
    """Kill an erase: the person is there whole or gone whole, gone after the next erase, and does not come back."""
    world.gone = "u1"
    is_done = point in ("erase.committed", "erase.scrubbed") or point.startswith("scrub.")
    killed(world.erase, point, nth)
    found = problems(world if is_done else _with_everybody(world), [], complete=True)

    def finished() -> list[str]:
        world.sync(_quiet, reread=True)
        return look(world, [], complete=True, reread=True)

    return found + _next("erase", world.erase, finished)


def _with_everybody(world: World) -> World:
    return replace(world, gone="")


def age_journal(world: World) -> None:
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
