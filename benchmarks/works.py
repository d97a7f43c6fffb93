"""The works that are measured: each makes its messages, runs its contenders in turn, and tells how far a bar is."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from contender import (
    ENGAGECTL,
    Contender,
    Engine,
    Run,
    WrongRowsError,
    contenders,
    engagectl,
    environment,
    link,
)
from measure import FailedRunError, Measured, measure
from messages import write
from reference import Expected, expected_of
from server import Server
from table import Bar, Row

TITLES: dict[Engine, str] = {"duckdb": "DuckDB", "postgres": "PostgreSQL"}
OF_LIMIT = {"duckdb": 4.0, "postgres": 3.5}
INCREMENT_S = {"duckdb": 0.8, "postgres": 1.7}
PEAK_MB, LOW_MB = 750.0, 400.0


@dataclass(frozen=True)
class Entry:
    """A contender and what it is given; several of one title take turns."""

    contender: Contender
    file: Path
    wanted: Expected


@dataclass
class Bench:
    work: Path
    server: Server | None
    runs: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def load(self, engine: Engine, count: int, peers: Path | None) -> None:
        file = self._messages(count)
        each = [c for c in contenders(engine, peers) if c.most is None or count <= c.most]
        title = f"{count:,} messages into {TITLES[engine]}"
        found = self._in_turn(title, engine, [Entry(c, file, expected_of(file)) for c in each])
        limit = next(c.name for c in each if c.role == "limit")
        self._keep(title, found, messages=count, base=limit)
        ours = each[0].name
        self._times(title, found, ours, limit, must=OF_LIMIT[engine], what=f"times {limit}")
        self._peak(title, found.get(ours, []), must=PEAK_MB)

    def feeds(self, engine: Engine, count: int) -> None:
        """One connection, then the same with four activations beside it, which write their rows too."""
        file = self._messages(count)
        wanted = expected_of(file)
        each = [engagectl(feeds=1, name="one connection"), engagectl(feeds=5, name="and four activations")]
        title = f"feeds: {count:,} messages into {TITLES[engine]}"
        found = self._in_turn(title, engine, [Entry(c, file, wanted) for c in each])
        self._keep(title, found, messages=count, base=each[0].name)
        more = sum(rows for table, rows in wanted.rows.items() if table.endswith("_members"))
        self._times(
            title,
            found,
            each[1].name,
            each[0].name,
            must=1.5,
            what=f"times one connection, beside the rows that they write (at most {more:,})",
        )

    def dirty(self, engine: Engine, count: int) -> None:
        """The same number of messages, of which half carry an undeclared trait or a cell that does not fit."""
        entries = []
        for name in ("clean", "half dirty"):
            file = self._messages(count, dirty=name != "clean")
            entries.append(Entry(engagectl(feeds=2, name=name), file, expected_of(file)))
        title = f"dirt: {count:,} messages into {TITLES[engine]}"
        found = self._in_turn(title, engine, entries)
        self._keep(title, found, messages=count, base="clean")
        self._times(title, found, "half dirty", "clean", must=1.5, what="times the clean ones")

    def memory_low(self, engine: Engine, count: int) -> None:
        file = self._messages(count)
        low = engagectl(feeds=2, name="sync --memory low", options=("--memory", "low"))
        title = f"low memory: {count:,} messages into {TITLES[engine]}"
        found = self._in_turn(title, engine, [Entry(low, file, expected_of(file))])
        self._keep(title, found, messages=count)
        self._peak(title, found.get(low.name, []), must=LOW_MB)

    def increment(self, engine: Engine, stored: int, new: int = 10_000) -> None:
        """New messages into a warehouse that holds many, and into one that holds none; the many are measured too."""
        old = self._messages(stored)
        more = [self._messages(new, seed=8 + number, users=stored // 10) for number in range(self.runs)]
        title = f"{new:,} new messages into {TITLES[engine]}"
        full, empty = engagectl(feeds=2, name=f"{stored:,} stored"), engagectl(feeds=2, name="none stored")
        found = self._in_turn(title, engine, [Entry(empty, more[0], expected_of(more[0]))])
        with self._run(engine, old) as run:
            full.prepare(run)
            first = self._measured(run, full)
            say(f"  {title}  the first {stored:,}: {first.cpu_s:.2f} CPU s, {first.peak_mb:.0f} MB")
            for file in more:
                link(file, run.folder)
                found.setdefault(full.name, []).append(self._measured(run, full))
            full.check(run, expected_of(old, *more))
        self._keep(title, found, messages=new, base=empty.name)
        self._keep(f"the first {stored:,} messages of it", {"engagectl sync": [first]}, messages=stored)
        self._peak(f"{stored:,} messages into {TITLES[engine]}", [first], must=PEAK_MB)
        seen = median(one.cpu_s for one in found[full.name])
        self.bars.append(Bar(f"{title}, {stored:,} stored", "CPU s", INCREMENT_S[engine], seen))
        self._times(title, found, full.name, empty.name, must=1.5, what="times the same with none stored")

    def resume(self, engine: Engine, count: int) -> None:
        """A sync that was killed when 90 % were loaded, and goes on; and one that finds nothing new: the start-up."""
        file = self._messages(count)
        title = f"resume: {count:,} messages into {TITLES[engine]}"
        sync = engagectl(feeds=2, name="the whole")
        wanted = expected_of(file)
        found = self._in_turn(title, engine, [Entry(sync, file, wanted)])
        for _ in range(self.runs):
            with self._run(engine, file) as run:
                sync.prepare(run)
                killed_at(run, share=0.9)
                for name in ("after a kill at 90 %", "nothing new"):
                    found.setdefault(name, []).append(self._measured(run, sync))
                sync.check(run, wanted)
        self._keep(title, found, messages=count, base=sync.name)
        whole, rest, start = (median(one.cpu_s for one in taken) for taken in found.values())
        self.bars.append(Bar(title, "% of the whole, start-up apart", 20.0, 100 * (rest - start) / (whole - start)))

    def _messages(self, count: int, *, seed: int = 7, users: int | None = None, dirty: bool = False) -> Path:
        pool = users or count // 10
        file = self.work / f"messages-{count}-{seed}-{pool}{'-dirty' if dirty else ''}.jsonl"
        if not file.exists():
            say(f"writing {count:,} messages")
            write(file, count, seed=seed, users=pool, dirty=dirty)
        return file

    @contextmanager
    def _run(self, engine: Engine, file: Path) -> Iterator[Run]:
        folder = Path(tempfile.mkdtemp(dir=self.work, prefix="run-"))
        try:
            place = str(folder / "bench.duckdb")
            if engine == "postgres":
                if self.server is None:
                    raise SystemExit("PostgreSQL was not started")
                place = self.server.fresh_database("bench")
            yield Run(folder=folder, file=file, engine=engine, place=place)
        finally:
            shutil.rmtree(folder)

    def _measured(self, run: Run, contender: Contender) -> Measured:
        postmaster = None
        if run.engine == "postgres" and self.server is not None:
            self.server.checkpoint()
            postmaster = self.server.postmaster
        os.sync()
        return measure(contender.command(run), folder=run.folder, env=environment(run), postmaster=postmaster)

    def _in_turn(self, title: str, engine: Engine, entries: Sequence[Entry]) -> dict[str, list[Measured]]:
        """Run the contenders in turn, `runs` times each; what loaded other rows than the reference does not count."""
        found: dict[str, list[Measured]] = {}
        for _ in range(self.runs):
            for entry in entries:
                name = entry.contender.name
                try:
                    with self._run(engine, entry.file) as run:
                        entry.contender.prepare(run)
                        took = self._measured(run, entry.contender)
                        entry.contender.check(run, entry.wanted)
                except (FailedRunError, WrongRowsError) as error:
                    say(f"  {title}  {name}: does not count: {error}")
                    self.failed.append(f"{title}, {name}: a run of {self.runs}")
                    continue
                found.setdefault(name, []).append(took)
                say(f"  {title}  {name}: {took.cpu_s:.2f} CPU s, {took.wall_s:.2f} s, {took.peak_mb:.0f} MB")
        return found

    def _keep(self, title: str, found: dict[str, list[Measured]], *, messages: int, base: str | None = None) -> None:
        base_s = median(one.cpu_s for one in found[base]) if base in found else None
        rows = [Row.of(name, taken, messages=messages, base_s=base_s) for name, taken in found.items()]
        self.rows.setdefault(title, []).extend(rows)

    def _times(
        self, title: str, found: dict[str, list[Measured]], name: str, base: str, *, must: float, what: str
    ) -> None:
        if name in found and base in found:
            seen = median(one.cpu_s for one in found[name]) / median(one.cpu_s for one in found[base])
            self.bars.append(Bar(title, what, must, seen))

    def _peak(self, title: str, taken: Sequence[Measured], *, must: float) -> None:
        if taken:
            self.bars.append(Bar(title, "MB at most", must, max(one.peak_mb for one in taken)))


def killed_at(run: Run, *, share: float) -> None:
    """Run a sync and kill it as soon as it tells that this share of its file is loaded."""
    started = subprocess.Popen(
        [ENGAGECTL, "sync", "--log-format", "json"],
        cwd=run.folder,
        env=environment(run),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with started:
        for line in started.stderr or ():
            event = json.loads(line)
            if event.get("event") == "sync_progress" and event["read_bytes"] >= share * event["expected_bytes"]:
                started.kill()
    if started.returncode == 0:
        raise WrongRowsError("the sync that was to be killed came to its end")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
