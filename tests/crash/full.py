"""Many trials at once, outside pytest, and the page that tells of them: python -m tests.crash.full --trials 200.

Trials, cuts and stops take turns, so that a run that is ended early has some of each. SIGTERM and Ctrl-C end it after
the trial at work; the page is written then too, and after every twenty trials. With --resume it goes on from the file
of outcomes, so that a long run can be done in pieces.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tests import embedded
from tests.crash import trials
from tests.crash.catalog import KINDS, SYNC_POINTS, Kind
from tests.crash.outcomes import Group, Key, Outcome, Outcomes, code_of, commit
from tests.crash.page import page
from tests.crash.proxy import Proxy, cut_sync, proxy_of, running, through
from tests.crash.world import Worlds

Turns = Iterator[None]
"""Does one trial each time it is asked."""
UNPOINTED = {
    "sync killed at a random time": partial(trials.killed_at_a_time, longest_s=2.0),
    "two syncs at once": trials.two_at_once,
    "apply during a sync": trials.apply_during_sync,
}


@contextmanager
def engines(folder: Path) -> Iterator[tuple[dict[str, Worlds], Path | None]]:
    """Worlds of both engines, and the data folder of the server where it is ours to stop."""
    with ExitStack() as stack:
        found = {"duckdb": Worlds(folder / "duckdb"), "postgres": Worlds(folder / "postgres")}
        found["postgres"].server, data = stack.enter_context(_server())
        for worlds in found.values():
            worlds.folder.mkdir()
            worlds.prepare()
        yield found, data
        found["postgres"].close()


@contextmanager
def _server() -> Iterator[tuple[str, Path | None]]:
    if given := os.environ.get("ENGAGECTL_TEST_PG_DSN"):
        yield given, None
        return
    with embedded.postgres() as found:
        yield found


@dataclass(frozen=True)
class Runner:
    """Does trials, and writes down what they came to."""

    outcomes: Outcomes
    again: bool = False

    def is_done(self, key: Key) -> bool:
        return self.outcomes.is_done(key) and not (self.again and self.outcomes.all[key].problem)

    def run(self, key: Key, trial: Callable[[], list[str]], nth: int = 0) -> None:
        """Do a trial. What it cannot cope with at all is a failure too."""
        begun, found, is_unreached = _cpu_s(), [], False
        try:
            found = trial()
        except trials.NotReached:
            is_unreached = True
        except AssertionError as error:
            found = [str(error).strip().splitlines()[-1]]
        outcome = Outcome(
            key=key,
            nth=nth,
            problem=found[0][:300] if found else "",
            is_unreached=is_unreached,
            cpu_s=round(_cpu_s() - begun, 2),
            commit=commit(),
            code=code_of(key),
        )
        self.outcomes.add(outcome)
        if found:
            print(f"{key}, {nth}: {found}", flush=True)


def every_trial(worlds: dict[str, Worlds], runner: Runner, seed: int) -> Turns:
    """Each point of each kind on each engine, and the kinds without points, in a random order; then the next seed."""
    most: dict[tuple[str, str, str], int] = {}
    for n in count(seed):
        rng = random.Random(n)  # noqa: S311  a repeatable order
        turns = [(engine, kind, point) for engine in worlds for kind in KINDS for point in kind.points(engine)]
        turns += [(engine, name, str(k)) for engine in worlds for name in UNPOINTED for k in range(3)]
        rng.shuffle(turns)
        for engine, kind, point in turns:
            name = kind.name if isinstance(kind, Kind) else kind
            key = Key(group="trials", kind=name, engine=engine, point=point, seed=n)
            if runner.is_done(key):
                continue
            if isinstance(kind, Kind):
                if (kind.name, engine, point) not in most:
                    most |= _counted(worlds[engine], kind, engine, n)
                nth = random.Random(f"{key}").randint(1, most[kind.name, engine, point])  # noqa: S311  repeatable
                with kind.world(worlds[engine], n) as world:
                    runner.run(key, partial(kind.trial, world, point, nth), nth)
            else:
                with worlds[engine].applied(n * 3 + int(point)) as world:
                    runner.run(key, partial(UNPOINTED[kind], world, n * 3 + int(point)))
            yield


def _counted(worlds: Worlds, kind: Kind, engine: str, seed: int) -> dict[tuple[str, str, str], int]:
    """Return how often each point of a kind is passed."""
    with kind.world(worlds, seed) as world:
        passed = trials.passes_of(partial(kind.work, world))
    return {(kind.name, engine, point): max(1, passed.count(point)) for point in kind.points(engine)}


def cuts(worlds: Worlds, runner: Runner, *, wanted: int, seed: int) -> Turns:
    """Cut the connection after bytes spread evenly over a whole sync, in a random order, and around its commits."""
    with worlds.applied(seed) as world, running(proxy_of(world)) as whole:
        trials.result(through(world, whole).sync)
    places = list(range(wanted))
    random.Random(seed).shuffle(places)  # noqa: S311  a repeatable order
    for number in places:
        at = f"{number} of {wanted}"
        key = Key(group="cuts", kind="connection cut", engine="postgres", point=at, seed=seed)
        if runner.is_done(key):
            continue
        with worlds.applied(seed) as world:
            proxy: Proxy = proxy_of(world)
            if number % 10 == 0:
                proxy.commit = (1 + number // 10 % whole.commits, "reply" if number % 20 else "before")
            else:
                proxy.direction = "up" if number % 2 else "down"
                proxy.cut_at = 1 + whole.passed[proxy.direction] * (number + 1) // (wanted + 1)
            runner.run(key, partial(cut_sync, world, proxy))
        yield


def stops(worlds: Worlds, runner: Runner, *, data: Path, seed: int) -> Turns:
    """Stop the server at each point of a sync in turn, and every other time at a random moment."""
    for n in count(seed):
        point = SYNC_POINTS[n // 2 % len(SYNC_POINTS)]
        at = point if n % 2 else "a random time"
        key = Key(group="stops", kind="server stopped at once", engine="postgres", point=at, seed=n)
        if runner.is_done(key):
            continue
        with worlds.applied(n) as world:
            work = (
                partial(trials.server_stopped, world, data, point, 1)
                if n % 2
                else partial(trials.server_stopped_at_a_time, world, data, n, 1.5)
            )
            runner.run(key, work)
        yield


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.crash.full")
    ask.add_argument("--trials", type=int, default=200)
    ask.add_argument("--cuts", type=int, default=40)
    ask.add_argument("--stops", type=int, default=0, help="how often the PostgreSQL server stops at once")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--minutes", type=float, default=600, help="stop when they are over")
    ask.add_argument("--outcomes", type=Path, default=Path("build/crash.jsonl"), help="where trials are written down")
    ask.add_argument("--resume", action="store_true", help="what is written down there is done")
    ask.add_argument("--again", action="store_true", help="do what failed again")
    ask.add_argument("--write", type=Path, help="the page to write")
    given = ask.parse_args()
    if not given.resume:
        given.outcomes.unlink(missing_ok=True)
    wanted: dict[Group, int] = {"trials": given.trials, "cuts": given.cuts, "stops": given.stops}
    begun, runner, ended = time.monotonic(), Runner(Outcomes(given.outcomes), again=given.again), []
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.append(True))
    asked = " ".join(f"--{name} {number}" for name, number in wanted.items())
    command = f"python -m tests.crash.full {asked} --seed {given.seed} --resume"

    def tell() -> str:
        text = page(runner.outcomes, wanted=wanted, command=command)
        if given.write:
            given.write.write_text(text)
        return text

    with tempfile.TemporaryDirectory(prefix="engagectl-crash-") as folder, engines(Path(folder)) as (worlds, data):
        turns: dict[Group, Turns] = {"trials": every_trial(worlds, runner, given.seed)}
        turns["cuts"] = cuts(worlds["postgres"], runner, wanted=given.cuts, seed=given.seed)
        if data is not None:
            turns["stops"] = stops(worlds["postgres"], runner, data=data, seed=given.seed)
        for number in count(1):
            done = runner.outcomes.done()
            left = {name: done[name] / wanted[name] for name in turns if done[name] < wanted[name]}
            if not left or ended or time.monotonic() > begun + given.minutes * 60:
                break
            next(turns[min(left, key=lambda name: left[name])])
            if number % 20 == 0:
                tell()
    print(tell())
    return 1 if any(one.problem for one in runner.outcomes.counted()) else 0


def _cpu_s() -> float:
    """Return the CPU seconds of this process and its children; a server of its own is not among them."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
