"""What a run of many trials is counted in, and the page that tells of it."""

import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.catalog import KINDS
from tests.crash.trials import NotReached


@dataclass
class Tally:
    """`unreached` trials had nothing to hurt: with that seed the point came up less often. They do not count."""

    trials: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    unreached: int = 0

    def add(self, engine: str, kind: str, name: str, trial: Callable[[], list[str]]) -> None:
        """Do a trial and count it. What it cannot cope with at all is a failure too."""
        try:
            problems = trial()
        except NotReached:
            self.unreached += 1
            return
        except AssertionError as error:
            problems = [str(error).strip().splitlines()[-1]]
        self.trials[kind, engine] += 1
        if problems:
            self.failures.append(f"{engine}, {name}: {problems[0][:300]}")
            print(self.failures[-1], flush=True)


@dataclass(frozen=True, kw_only=True)
class Ran:
    wanted: dict[str, int]
    seed: int
    seconds: float
    cpu_seconds: float

    @property
    def command(self) -> str:
        asked = " ".join(f"--{name} {number}" for name, number in self.wanted.items())
        return f"python -m tests.crash.full {asked} --seed {self.seed}"


PAGE = """# What crashes were tried

This page is written by a run and not by hand: `{command}`.

Commit {commit}, seeds from {seed}. {done:,} trials of the {wanted:,} asked for ran, in {minutes:.0f} minutes and
{cpu:,.0f} CPU seconds, the PostgreSQL server's not among them.

A trial hurts one command, and a checker outside the system then looks at the database: what was acknowledged must be
there, each feed must stand between two chunks, and every table must equal, cell for cell, what a slow independent
reference (`tests/reference`) makes of the lines before the feed's checkpoint. Then the command runs again (every other
time with chunks of another size) and all of it must be there once, in every table, in the quarantine and in the counts.
One more sync must insert nothing. After an apply, plan and drift must be empty and the rows what they were.

| what was done | DuckDB | PostgreSQL |
|---|---|---|
{rows}

Failures: {failures}.

The points where a process is killed (SIGKILL), each at a random one of its passes. With two engines these are {pairs}
cases; all are tried once, in a random order, before one is tried again, so that a run of fewer leaves some out.

{points}

An apply without DDL in transactions is the apply of the cloud warehouses: the real engine, but each DDL statement
commits what is open and itself (`tests/crash/autocommit.py`).

The checker is itself tested: loaders that are wrong on purpose (the commit split in two, no dedupe, acknowledged before
the commit, a commit error ignored, no lock, the duplicate chosen before validation, one checkpoint for two feeds) are
all caught (`tests/crash/test_mutants.py`).

Tested apart: DuckDB's file on a full or failing disk (`tests/crash/test_disk.py`, by strace) and a PostgreSQL session
that is terminated at each point (`tests/crash/test_cuts.py`); a full disk under PostgreSQL's tables, where a small file
system can be mounted (`tests/crash/test_server.py`). Not tried: losing power (SIGKILL leaves the system's file cache
alive, and so does a server that stops at once), a full disk under PostgreSQL's own log, and the four cloud warehouses.

To repeat: `make crash-test SEED=7` (every point once per engine, 40 cuts), `make crash-test-full` (6,000 trials,
1,000 cuts and 400 stops; Ctrl-C ends it and the page is written all the same).
"""


def page(tally: Tally, ran: Ran) -> str:
    kinds = sorted({kind for kind, _ in tally.trials})
    rows = (f"| {kind} | {tally.trials[kind, 'DuckDB']} | {tally.trials[kind, 'PostgreSQL']} |" for kind in kinds)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        points = dict.fromkeys(point for engine in ("duckdb", "postgres") for point in kind.points(engine))
        groups.setdefault(", ".join(f"`{point}`" for point in points), []).append(kind.name)
    return PAGE.format(
        command=ran.command,
        commit=commit.stdout.strip(),
        done=tally.trials.total(),
        wanted=sum(ran.wanted.values()),
        minutes=ran.seconds / 60,
        cpu=ran.cpu_seconds,
        seed=ran.seed,
        rows="\n".join(rows),
        pairs=sum(len(kind.points(engine)) for kind in KINDS for engine in ("duckdb", "postgres")),
        failures=len(tally.failures) if not tally.failures else "; ".join(tally.failures),
        points="\n".join(f"- {', '.join(names)}: {points}" for points, names in groups.items()),
    )
