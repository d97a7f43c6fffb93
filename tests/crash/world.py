"""A small project with traffic, copied afresh for each trial, and the functions that a trial's children run."""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from engagectl import api
from engagectl.config.project import Project
from engagectl.sync.options import Silent, SyncOptions
from tests.crash.fork import Say, result
from tests.crash.traffic import PLAIN, SEED, Form, traffic
from tests.crash.warm import warm
from tests.scenarios.house import House

DSN = "ENGAGECTL_CRASH_DSN"
PATIENCE_S = 600.0  # for a lock that somebody alive holds, or a server that is slow to see who is dead
LOADED = 8  # loads of different traffic that are made once and copied
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
EXTENDING = YAML.replace("    context_columns: none\n", "    context_columns: none\n    on_undeclared: add_column\n")
WIDE = YAML.replace("properties: [user_id]}", "properties: [user_id], mappings: [SIZE]}").replace(
    "SIZE", '{from: properties.size, to: size, type: "decimal(38,2)", required: true}'
)
WIDE = WIDE.replace('type: "decimal(18,2)"', 'type: "decimal(38,2)"')
NARROW = WIDE.replace('"decimal(38,2)"', "integer")


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
    form: Form = PLAIN
    lines: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    late: str = ""  # the address of a feed that nothing was acknowledged for: an apply made it meanwhile
    gone: str = ""  # the user id that was erased
    chunk_bytes: int = 0  # of the next sync, where it is not that of the form
    resume_bytes: int = 0  # the chunk_bytes of the sync that goes on after a crash: it may cut elsewhere

    @property
    def house(self) -> House:
        os.environ[DSN] = self.dsn
        return House(self.root, POSTGRES if self.dsn else DUCKDB)

    @property
    def project(self) -> Project:
        return replace(self.house.project, lock_timeout_s=PATIENCE_S)

    def write(self, yaml: str = YAML) -> None:
        self.house.write(yaml)

    def fill(self, seed: int) -> None:
        self.lines = self.form.split(traffic(seed), random.Random(SEED + seed))  # noqa: S311  a repeatable test
        (self.root / "data").mkdir(exist_ok=True)
        for name, lines in self.lines.items():
            self.form.write(self.root / name, lines)

    def apply(self, say: Say | None = None) -> None:
        del say
        api.apply_plan(self.project, confirm=lambda _: True, reporter=lambda _: None, lock_timeout_s=PATIENCE_S)

    def sync(self, say: Say, **options: Any) -> int:
        given = {
            "chunk_bytes": self.chunk_bytes or self.form.chunk_bytes,
            "lock_timeout_s": PATIENCE_S,
            "retry_wait_s": 0.02,
            **options,
        }
        project = self.project
        say("", 0)  # the project is read: from here on its files may change
        report = api.sync(project, options=SyncOptions(**given), progress=Told(say), lock_timeout_s=PATIENCE_S)
        assert not report.left_out, report.left_out
        return report.inserted

    def replay(self, say: Say | None = None) -> int:
        del say
        done = api.replay_quarantine(self.project)
        return done.messages + done.values

    def purge(self, say: Say | None = None) -> int:
        del say
        return api.purge_quarantine(self.project)

    def erase(self, say: Say | None = None) -> None:
        del say
        api.erase(self.project, self.gone, confirm=lambda _: True)


@dataclass
class Worlds:
    """Makes fresh worlds of one engine from templates that were applied once. `server` is the DSN of a PostgreSQL
    server, or nothing for DuckDB.
    """

    folder: Path
    server: str = ""
    made: int = 0
    named: int = 0
    templates: dict[tuple[object, ...], World] = field(default_factory=dict)

    def prepare(self) -> None:
        """Warm the process that trials are forked from."""
        warm(self._applied(YAML).root)

    def close(self) -> None:
        if self.server:
            for template in self.templates.values():
                self._admin(f'DROP DATABASE IF EXISTS "{_name(template.dsn)}" WITH (FORCE)')

    @contextmanager
    def empty(self, seed: int, yaml: str = YAML) -> Iterator[World]:
        """A world of which nothing was applied, and whose inputs wait."""
        with self._fresh(World(self.folder), database="template0") as world:
            world.write(yaml)
            world.fill(seed)
            yield world

    @contextmanager
    def applied(self, seed: int, yaml: str = YAML, form: Form = PLAIN) -> Iterator[World]:
        """A world whose apply is done and whose inputs wait."""
        with self._copy(self._applied(yaml), seed, form) as world:
            world.fill(seed)
            yield world

    @contextmanager
    def loaded(self, seed: int, yaml: str = YAML, then: Callable[[World], object] | None = None) -> Iterator[World]:
        """A world whose inputs are loaded too, and to which more happened then."""
        like = self._template((yaml, then, seed % LOADED), partial(self._load, yaml, then, seed % LOADED))
        with self._copy(like, seed, PLAIN) as world:
            world.lines = like.lines
            yield world

    def _applied(self, yaml: str) -> World:
        def make(name: str) -> World:
            world = World(self.folder / name)
            world.root.mkdir()
            if self.server:
                world.dsn = self._database(name, "template0")
            world.write(yaml)
            result(world.apply)
            return world

        return self._template((yaml,), make)

    def _load(self, yaml: str, then: Callable[[World], object] | None, seed: int, name: str) -> World:
        like = self._applied(yaml)
        world = World(self.folder / name, chunk_bytes=1 << 20)
        shutil.copytree(like.root, world.root)
        if self.server:
            world.dsn = self._database(name, _name(like.dsn))
        world.fill(seed)

        def work(say: Say) -> None:
            world.sync(say)
            if then is not None:
                then(world)

        result(work)
        return world

    def _template(self, key: tuple[object, ...], make: Callable[[str], World]) -> World:
        if key not in self.templates:
            self.named += 1
            self.templates[key] = make(f"template{self.named}")
        return self.templates[key]

    @contextmanager
    def _copy(self, like: World, seed: int, form: Form) -> Iterator[World]:
        with self._fresh(World(like.root, form=form), database=_name(like.dsn)) as world:
            world.resume_bytes = 0 if seed % 2 else 1 << 20
            yield world

    @contextmanager
    def _fresh(self, like: World, *, database: str) -> Iterator[World]:
        """Give a world in a folder of its own: a copy of another's, unless that is the folder of all."""
        self.made += 1
        world = World(self.folder / f"trial-{self.made}", form=like.form)
        if like.root == self.folder:
            world.root.mkdir()
        else:
            shutil.copytree(like.root, world.root)
        if self.server:
            world.dsn = self._database(str(self.made), database)
        try:
            yield world
        finally:
            shutil.rmtree(world.root, ignore_errors=True)
            if self.server:
                self._admin(f'DROP DATABASE IF EXISTS "{_name(world.dsn)}" WITH (FORCE)')

    def _database(self, name: str, template: str) -> str:
        from tests.conftest import with_database

        name = f"crash_{os.getpid()}_{name}"
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
        return with_database(self.server, name)

    def _admin(self, sql: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(sql.encode())


def _name(dsn: str) -> str:
    """Return the database of a DSN, which we named; nothing on DuckDB."""
    return str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]) if dsn else ""


def with_work(prepare: Callable[[], object], work: Callable[[Say], Any]) -> Callable[[Say], Any]:
    """Return work that first prepares the child that it runs in."""

    def both(say: Say) -> Any:
        prepare()
        return work(say)

    return both
