"""A plan without changes over 1,000 declared tables of 20 columns on DuckDB: CPU seconds and peak memory.

    python benchmarks/plan_1000_tables.py [--activations 1000] [--columns 20] [--runs 5] [--profile]

It makes a project of its own in a temporary folder, applies it once, and then plans it again in fresh processes, as a
person does. The bar is 2.0 CPU seconds and 150 MiB, the aim 1.0 and 120.

Last run (2 loaded cores, Python 3.11, DuckDB 2.0.0, 3 runs): 1.99 CPU seconds, peak 201 MiB. The memory bar is missed:
the program and the loaded project take about 57 MiB, importing DuckDB and opening this file 85 more.
terraform and sqlmesh were not measured beside it.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = """version: 1
project: bench
include: ["engage/*.yaml"]
default_target: dev
targets: {dev: {warehouses: {cdp: local}}}
warehouses: {local: {type: duckdb, path: ./bench.duckdb}}
inputs: {events: {files: ["data/*.jsonl"]}}
spaces: {default: {slug: default, sources: {main: {input: events}}}}
audiences: {vip: {space: default, kind: linked, entity: account}}
"""
TYPES = ("string", "integer", "float", "boolean", "timestamp", "decimal(18,2)")


def write_project(root: Path, activations: int, columns: int) -> None:
    """Write activations of one table each, in ten files; id, received_at and entity_context are among the columns."""
    (root / "engage").mkdir(parents=True)
    (root / "engagectl.yaml").write_text(ROOT)
    for file in range(10):
        lines = [f"owner: team_{file}", "activations:"]
        for number in range(file, activations, 10):
            lines += [
                f"  act_{number:04d}:",
                "    audience: vip",
                "    warehouses: [cdp]",
                f"    table: act_{number:04d}",
            ]
            lines += ["    mappings:"]
            lines += [
                f'      - {{from: entity.account.f{column}, to: field_{column}, type: "{TYPES[column % len(TYPES)]}"}}'
                for column in range(columns - 3)
            ]
        (root / f"engage/team_{file}.yaml").write_text("\n".join(lines) + "\n")


def run(root: Path, *words: str) -> tuple[float, float, str]:
    """Run engagectl in a process of its own; return CPU seconds, peak MiB and its standard output."""
    out = root / "out.txt"
    with out.open("wb") as file:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "engagectl", "-C", str(root), *words],
            # a person's second run finds the modules compiled
            {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            file_actions=[(os.POSIX_SPAWN_DUP2, file.fileno(), 1)],
        )
        _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"engagectl {' '.join(words)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read_text()


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--activations", type=int, default=1000)
    asked.add_argument("--columns", type=int, default=20)
    asked.add_argument("--runs", type=int, default=5)
    asked.add_argument("--profile", action="store_true")
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagectl-bench-") as folder:
        root = Path(folder) / "project"
        write_project(root, said.activations, said.columns)
        cpu, peak, _ = run(root, "validate")
        print(f"validate          {cpu:.2f} CPU s  {peak:.0f} MiB")
        cpu, peak, _ = run(root, "-q", "apply", "--yes")
        print(f"first apply       {cpu:.2f} CPU s  {peak:.0f} MiB")
        measured = []
        for _ in range(said.runs):
            cpu, peak, text = run(root, "plan")
            if "No changes." not in text:
                raise SystemExit("the plan is not empty")
            measured.append((cpu, peak))
        cpus, peaks = [m[0] for m in measured], [m[1] for m in measured]
        print(
            f"plan, no changes  {statistics.median(cpus):.2f} CPU s ({min(cpus):.2f}-{max(cpus):.2f}),"
            f" peak {max(peaks):.0f} MiB, {said.activations} tables of {said.columns} columns, {said.runs} runs"
        )
        if said.profile:
            profile = root / "profile"
            subprocess.run(
                [sys.executable, "-m", "cProfile", "-o", profile, "-m", "engagectl", "-C", root, "plan"], check=True
            )
            import pstats

            pstats.Stats(str(profile)).sort_stats("cumulative").print_stats(60)


if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
