"""Measure engagectl sync against the limits and the peers, in turn, each output checked before its time counts.

Run: make bench, make bench-full, or python benchmarks/bench.py --help
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import duckdb
from contender import Contender, Engine, Run, WrongRowsError, contenders, engagectl, environment, link
from measure import FailedRunError, Measured, measure
from messages import write
from reference import Expected, expected_of
from server import Server, server
from table import Row, written

HERE = Path(__file__).parent


@dataclass
class Bench:
    work: Path
    server: Server | None
    runs: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def messages(self, count: int, *, seed: int = 7, users: int | None = None, dirty: bool = False) -> Path:
        pool = users or count // 10
        file = self.work / f"messages-{count}-{seed}-{pool}{'-dirty' if dirty else ''}.jsonl"
        if not file.exists():
            say(f"writing {count:,} messages")
            write(file, count, seed=seed, users=pool, dirty=dirty)
        return file

    @contextmanager
    def run(self, engine: Engine, file: Path) -> Iterator[Run]:
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

    def measured(self, run: Run, contender: Contender) -> Measured:
        postmaster = None
        if run.engine == "postgres" and self.server is not None:
            self.server.checkpoint()
            postmaster = self.server.postmaster
        os.sync()
        return measure(contender.command(run), folder=run.folder, env=environment(run), postmaster=postmaster)

    def in_turn(self, title: str, engine: Engine, file: Path, each: Sequence[Contender], wanted: Expected) -> None:
        """Run the contenders in turn, `runs` times each."""
        found: dict[str, list[Measured]] = {contender.name: [] for contender in each}
        for _ in range(self.runs):
            for contender in each:
                try:
                    with self.run(engine, file) as run:
                        contender.prepare(run)
                        took = self.measured(run, contender)
                        contender.check(run, wanted)
                except (FailedRunError, WrongRowsError) as error:
                    say(f"  {title}  {contender.name}: does not count: {error}")
                    continue
                found[contender.name].append(took)
                say(f"  {title}  {contender.name}: {took.cpu_s:.2f} CPU s, {took.wall_s:.2f} s, {took.peak_mb:.0f} MB")
        self.keep(title, each, found, messages=wanted.lines)

    def keep(self, title: str, each: Sequence[Contender], found: dict[str, list[Measured]], *, messages: int) -> None:
        limit = next((c.name for c in each if c.role == "limit" and found[c.name]), None)
        base = median(m.cpu_s for m in found[limit]) if limit is not None else None
        for contender in each:
            taken = found[contender.name]
            if len(taken) < self.runs:
                self.failed.append(
                    f"{title}, {contender.name}: {self.runs - len(taken)} of {self.runs} runs do not count"
                )
            if not taken:
                continue
            self.rows.setdefault(title, []).append(Row.of(contender.name, taken, messages=messages, limit_s=base))

    def load(self, engine: Engine, count: int, peers: Path | None) -> None:
        file = self.messages(count)
        each = [c for c in contenders(engine, peers) if c.most is None or count <= c.most]
        self.in_turn(f"{count:,} messages into {TITLES[engine]}", engine, file, each, expected_of(file))

    def feeds(self, engine: Engine, count: int) -> None:
        """One connection, then the same with four activations beside it."""
        file = self.messages(count)
        each = [engagectl(feeds=1, name="one connection"), engagectl(feeds=5, name="and four activations")]
        self.in_turn(f"feeds: {count:,} messages into {TITLES[engine]}", engine, file, each, expected_of(file))

    def dirty(self, engine: Engine, count: int) -> None:
        """The same number of messages, of which half carry an undeclared trait or a cell that does not fit."""
        for name in ("clean", "half dirty"):
            file = self.messages(count, dirty=name != "clean")
            title = f"dirt: {count:,} messages into {TITLES[engine]}"
            self.in_turn(title, engine, file, [engagectl(feeds=2, name=name)], expected_of(file))

    def memory_low(self, engine: Engine, count: int) -> None:
        file = self.messages(count)
        each = [engagectl(feeds=2, name="sync --memory low", options=("--memory", "low"))]
        self.in_turn(f"low memory: {count:,} messages into {TITLES[engine]}", engine, file, each, expected_of(file))

    def increment(self, engine: Engine, stored: int, new: int = 10_000) -> None:
        """New messages into a warehouse that holds many; and the same into one that holds none."""
        old, small = self.messages(stored), self.messages(new, seed=8, users=stored // 10)
        title = f"{new:,} new messages into {TITLES[engine]}"
        sync = engagectl(feeds=2, name=f"{stored:,} stored")
        empty = engagectl(feeds=2, name="none stored")
        found: dict[str, list[Measured]] = {sync.name: [], empty.name: []}
        for _ in range(self.runs):
            with self.run(engine, small) as run:
                empty.prepare(run)
                found[empty.name].append(self.measured(run, empty))
                empty.check(run, expected_of(small))
        with self.run(engine, old) as run:
            sync.prepare(run)
            self.measured(run, sync)
            for number in range(self.runs):
                more = self.messages(new, seed=8 + number, users=stored // 10)
                link(more, run.folder)
                found[sync.name].append(self.measured(run, sync))
            files = [self.messages(new, seed=8 + number, users=stored // 10) for number in range(self.runs)]
            sync.check(run, expected_of(old, *files))
        self.keep(title, [empty, sync], found, messages=new)


TITLES = {"duckdb": "DuckDB", "postgres": "PostgreSQL"}
WORKS = ("load", "feeds", "dirty", "memory", "increment", "start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--stored", type=int, nargs="+", default=[100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--peers", type=Path, help="the Python of an environment that has dlt")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/bench"), help="where messages are kept between calls"
    )
    parser.add_argument("--write", type=Path, help="put the tables into this Markdown file")
    args = parser.parse_args()
    if args.peers is not None and not (args.peers.parent.parent / "ready").exists():
        args.peers = None
    args.peers = args.peers.absolute() if args.peers is not None else None
    args.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        started = stack.enter_context(server()) if "postgres" in args.engines else None
        bench = Bench(args.folder.resolve(), started, args.runs)
        facts = _machine(started, args.peers)
        for engine in args.engines:
            _one(bench, engine, args)
        if "start" in args.works:
            from start import bars

            bench.rows["start"] = bars(bench.work, runs=args.runs)
    command = "python benchmarks/bench.py " + " ".join(_spoken(sys.argv[1:]))
    text = written(bench.rows, facts, command, bench.failed)
    sys.stdout.write(text)
    if args.write is not None:
        args.write.write_text(text if not args.write.exists() else _between(args.write.read_text(), text))
    if bench.failed:
        raise SystemExit(1)


def _one(bench: Bench, engine: Engine, args: argparse.Namespace) -> None:
    for count in args.sizes:
        if "load" in args.works:
            bench.load(engine, count, args.peers)
    if "load" in args.works and engine == "duckdb" and 10_000 not in args.sizes:
        bench.load(engine, 10_000, args.peers)
    first = args.sizes[0]
    if "feeds" in args.works:
        bench.feeds(engine, first)
    if "dirty" in args.works:
        bench.dirty(engine, first)
    if "memory" in args.works:
        bench.memory_low(engine, first)
    for stored in args.stored if "increment" in args.works else ():
        bench.increment(engine, stored)


def _machine(started: Server | None, peers: Path | None) -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    found = [
        f"{os.cpu_count()} cores, {memory:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"DuckDB {duckdb.__version__}",
    ]
    if started is not None:
        found.append(f"PostgreSQL {started.version} on the same machine")
    if peers is None:
        found.append("dlt was left out")
    return found


def _spoken(words: Sequence[str]) -> list[str]:
    """Leave out where things lie on this machine."""
    hidden = {"--folder", "--write", "--peers"}
    return [w for n, w in enumerate(words) if w not in hidden and (n == 0 or words[n - 1] not in hidden)]


def _between(page: str, text: str) -> str:
    begin, end = "<!-- measured -->\n", "<!-- end of measured -->"
    head, _, rest = page.partition(begin)
    return head + begin + text + end + rest.partition(end)[2]


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
