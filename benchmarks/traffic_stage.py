"""What passes through the client when Snowflake loads the objects of an external stage itself, as the connector sends
and gets it at an emulator, which keeps the order of the keys of a document; Snowflake sorts them.

Run: make bench-stage COUNT=20000 CHUNKS=10
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import messages
from house import write_project
from traffic import _REQUEST, Counted, Traffic

from engagectl import api
from engagectl.sync import passes
from tests.warehouses.contract.engines import ENGINES

BUCKET = "memory://bench/"


@dataclass
class Both(Traffic):
    """What came back, too: rows of any kind, and lines of the objects among them."""

    back: int = 0
    lines: int = 0
    fetched: int = 0

    def came(self, sql: str, rows: Sequence[Any]) -> None:
        self.back += sum(len(str(value).encode()) for row in rows for value in row)
        if sql.startswith("SELECT l.file"):
            self.lines += len(rows)
            self.fetched += sum(len(str(row[3]).encode()) for row in rows)


class Watched(Counted):
    """A connection, or a cursor, that counts what comes back as well."""

    _sql = ""

    def cursor(self, *args: Any) -> "Watched":
        return Watched(self._real.cursor(*args), self._traffic)

    def execute(self, sql: str, parameters: Any = None) -> Any:
        self._sql = sql
        return super().execute(sql, parameters)

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._real.fetchall()
        assert isinstance(self._traffic, Both)  # noqa: S101
        self._traffic.came(self._sql, rows)
        return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--chunks", type=int, default=10)
    parser.add_argument("--feeds", type=int, default=5)
    args = parser.parse_args()
    engine = ENGINES["snowflake"]
    with tempfile.TemporaryDirectory(prefix="engagectl-bench-") as folder, engine.serve() as address:
        root = Path(folder)
        settings = engine.place(address, _REQUEST)
        database = settings.split("database: ")[1].split()[0]
        settings += f"    external_stages: [{{url: '{BUCKET}', stage: {database}.RAW.EVENTS}}]\n"
        write_project(root, warehouse="\n" + settings, feeds=args.feeds)
        config = root / "engagectl.yaml"
        config.write_text(config.read_text().replace("data/*.jsonl", f"{BUCKET}*"))
        size = _put(root, args.count, args.chunks)
        project = api.open_project(root)
        api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
        with api.connected(project, command="bench", read_only=False) as connections:
            connections["local"].execute(f"CREATE SCHEMA {database}.RAW")
            connections["local"].execute(f"CREATE STAGE {database}.RAW.EVENTS URL = 'file://{root / 'objects'}/'")
        found = _sync(root)
    print("| | objects of a stage |")
    print("|---|---|")
    for name, value in (
        ("messages, MB of input", f"{args.count}, {size / 1e6:.1f}"),
        ("messages that came to the client, kB", f"{found.lines}, {found.fetched / 1e3:.1f}"),
        ("kB of files sent (PUT)", f"{found.put / 1e3:.1f}"),
        ("kB of other rows that came back", f"{(found.back - found.fetched) / 1e3:.0f}"),
        ("kB of statements and bound values", f"{found.text / 1e3:.0f}"),
        ("statements", str(found.statements.total())),
        *((verb, str(found.statements[verb])) for verb in sorted(found.statements)),
    ):
        print(f"| {name} | {value} |")


def _put(root: Path, count: int, objects: int) -> int:
    """Put the messages into so many objects, where the client lists them and where the stage lies."""
    (root / "objects").mkdir()
    store = fsspec.filesystem("memory")
    lines = [line.encode() for line in messages.messages(count, seed=7, users=max(count // 10, 1), dirty=False)]
    for n in range(objects):
        part = b"".join(lines[n * count // objects : (n + 1) * count // objects])
        (root / f"objects/{n:03d}.json").write_bytes(part)
        with store.open(f"/bench/{n:03d}.json", "wb") as out:
            out.write(part)
    return sum(map(len, lines))


def _sync(root: Path) -> Both:
    traffic = Both()
    project = api.open_project(root)
    with api.connected(project, command="sync", read_only=False) as connections:
        connection: Any = connections["local"]
        connection._handle = Watched(connection._handle, traffic)  # noqa: SLF001  where the driver begins
        report = passes.sync(
            project,
            connections=connections,
            options=passes.SyncOptions(),
            clock=lambda: datetime.now(UTC),
            progress=passes.Silent(),
        )
    assert all(counts.balanced for counts in report.feeds.values())  # noqa: S101
    return traffic


if __name__ == "__main__":
    main()
