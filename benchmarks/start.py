"""How long the command line takes to start, beside an empty Python: version, help, small and large projects."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from contender import ENGAGECTL
from house import write_project
from measure import measure
from table import Row

LARGE = 10_000


def bars(work: Path, *, runs: int) -> list[Row]:
    small, large = work / "start-small", work / "start-large"
    if not small.exists():
        write_project(small, warehouse="{type: duckdb, path: ./start.duckdb}", feeds=5)
        _lengthen(small / "engage" / "more.yaml", traits=160)
    if not large.exists():
        write_project(large, warehouse="{type: duckdb, path: ./start.duckdb}", feeds=5)
        _lengthen(large / "engage" / "more.yaml", traits=LARGE)
    commands: dict[str, tuple[Path, Sequence[str | Path]]] = {
        "python -c pass": (small, [sys.executable, "-c", "pass"]),
        "engagectl version": (small, [ENGAGECTL, "version"]),
        "engagectl --help": (small, [ENGAGECTL, "--help"]),
        "engagectl validate, 200 lines": (small, [ENGAGECTL, "validate"]),
        "engagectl plan --offline, 200 lines": (small, [ENGAGECTL, "plan", "--offline"]),
        "engagectl validate, 10,000 columns": (large, [ENGAGECTL, "validate"]),
    }
    found = {name: [] for name in commands}  # type: ignore[var-annotated]
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    for _ in range(max(runs, 5)):
        for name, (folder, command) in commands.items():
            found[name].append(measure(command, folder=folder, env=env))
    return [Row.of(name, taken, messages=None, limit_s=None) for name, taken in found.items()]


def _lengthen(file: Path, *, traits: int) -> None:
    lines = [f"  more_{number}: {{space: default, kind: sql, type: string}}" for number in range(traits)]
    file.write_text("traits:\n" + "\n".join(lines) + "\n")
