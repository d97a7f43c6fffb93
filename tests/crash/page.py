"""The page that tells of a run of many trials, from what each of them came to."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tests.crash.catalog import KINDS
from tests.crash.outcomes import ENGINES, Outcome, Outcomes, commit

PAGE = """# What crashes were tried

This page is written by a run and not by hand: `{command}`.

{done:,} of the {wanted:,} trials asked for were done with the code of commit {commit}, in {cpu:,.0f} CPU seconds, the
PostgreSQL server's not among them; {failed}. {rest}
Before them {earlier}.

A trial hurts one command, and a checker outside the system then looks at the database: what was acknowledged must be
there, each feed must stand between two chunks, and every table must equal, cell for cell, what a slow independent
reference (`tests/reference`) makes of the lines before the feed's checkpoint. Then the command runs again (every other
time with chunks of another size) and all of it must be there once, in every table, in the quarantine and in the counts.
One more sync must insert nothing. After an apply, plan and drift must be empty and the rows what they were.

| what was done | DuckDB | PostgreSQL | with code that changed later | seeds |
|---|---|---|---|---|
{rows}

The points where a process is killed (SIGKILL), each at a random one of its passes. With two engines these are {pairs}
cases, of which {tried} were tried at least once; all are tried in a random order before one is tried again, with other
traffic.

{points}

Trials were done at these commits. One counts above while the rooms that it hurts (`engagectl/sync` or `apply`, and the
engine's) are what they were; when they change, its count begins anew.

| commit | trials | right | of these with code that changed later |
|---|---|---|---|
{commits}

{failures}An apply without DDL in transactions is the apply of the cloud warehouses: the real engine, but each DDL
statement commits what is open and itself (`tests/crash/autocommit.py`).

The checker is itself tested: loaders that are wrong on purpose (the commit split in two, no dedupe, acknowledged before
the commit, a commit error ignored, no lock, the duplicate chosen before validation, one checkpoint for two feeds) are
all caught (`tests/crash/test_mutants.py`).

Tested apart: DuckDB's file on a full or failing disk (`tests/crash/test_disk.py`, by strace) and a PostgreSQL session
that is terminated at each point (`tests/crash/test_cuts.py`); a full disk under PostgreSQL's tables, where a small file
system can be mounted (`tests/crash/test_server.py`); and that the lock of a killed holder is free: on DuckDB at once,
on PostgreSQL within a second once the server has come to look, a statement that runs on or not
(`tests/scenarios/test_killed_holder.py`). Not tried: losing power (SIGKILL leaves the system's file cache
alive, and so does a server that stops at once), a full disk under PostgreSQL's own log, and the four cloud warehouses.

To repeat: `make crash-test SEED=7` (every point once per engine, 40 cuts), `make crash-test-full` (6,000 trials,
1,000 cuts and 400 stops; Ctrl-C ends it and the page is written all the same, and the next one goes on where it ended).
"""


def page(outcomes: Outcomes, *, wanted: Mapping[str, int], command: str) -> str:
    every = list(outcomes.counted())
    current = [one for one in every if one.is_current]
    before = [one for one in every if not one.is_current]
    left = sum(wanted.values()) - len(current)
    return PAGE.format(
        command=command,
        commit=commit(),
        done=len(current),
        wanted=sum(wanted.values()),
        cpu=sum(one.cpu_s for one in current),
        failed=_failed(current),
        rest=f"{left:,} are not done yet." if left > 0 else "All of them are done.",
        earlier=f"{len(before):,} were done with code that changed later; {_failed(before)}",
        rows="\n".join(_rows(every)),
        pairs=sum(len(kind.points(engine)) for kind in KINDS for engine in ENGINES),
        tried=len({(one.key.kind, one.key.engine, one.key.point) for one in current if one.nth}),
        points="\n".join(_points()),
        commits="\n".join(_commits(every)),
        failures="".join(f"{line}\n" for line in _failures(outcomes)),
    )


def _failed(outcomes: Iterable[Outcome]) -> str:
    number = sum(1 for one in outcomes if one.problem)
    return f"{number:,} failed" if number else "none failed"


def _failures(outcomes: Outcomes) -> Iterable[str]:
    """Tell of each that failed, with older code too: what became of it when it was done again?"""
    for one in outcomes.failed:
        last = outcomes.all[one.key]
        again = "" if last is one else f" (at {last.commit}: {'failed again' if last.problem else 'right'})"
        yield f"- {one.commit}: {_where(one)}: {one.problem}{again}"
    if outcomes.failed:
        yield ""


def _where(one: Outcome) -> str:
    return f"{ENGINES[one.key.engine]}, {one.key.kind}, {one.key.point}:{one.nth}, seed {one.key.seed}"


def _rows(outcomes: Iterable[Outcome]) -> Iterable[str]:
    trials: Counter[tuple[str, str]] = Counter()
    seeds: dict[str, set[int]] = {}
    for one in outcomes:
        trials[one.key.kind, one.key.engine if one.is_current else "earlier"] += 1
        seeds.setdefault(one.key.kind, set()).add(one.key.seed)
    for kind, used in sorted(seeds.items()):
        span = f"{min(used)}" if len(used) == 1 else f"{min(used)} to {max(used)}"
        counts = " | ".join(str(trials[kind, column]) for column in (*ENGINES, "earlier"))
        yield f"| {kind} | {counts} | {span} |"


def _points() -> Iterable[str]:
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        points = dict.fromkeys(point for engine in ENGINES for point in kind.points(engine))
        groups.setdefault(", ".join(f"`{point}`" for point in points), []).append(kind.name)
    return (f"- {', '.join(names)}: {points}" for points, names in groups.items())


def _commits(outcomes: Iterable[Outcome]) -> Iterable[str]:
    by: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by.setdefault(one.commit, []).append(one)
    for name, those in by.items():
        right, old = (sum(map(test, those)) for test in (lambda one: not one.problem, lambda one: not one.is_current))
        yield f"| {name} | {len(those):,} | {right:,} | {old:,} |"
