"""How long the command line takes to start, beside an empty Python: version, help, small and large projects.

    python benchmarks/start.py [--runs 11]

prints CPU milliseconds, beside ruff, terraform, dlt and sqlmesh where they are installed (.venv-peers and .venv-sqlmesh
are made by `make bench` and `make bench-plan`).
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import plan_peers
from contender import ENGAGECTL
from house import write_project
from measure import Measured, measure
from table import Row

LARGE = 10_000
Commands = Mapping[str, tuple[Path, Sequence[str | Path]]]


def bars(work: Path, *, runs: int) -> list[Row]:
    return [Row.of(name, taken, messages=None, base_s=None) for name, taken in measured(_ours(work), runs=runs).items()]


def measured(commands: Commands, *, runs: int) -> dict[str, list[Measured]]:
    """Run the commands in turns, so that a slow minute of the machine meets all of them."""
    found: dict[str, list[Measured]] = {name: [] for name in commands}
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "CHECKPOINT_DISABLE": "1"}
    for _ in range(max(runs, 5)):
        for name, (folder, command) in commands.items():
            found[name].append(measure(command, folder=folder, env=env | {"HOME": str(folder)}))
    return found


def _ours(work: Path) -> Commands:
    small, large = work / "start-small", work / "start-large"
    if not small.exists():
        write_project(small, warehouse="{type: duckdb, path: ./start.duckdb}", feeds=5)
        _lengthen(small / "engage" / "more.yaml", traits=160)
    if not large.exists():
        write_project(large, warehouse="{type: duckdb, path: ./start.duckdb}", feeds=5)
        _lengthen(large / "engage" / "more.yaml", traits=LARGE)
    return {
        "python -c pass": (small, [sys.executable, "-c", "pass"]),
        "engagectl version": (small, [ENGAGECTL, "version"]),
        "engagectl --help": (small, [ENGAGECTL, "--help"]),
        "engagectl plan --help": (small, [ENGAGECTL, "plan", "--help"]),
        "engagectl validate, 200 lines": (small, [ENGAGECTL, "validate"]),
        "engagectl plan --offline, 200 lines": (small, [ENGAGECTL, "plan", "--offline"]),
        "engagectl validate, 10,000 columns": (large, [ENGAGECTL, "validate"]),
    }


def _peers(work: Path) -> Commands:
    """Return the help of each tool that is installed, and what the two that have such a thing take to check a file."""
    here = Path(__file__).resolve().parent.parent
    programs = {
        "ruff": Path(sys.executable).with_name("ruff"),
        "terraform": Path(shutil.which("terraform") or "terraform"),
        "dlt": here / ".venv-peers/bin/dlt",
        "sqlmesh": here / ".venv-sqlmesh/bin/sqlmesh",
    }
    there = {name: program for name, program in programs.items() if program.is_file()}
    for name in programs.keys() - there.keys():
        print(f"{name}: not installed, not measured")
    found: dict[str, tuple[Path, Sequence[str | Path]]] = {
        f"{name} --help": (work, [program, "-help" if name == "terraform" else "--help"])
        for name, program in there.items()
    }
    if "ruff" in there:
        (work / "one.py").write_text("\n".join(f"line_{number} = {number}" for number in range(200)) + "\n")
        found["ruff check, 200 lines"] = (work, [there["ruff"], "check", "--no-cache", "--isolated", "one.py"])
    peer = plan_peers.terraform(work / "terraform", 10, 18) if "terraform" in there else "not installed"
    if not isinstance(peer, str):
        measure(peer.prepare[0], folder=peer.folder, env=peer.env)
        found["terraform validate, 220 lines"] = (peer.folder, [there["terraform"], "validate"])
    return found


def _lengthen(file: Path, *, traits: int) -> None:
    lines = [f"  more_{number}: {{space: default, kind: sql, type: string}}" for number in range(traits)]
    file.write_text("traits:\n" + "\n".join(lines) + "\n")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--runs", type=int, default=11)
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagectl-start-") as folder:
        work = Path(folder)
        taken = measured({**_ours(work), **_peers(work)}, runs=said.runs)
    print("| | CPU ms: median (min to max) | peak MB | runs |\n|---|---|---|---|")
    for name, each in taken.items():
        cpu = [one.cpu_s * 1000 for one in each]
        peak = max(one.peak_mb for one in each)
        print(f"| {name} | {median(cpu):.0f} ({min(cpu):.0f} to {max(cpu):.0f}) | {peak:.0f} | {len(each)} |")


if __name__ == "__main__":
    main()
