"""Many trials at once, outside pytest, and the page that tells of them: python -m tests.crash.full --trials 200.

Trials, cuts and stops take turns, so that a run that is ended early has some of each. SIGTERM and Ctrl-C end it after
the trial at work; the page is written then too, and after every twenty trials.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tests import embedded
from tests.crash import trials
from tests.crash.catalog import KINDS, SYNC_POINTS, Kind
from tests.crash.page import Ran, Tally, page
from tests.crash.proxy import Proxy, cut_sync, proxy_of, running, through
from tests.crash.world import Worlds

Turns = Iterator[None]
"""Does one trial each time it is asked."""
ENGINES = {"duckdb": "DuckDB", "postgres": "PostgreSQL"}
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


def every_trial(worlds: dict[str, Worlds], tally: Tally, seed: int) -> Turns:
    """Each point of each kind on each engine, and the kinds without points, in a random order; then the next seed."""
    most: dict[tuple[str, str, str], int] = {}
    for n in count(seed):
        rng = random.Random(n)  # noqa: S311  a repeatable order
        turns = [(engine, kind, point) for engine in worlds for kind in KINDS for point in kind.points(engine)]
        turns += [(engine, name, str(k)) for engine in worlds for name in UNPOINTED for k in range(3)]
        rng.shuffle(turns)
        for engine, kind, point in turns:
            if isinstance(kind, Kind):
                if (kind.name, engine, point) not in most:
                    most |= _counted(worlds[engine], kind, engine, n)
                nth = rng.randint(1, most[kind.name, engine, point])
                with kind.world(worlds[engine], n) as world:
                    work = partial(kind.trial, world, point, nth)
                    tally.add(ENGINES[engine], kind.name, f"{kind.name}: {point}:{nth}, seed {n}", work)
            else:
                with worlds[engine].applied(n * 3 + int(point)) as world:
                    work = partial(UNPOINTED[kind], world, n * 3 + int(point))
                    tally.add(ENGINES[engine], kind, f"{kind}, seed {n}.{point}", work)
            yield


def _counted(worlds: Worlds, kind: Kind, engine: str, seed: int) -> dict[tuple[str, str, str], int]:
    """Return how often each point of a kind is passed."""
    with kind.world(worlds, seed) as world:
        passed = trials.passes_of(partial(kind.work, world))
    return {(kind.name, engine, point): max(1, passed.count(point)) for point in kind.points(engine)}


def cuts(worlds: Worlds, tally: Tally, *, wanted: int, seed: int) -> Turns:
    """Cut the connection after bytes spread evenly over a whole sync, in a random order, and around its commits."""
    with worlds.applied(seed) as world, running(proxy_of(world)) as whole:
        trials.result(through(world, whole).sync)
    places = list(range(wanted))
    random.Random(seed).shuffle(places)  # noqa: S311  a repeatable order
    for number in places:
        with worlds.applied(seed) as world:
            proxy: Proxy = proxy_of(world)
            if number % 10 == 0:
                proxy.commit = (1 + number // 10 % whole.commits, "reply" if number % 20 else "before")
                name = f"at COMMIT {proxy.commit}"
            else:
                proxy.direction = "up" if number % 2 else "down"
                proxy.cut_at = 1 + whole.passed[proxy.direction] * (number + 1) // (wanted + 1)
                name = f"{proxy.direction} after byte {proxy.cut_at}"
            tally.add("PostgreSQL", "connection cut", f"connection cut {name}", partial(cut_sync, world, proxy))
        yield


def stops(worlds: Worlds, tally: Tally, *, data: Path, seed: int) -> Turns:
    """Stop the server at each point of a sync in turn, and every other time at a random moment."""
    for n in count(seed):
        point = SYNC_POINTS[n // 2 % len(SYNC_POINTS)]
        with worlds.applied(n) as world:
            work = (
                partial(trials.server_stopped, world, data, point, 1)
                if n % 2
                else partial(trials.server_stopped_at_a_time, world, data, n, 1.5)
            )
            tally.add("PostgreSQL", "server stopped at once", f"server stopped, {point}, seed {n}", work)
        yield


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.crash.full")
    ask.add_argument("--trials", type=int, default=200)
    ask.add_argument("--cuts", type=int, default=40)
    ask.add_argument("--stops", type=int, default=0, help="how often the PostgreSQL server stops at once")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--minutes", type=float, default=600, help="stop when they are over")
    ask.add_argument("--write", type=Path, help="the page to write")
    given = ask.parse_args()
    wanted = {"trials": given.trials, "cuts": given.cuts, "stops": given.stops}
    begun, tally, ended = time.monotonic(), Tally(), []
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.append(True))

    def tell() -> str:
        ran = Ran(wanted=wanted, seed=given.seed, seconds=time.monotonic() - begun, cpu_seconds=_cpu_s())
        text = page(tally, ran)
        if given.write:
            given.write.write_text(text)
        return text

    with tempfile.TemporaryDirectory(prefix="engagectl-crash-") as folder, engines(Path(folder)) as (worlds, data):
        turns: dict[str, Turns] = {"trials": every_trial(worlds, tally, given.seed)}
        turns["cuts"] = cuts(worlds["postgres"], tally, wanted=given.cuts, seed=given.seed)
        if data is not None:
            turns["stops"] = stops(worlds["postgres"], tally, data=data, seed=given.seed)
        done = dict.fromkeys(turns, 0)
        while not ended and time.monotonic() < begun + given.minutes * 60:
            left = {name: done[name] / wanted[name] for name in turns if done[name] < wanted[name]}
            if not left:
                break
            chosen = min(left, key=lambda name: left[name])
            next(turns[chosen])
            done[chosen] += 1
            if sum(done.values()) % 20 == 0:
                tell()
    print(tell())
    return 1 if tally.failures else 0


def _cpu_s() -> float:
    """Return the CPU seconds of this process and its children; a server of its own is not among them."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
