"""A loader of its own that writes all the time: no command of ours blocks it, doubles or alters what it wrote."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from engagectl.cli.registry import COMMANDS
from tests.cli.inside import run
from tests.inspect.conftest import Loading
from tests.scenarios.house import House

LOADER = """
import os, sys, time
import psycopg

file = sys.argv[1]
with psycopg.connect(os.environ["HOUSE_DSN"]) as connection:
    connection.execute("SET lock_timeout = '5s'")
    number, slowest = 0, 0.0
    while not os.path.exists(file + ".stop"):
        began = time.monotonic()
        for table in ("identifies", "audience_entered"):
            connection.execute(f"INSERT INTO engage_default.{table} (id, vip) VALUES (%s, true)", (f"w{number}",))
        connection.execute("UPDATE engage_default.users SET revenue = %s", (number,))
        if number % 20 == 10:
            connection.execute(f"ALTER TABLE engage_default.identifies ADD COLUMN late_{number} text")
        connection.commit()
        slowest = max(slowest, time.monotonic() - began)
        number += 1
        with open(file + ".new", "w") as out:
            out.write(f"{number} {slowest}")
        os.replace(file + ".new", file)
        time.sleep(0.01)
"""
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inspect": (("inspect",),),
    "import": (("import",), ("import", "--write"), ("import", "--undeclared")),
    "plan": (("plan",), ("plan", "--sql")),
    "apply": (("apply", "--yes"),),
    "sync": (("sync",),),
    "drift": (("drift",),),
    "docs": (("docs", "--live"),),
    "status": (("status",),),
    "history": (("history",),),
    "doctor": (("doctor",),),
    "compare": (("compare", "engage_default", "engage_default"),),
    "disown": (("disown", "table.engage_default.users"),),
    "unlock": (("unlock",),),
    "quarantine": (("quarantine", "list"),),
    "show": (("show", "connection.default_classic"),),
    "sql": (("sql", "table.engage_default.users"),),
    "validate": (("validate",),),
    "fmt": (("fmt",),),
}
"""Command lines by command; what is not here opens no warehouse, or is run with its help."""


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)  # DuckDB: its file lock lets no second process in
def test_no_command_blocks_doubles_or_alters(house: House, loading: Loading, tmp_path: Path) -> None:
    with loading() as segment:
        segment.fill()
    file = tmp_path / "progress"
    loader = subprocess.Popen([sys.executable, "-c", LOADER, str(file)], env=dict(os.environ))
    try:
        _wait(lambda: file.exists(), loader)
        for command in COMMANDS:
            for words in WORDS.get(command, ((command, "--help"),)):
                before = _progress(file)
                done = run("-C", str(house.root), *words)
                assert "Traceback" not in done.err, words
                assert done.code in (0, 1, 2, 3, 4), (words, done.err)
                _wait(lambda before=before: _progress(file)[0] > before[0], loader)  # type: ignore[misc]
    finally:
        Path(f"{file}.stop").touch()
        assert loader.wait(30) == 0
    written, slowest = _progress(file)
    assert written > 20
    assert slowest < 3.0, "a statement of the loader waited"
    with psycopg.connect(os.environ["HOUSE_DSN"]) as connection:
        for table in ("identifies", "audience_entered"):
            counted = connection.execute(
                f"SELECT count(*), count(DISTINCT id) FROM engage_default.{table} WHERE id LIKE 'w%'"
            ).fetchone()
            assert counted == (written, written), table
        others = connection.execute("SELECT count(*) FROM engage_default.identifies WHERE id NOT LIKE 'w%'").fetchone()
        assert others == (2,)
        revenue = connection.execute("SELECT revenue FROM engage_default.users").fetchall()
        assert revenue == [(written - 1,)]
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
        ).fetchall()
        assert [name for (name,) in schemas if name != "engagectl"] == ["default", "engage_default", "public"]


def _progress(file: Path) -> tuple[int, float]:
    number, slowest = file.read_text().split()
    return int(number), float(slowest)


def _wait(is_done: object, loader: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 20
    while not is_done():  # type: ignore[operator]
        assert loader.poll() is None, "the loader ended"
        assert time.monotonic() < until, "the loader does not go on"
        time.sleep(0.02)
