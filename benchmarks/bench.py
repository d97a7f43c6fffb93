"""Measure engagectl sync against the limits and the peers, in turn, each output checked before its time counts.

Run: make bench, make bench-full, or python benchmarks/bench.py --help
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb
from contender import Engine
from server import Server, server
from table import written
from works import TITLES, Bench

WORKS = ("load", "feeds", "dirty", "resume", "low", "increment", "start")


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
    text = written(bench.rows, bench.bars, facts, command, bench.failed)
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
    if "resume" in args.works:
        bench.resume(engine, first)
    if "low" in args.works:
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


if __name__ == "__main__":
    main()
