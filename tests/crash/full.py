"""Many trials at once, outside pytest, and the page that tells of them: python -m tests.crash.full --trials 200."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tests import embedded
from tests.crash.proxy import Proxy
from tests.crash.test_cuts import _proxy, _through, cut_sync, running
from tests.crash.trials import (
    APPLY_POINTS,
    SYNC_POINTS,
    apply_during_sync,
    killed_apply,
    killed_at_a_time,
    killed_sync,
    server_stopped,
    server_stopped_at_a_time,
    two_at_once,
)
from tests.crash.world import World, Worlds

Trial = Callable[[World], list[str]]


@dataclass
class Tally:
    trials: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, engine: str, kind: str, name: str, problems: list[str]) -> None:
        self.trials[kind, engine] += 1
        if problems:
            self.failures.append(f"{engine}, {name}: {problems[0][:300]}")
            print(self.failures[-1], flush=True)


@contextmanager
def engines(folder: Path) -> Iterator[tuple[dict[str, Worlds], Path | None]]:
    """Worlds of both engines, and the data folder of the server where it is ours to stop."""
    with ExitStack() as stack:
        found = {"DuckDB": Worlds(folder / "duckdb"), "PostgreSQL": Worlds(folder / "postgres")}
        found["PostgreSQL"].server, data = stack.enter_context(_server())
        for worlds in found.values():
            worlds.folder.mkdir()
            worlds.prepare()
        yield found, data
        found["PostgreSQL"].close()


@contextmanager
def _server() -> Iterator[tuple[str, Path | None]]:
    if given := os.environ.get("ENGAGECTL_TEST_PG_DSN"):
        yield given, None
        return
    with embedded.postgres() as found:
        yield found


def trials(seed: int) -> Iterator[tuple[str, str, bool, int, Trial]]:
    """Yield (kind, name, is_loaded, seed, trial) without end: each point, then the rest, then the next seed."""
    for n in count(seed):
        for point in SYNC_POINTS:
            nth = 1 + n % 2 if point.startswith("chunk.") else 1
            yield "sync killed at a point", f"{point}:{nth}", False, n, lambda w, p=point, k=nth: killed_sync(w, p, k)  # type: ignore[misc]  # bound now
        for point in APPLY_POINTS:
            yield "apply killed at a point", point, True, n, lambda w, p=point: killed_apply(w, p, 1)  # type: ignore[misc]  # bound now
        for k in range(3):
            yield (
                "sync killed at a random time",
                f"seed {n}.{k}",
                False,
                n,
                lambda w, s=n * 3 + k: killed_at_a_time(w, s, 2.0),
            )  # type: ignore[misc]  # bound now
        yield "two syncs at once", f"seed {n}", False, n, two_at_once
        yield "apply during a sync", f"seed {n}", False, n, apply_during_sync


def run_trials(worlds: dict[str, Worlds], tally: Tally, *, wanted: int, seed: int, until: float) -> None:
    done = 0
    for kind, name, is_loaded, n, trial in trials(seed):
        for engine, made in worlds.items():
            if done >= wanted or time.monotonic() > until:
                return
            with made.loaded(n) if is_loaded else made.applied(n) as world:
                tally.add(engine, kind, f"{kind} {name}, seed {n}", trial(world))
            done += 1


def run_cuts(worlds: Worlds, tally: Tally, *, wanted: int, seed: int, until: float) -> None:
    from tests.crash.fork import result

    with worlds.applied(seed) as world, running(_proxy(world)) as whole:
        result(_through(world, whole).sync)
    for number in range(wanted):
        if time.monotonic() > until:
            return
        with worlds.applied(seed) as world:
            proxy: Proxy = _proxy(world)
            if number % 10 == 0:
                proxy.commit = (1 + number // 10 % whole.commits, "reply" if number % 20 else "before")
                name = f"at COMMIT {proxy.commit}"
            else:
                proxy.direction = "up" if number % 2 else "down"
                proxy.cut_at = 1 + whole.passed[proxy.direction] * (number + 1) // (wanted + 1)
                name = f"{proxy.direction} after byte {proxy.cut_at}"
            tally.add("PostgreSQL", "connection cut", f"connection cut {name}", cut_sync(world, proxy))


def run_stops(worlds: Worlds, data: Path, tally: Tally, *, wanted: int, seed: int, until: float) -> None:
    """Stop the server at each point of a sync in turn, and every other time at a random moment."""
    for n in range(seed, seed + wanted):
        if time.monotonic() > until:
            return
        point = SYNC_POINTS[n // 2 % len(SYNC_POINTS)]
        with worlds.applied(n) as world:
            found = server_stopped(world, data, point, 1) if n % 2 else server_stopped_at_a_time(world, data, n, 1.5)
            tally.add("PostgreSQL", "server stopped at once", f"server stopped, {point}, seed {n}", found)


PAGE = """# What crashes were tried

