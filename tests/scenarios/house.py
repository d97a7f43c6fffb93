"""A project in a folder with a real warehouse behind it: what a scenario is played in."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from engagectl import api
from engagectl.config.project import Project
from engagectl.model.plan import Plan
from engagectl.sync.passes import Progress, Silent, SyncOptions
from engagectl.sync.report import SyncReport
from engagectl.warehouses.postgres.connect import lock_keys

ROOT = """
version: 1
project: acme
include: ["engage/**/*.yaml"]
default_target: dev
targets:
  dev: {warehouses: {cdp: local}}
warehouses:
  local:
"""

SPACE = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  total_revenue_180_days: {space: default, kind: event, type: "decimal(18,2)"}
audiences:
  first_time_shopper: {space: default, kind: profile}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send:
      - {traits: ["*"], as: [identify, track]}
      - {audiences: ["*"], as: [identify, track]}
"""


@dataclass
class House:
    root: Path
    warehouse: str
    secrets: Mapping[str, str] = field(default_factory=dict)

    def write(self, yaml: str = SPACE, *, name: str = "engage/space.yaml", settings: str = "") -> None:
        """Write the root file and one file of resources; `settings` are further lines of the warehouse."""
        (self.root / "engagectl.yaml").write_text(ROOT + self.warehouse + settings)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml)

    def messages(self, *messages: Mapping[str, Any] | str, name: str = "data/a.jsonl") -> None:
        """Append messages to an input file, one a line; text goes in as it is."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for message in messages:
                file.write((message if isinstance(message, str) else json.dumps(message)) + "\n")

    @property
    def project(self) -> Project:
        return api.open_project(self.root)

    def plan(self, *, select: Sequence[str] = ()) -> Plan:
        return api.make_plan(self.project, select=select)

    def apply(self, *, select: Sequence[str] = (), take_over: bool = False) -> Any:
        return api.apply_plan(
            self.project, select=select, confirm=lambda _: True, reporter=lambda _: None, take_over=take_over
        )

    def sync(self, *, progress: Progress | None = None, **options: Any) -> SyncReport:
        return api.sync(self.project, options=SyncOptions(**options), progress=progress or Silent())

    def drift(self) -> Plan:
        return api.drift(self.project)

    def rows(self, table: str, columns: str, *, order: str = "1, 2") -> list[tuple[Any, ...]]:
        """Return the rows of `schema.table`, sorted; columns are SQL."""
        schema, _, name = table.partition(".")
        return self.query(f'SELECT {columns} FROM "{schema}"."{name}" ORDER BY {order}')

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with api.connected(self.project, command="test", read_only=True) as connections:
            (connection,) = connections.values()
            return connection.query(sql)

    def execute(self, sql: str) -> None:
        with api.connected(self.project, command="test", read_only=False) as connections:
            (connection,) = connections.values()
            connection.execute(sql)

    @contextmanager
    def somebody_waits(self) -> Iterator[None]:
        """Leave the sign of a process that waits for the lock, as that process would."""
        if "postgres" not in self.warehouse:
            sign = self.root / "acme.duckdb.waiting"
            sign.write_text(f"{os.getppid()} apply\n")
            yield
            sign.unlink(missing_ok=True)
            return
        with psycopg.connect(os.environ["ENGAGECTL_SCENARIO_DSN"], autocommit=True) as waiter:
            waiter.execute("SELECT pg_advisory_lock_shared(%s)", (lock_keys("engagectl")[1],))
            yield


def identify(number: int, traits: Mapping[str, Any], *, user: str | None = "u123", **more: Any) -> dict[str, Any]:
    """Return an identify call; message `m<number>`, received `number` minutes after the year began."""
    return _message(number, user, {"type": "identify", "traits": dict(traits)}, more)


def track(
    number: int, event: str, properties: Mapping[str, Any], *, user: str | None = "u123", **more: Any
) -> dict[str, Any]:
    return _message(number, user, {"type": "track", "event": event, "properties": dict(properties)}, more)


def _message(number: int, user: str | None, body: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    at = f"2024-01-{2 + number // 1440:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00Z"
    who: dict[str, Any] = {"userId": user} if user is not None else {"anonymousId": "a1"}
    return {"messageId": f"m{number}", "receivedAt": at, "timestamp": at, **who, **body, **more}
