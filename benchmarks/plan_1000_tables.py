"""A plan without changes over 1,000 declared tables of 20 columns on DuckDB: CPU seconds and peak memory.

    python benchmarks/plan_1000_tables.py [--activations 1000] [--columns 20] [--runs 5] [--profile]
        [--sqlmesh PROGRAM] [--peers]

It makes a project of its own in a temporary folder, applies it once, and then plans it again in fresh processes, as a
person does. The bar is 2.0 CPU seconds and 150 MiB, the aim 1.0 and 120. With --peers the same shape is planned by
terraform and sqlmesh too, in turns, where they are installed; docs/performance.md has the last table.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import plan_peers

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


def measured(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[float, float, str]:
    """Run a command in a process of its own; return its CPU seconds, peak MiB and what it wrote."""
    out = folder / "out.txt"
    with out.open("wb") as file:
        pid = os.posix_spawn(
            "/usr/bin/env",
            ["env", "-C", str(folder), *command],
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, file.fileno(), 1)],
        )
        _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed: {out.read_text()[-2_000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read_text()


def engagectl(root: Path, *words: str) -> tuple[float, float, str]:
    # a person's second run finds the modules compiled
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return measured([sys.executable, "-m", "engagectl", *words], root, env)


def peers(folder: Path, things: int, attributes: int, sqlmesh: Path) -> dict[str, plan_peers.Peer]:
    """Return those that can run, each applied once; say of the others why they cannot."""
    found = {
        "terraform plan": plan_peers.terraform(folder / "terraform", things, attributes),
        "sqlmesh plan": plan_peers.sqlmesh(folder / "sqlmesh", things, attributes, program=sqlmesh),
    }
    ready: dict[str, plan_peers.Peer] = {}
    for name, peer in found.items():
        if isinstance(peer, str):
            print(f"{name}: not measured, {peer}")
            continue
        for command in peer.prepare:
            cpu, peak, _ = measured(command, peer.folder, peer.env)
        print(f"{name}: first apply {cpu:.1f} CPU s, {peak:.0f} MiB ({peer.version})")
        ready[name] = peer
    return ready


def row(name: str, taken: Sequence[tuple[float, float]]) -> str:
    cpus, peaks = [cpu for cpu, _ in taken], [peak for _, peak in taken]
    return (
        f"| {name} | {statistics.median(cpus):.2f} ({min(cpus):.2f} to {max(cpus):.2f}) |"
        f" {max(peaks):.0f} | {len(taken)} |"
    )


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--activations", type=int, default=1000)
    asked.add_argument("--columns", type=int, default=20)
    asked.add_argument("--runs", type=int, default=5)
    asked.add_argument("--profile", action="store_true")
    asked.add_argument("--peers", action="store_true")
    asked.add_argument("--sqlmesh", type=Path, default=Path(".venv-sqlmesh/bin/sqlmesh"))
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagectl-bench-") as folder:
        root = Path(folder) / "project"
        write_project(root, said.activations, said.columns)
        cpu, peak, _ = engagectl(root, "validate")
        print(f"engagectl validate: {cpu:.2f} CPU s, {peak:.0f} MiB")
        cpu, peak, _ = engagectl(root, "-q", "apply", "--yes")
        print(f"engagectl plan: first apply {cpu:.2f} CPU s, {peak:.0f} MiB")
        others = peers(Path(folder), said.activations, said.columns, said.sqlmesh.absolute()) if said.peers else {}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ("engagectl plan", *others)}
        for _ in range(said.runs):
            cpu, peak, text = engagectl(root, "plan")
            if "No changes." not in text:
                raise SystemExit("the plan is not empty")
            taken["engagectl plan"].append((cpu, peak))
            for name, peer in others.items():
                cpu, peak, text = measured(peer.plan, peer.folder, peer.env)
                if peer.says not in text:
                    raise SystemExit(f"{name} is not empty: {text[-2_000:]}")
                taken[name].append((cpu, peak))
        print(f"\n{said.activations} tables of {said.columns} columns, nothing to change\n")
        print("| | CPU s: median (min to max) | peak MiB | runs |\n|---|---|---|---|")
        for name, each in taken.items():
            print(row(name, each))
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