This page is written by `{command}` and not by hand. Commit {commit}, {minutes:.0f} minutes, seeds from {seed}.

A trial hurts one sync or one apply, and a checker outside the system then looks at the database: what was acknowledged
must be there, each feed must stand between two chunks, and every table must equal, cell for cell, what a slow
independent reference (`tests/reference`) makes of the lines before the feed's checkpoint. Then the command runs again
and all of it must be there once, in every table, in the quarantine and in the counts. One more sync must insert
nothing.

| what was done | DuckDB | PostgreSQL |
|---|---|---|
{rows}

Failures: {failures}.

Points of a sync ({sync_count}): {sync_points}.

Points of an apply ({apply_count}): {apply_points}.

The checker is itself tested: loaders that are wrong on purpose (the commit split in two, no dedupe, acknowledged before
the commit, a commit error ignored, no lock, the duplicate chosen before validation, one checkpoint for two feeds) are
all caught (`tests/crash/test_mutants.py`).

Tested apart: DuckDB's file on a full or failing disk (`tests/crash/test_disk.py`, by strace) and a PostgreSQL session
that is terminated at each point (`tests/crash/test_cuts.py`); a full disk under PostgreSQL's tables, where a small file
system can be mounted (`tests/crash/test_server.py`). Not tried: losing power (SIGKILL leaves the system's file cache
alive, and so does a server that stops at once), a full disk under PostgreSQL's own log, and the four cloud warehouses.

To repeat: `make crash-test SEED=7` (every point once per engine, 40 cuts), `make crash-test-full` (6,000 trials,
1,000 cuts and 400 stops).
"""


def page(tally: Tally, *, command: str, seed: int, seconds: float) -> str:
    kinds = dict.fromkeys(kind for kind, _ in tally.trials)
    rows = (f"| {kind} | {tally.trials[kind, 'DuckDB']} | {tally.trials[kind, 'PostgreSQL']} |" for kind in kinds)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    return PAGE.format(
        command=command,
        commit=commit.stdout.strip(),
        minutes=seconds / 60,
        seed=seed,
        rows="\n".join(rows),
        failures=len(tally.failures) if not tally.failures else "; ".join(tally.failures),
        sync_count=len(SYNC_POINTS),
        sync_points=", ".join(f"`{point}`" for point in SYNC_POINTS),
        apply_count=len(APPLY_POINTS),
        apply_points=", ".join(f"`{point}`" for point in APPLY_POINTS),
    )


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.crash.full")
    ask.add_argument("--trials", type=int, default=200)
    ask.add_argument("--cuts", type=int, default=40)
    ask.add_argument("--stops", type=int, default=0, help="how often the PostgreSQL server stops at once")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--minutes", type=float, default=600, help="stop when they are over")
    ask.add_argument("--write", type=Path, help="the page to write")
    given = ask.parse_args()
    begun, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="engagectl-crash-") as folder, engines(Path(folder)) as (worlds, data):
        share = given.minutes * 60 / (given.trials + given.cuts + given.stops or 1)
        until = begun + share * given.trials
        run_trials(worlds, tally, wanted=given.trials, seed=given.seed, until=until)
        if data is not None:
            until += share * given.stops
            run_stops(worlds["PostgreSQL"], data, tally, wanted=given.stops, seed=given.seed, until=until)
        run_cuts(worlds["PostgreSQL"], tally, wanted=given.cuts, seed=given.seed, until=begun + given.minutes * 60)
    asked = f"--trials {given.trials} --cuts {given.cuts} --stops {given.stops}"
    command = f"python -m tests.crash.full {asked} --seed {given.seed} --minutes {given.minutes:g}"
    text = page(tally, command=command, seed=given.seed, seconds=time.monotonic() - begun)
    if given.write:
        given.write.write_text(text)
    print(text)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
