"""A small project with traffic, copied afresh for each trial, and the functions that a trial's children run."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from engagectl import api
from engagectl.sync.options import Silent, SyncOptions
from tests.crash.fork import Say, result
from tests.scenarios.house import House, identify, track

DSN = "ENGAGECTL_CRASH_DSN"
DUCKDB = "    type: duckdb\n    path: ./acme.duckdb\n"
POSTGRES = f"    type: postgres\n    dsn: {{$env: {DSN}}}\n"
YAML = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  revenue: {space: default, kind: event, type: "decimal(18,2)"}
  plan: {space: default, kind: sql, type: string}
audiences:
  vip: {space: default, kind: profile}
connections:
  classic:
    space: default
    warehouses: [cdp]
    context_columns: none
    send: [{traits: ["*"], as: [identify]}, {audiences: ["*"], as: [track]}]
activations:
  log: {audience: vip, warehouses: [cdp], table: log, properties: [user_id]}
"""
CHANGED = (
    YAML.replace("  revenue: {", "  income: {renamed_from: revenue, ")
    .replace('"decimal(18,2)"', '"decimal(20,4)"')
    .replace("  plan: {", "  city: {space: default, kind: sql, type: string}\n  plan: {")
    .replace("table: log,", "table: vip_log, table_renamed_from: log,")
) + "  more: {audience: vip, warehouses: [cdp], table: more}\n"
CHUNK_BYTES = 1400
SEED = int(os.environ.get("ENGAGECTL_CRASH_SEED", "0")) * 1000


def traffic(seed: int) -> dict[str, list[bytes]]:
    """Lines of two files: distinct messages, repeats, ties, twins that are broken (before the good one), and dirt."""
    rng = random.Random(SEED + seed)  # noqa: S311  a repeatable test, no secret
    lines: list[bytes] = []
    for number in range(18):
        user = f"u{rng.randrange(4)}"
        minute = rng.choice((0, 0, 1, number))
        if rng.random() < 0.6:
            traits: dict[str, Any] = {"plan": rng.choice("abc")} if rng.random() < 0.5 else {}
            traits["revenue"] = rng.choice((1, 2.5, "bad", None))
            message = identify(minute, traits, user=user, messageId=f"m{number}")
        else:
            body = {"audience_key": "vip", "vip": rng.random() < 0.5}
            message = track(minute, rng.choice(("Audience Entered", "Audience Exited")), body, user=user)
            message["messageId"] = f"m{number}"
        line = json.dumps(message).encode()
        if rng.random() < 0.3:
            lines.append(json.dumps({**message, "timestamp": "soon"}).encode())
        lines.append(line)
        if rng.random() < 0.3:
            lines.insert(rng.randrange(len(lines)), line)
    lines.insert(rng.randrange(len(lines)), b"{broken")
    cut = rng.randrange(len(lines) // 3, 2 * len(lines) // 3)
    return {"data/a.jsonl": lines[:cut], "data/b.jsonl": lines[cut:]}


class Told(Silent):
    """A progress that hands every acknowledged place to the parent."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def phase(self, text: str) -> None:
        """Nothing is acknowledged by a phase."""

    def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  the protocol names it
        self._say(file, done)


@dataclass
class World:
    """One trial: a folder and a database of its own. `dsn` is empty on DuckDB."""

    root: Path
    dsn: str = ""
    yaml: str = YAML
    lines: dict[str, list[bytes]] = field(default_factory=dict)
    late: str = ""  # the address of a feed that nothing was acknowledged for: an apply made it meanwhile

    @property
    def house(self) -> House:
        os.environ[DSN] = self.dsn
        return House(self.root, POSTGRES if self.dsn else DUCKDB)

    def write(self, yaml: str = YAML) -> None:
        self.house.write(yaml)

    def fill(self, seed: int) -> None:
        self.lines = traffic(seed)
        for name, lines in self.lines.items():
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"".join(line + b"\n" for line in lines))

    def apply(self, say: Say | None = None) -> None:
        del say
        self.house.apply()

    def sync(self, say: Say, *, lock_timeout_s: float = 10.0, **options: Any) -> int:
        given = {"chunk_bytes": CHUNK_BYTES, "lock_timeout_s": lock_timeout_s, **options}
        project = self.house.project
        say("", 0)  # the project is read: from here on its files may change
        report = api.sync(project, options=SyncOptions(**given), progress=Told(say), lock_timeout_s=lock_timeout_s)
        assert not report.left_out, report.left_out
        return report.inserted


@dataclass
class Worlds:
    """Makes fresh worlds of one engine from one that was applied once."""

    folder: Path
    server: str = ""  # the DSN of a PostgreSQL server, or nothing for DuckDB
    made: int = 0
    template: str = ""

    def prepare(self) -> None:
        first = self._empty("template")
        first.write()
        result(first.apply)
        self.template = first.dsn

    def close(self) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{self._name(self.template)}" WITH (FORCE)')

    @contextmanager
    def applied(self, seed: int) -> Iterator[World]:
        """A world whose apply is done and whose inputs wait."""
        with self._fresh(copy_of=self.folder / "template") as world:
            world.write()
            world.fill(seed)
            yield world

    @contextmanager
    def loaded(self, seed: int) -> Iterator[World]:
        """A world whose inputs are loaded too."""
        with self.applied(seed) as world:
            result(world.sync)
            yield world

    @contextmanager
    def _fresh(self, *, copy_of: Path) -> Iterator[World]:
        self.made += 1
        root = self.folder / f"trial-{self.made}"
        shutil.copytree(copy_of, root)
        world = World(root)
        name = f"crash_{os.getpid()}_{self.made}"
        if self.server:
            with psycopg.connect(self.server, autocommit=True) as admin:
                admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._name(self.template)}"')
            world.dsn = self._at(name)
        try:
            yield world
        finally:
            shutil.rmtree(root, ignore_errors=True)
            if self.server:
                with psycopg.connect(self.server, autocommit=True) as admin:
                    admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _empty(self, name: str) -> World:
        root = self.folder / name
        root.mkdir()
        if not self.server:
            return World(root)
        database = f"crash_{os.getpid()}_{name}"
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8'")
        return World(root, dsn=self._at(database))

    def _at(self, database: str) -> str:
        from tests.conftest import with_database

        return with_database(self.server, database)

    def _name(self, dsn: str) -> str:
        return psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]  # type: ignore[return-value]  # we named it


def with_work(prepare: Callable[[], object], work: Callable[[Say], Any]) -> Callable[[Say], Any]:
    """Return work that first prepares the child that it runs in."""

    def both(say: Say) -> Any:
        prepare()
        return work(say)

    return both
