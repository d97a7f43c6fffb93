"""What a sync costs in a cloud warehouse: its statements by kind, and the bytes that pass through the client, as the
vendor's client sends them to an emulator. Time is not told: an emulator's is nobody's.

Run: make bench-traffic ENGINES=redshift COUNT=20000 CHUNKS=10
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import messages
from house import write_project

from engagectl import api
from engagectl.sync import passes
from engagectl.sync.options import SyncOptions
from tests.warehouses.contract.engines import ENGINES


@dataclass
class Traffic:
    """What went out, counted where the connector takes it."""

    statements: Counter[str] = field(default_factory=Counter)
    put: int = 0
    files: int = 0
    text: int = 0

    def sent(self, sql: str, parameters: Any) -> None:
        verb = sql.split(None, 1)[0].upper()
        self.statements[verb] += 1
        self.text += len(sql.encode()) + len(str(parameters or "").encode())
        if verb == "PUT":
            pattern = Path(sql.split("'")[1].removeprefix("file://"))
            self.placed(*(path.stat().st_size for path in pattern.parent.glob(pattern.name)))

    def placed(self, *sizes: int) -> None:
        self.put, self.files = self.put + sum(sizes), self.files + len(sizes)

    def uploaded(self, params: Any, **_: Any) -> None:
        """Count an object that goes to S3."""
        body = params["body"]
        self.put += len(body) if isinstance(body, bytes) else body.seek(0, os.SEEK_END)
        if not isinstance(body, bytes):
            body.seek(0)
        self.files += 1


class Counted:
    """A connection, or a cursor, of the driver that counts what is executed."""

    def __init__(self, real: Any, traffic: Traffic) -> None:
        self._real, self._traffic = real, traffic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def cursor(self, *args: Any) -> "Counted":
        return Counted(self._real.cursor(*args), self._traffic)

    def execute(self, sql: str, parameters: Any = None, **more: Any) -> Any:
        self._traffic.sent(sql, parameters)
        if stream := more.get("input_stream"):  # Databricks: PUT of what it reads there
            self._traffic.placed(os.fstat(stream.fileno()).st_size)
        return self._real.execute(sql, parameters, **more)

    def executemany(self, sql: str, rows: Sequence[Any]) -> Any:
        self._traffic.sent(sql, rows)
        return self._real.executemany(sql, rows)


class Jobs:
    """BigQuery's client, which counts the jobs that it sends."""

    def __init__(self, real: Any, traffic: Traffic) -> None:
        self._real, self._traffic = real, traffic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def query(self, sql: str, **more: Any) -> Any:
        self._traffic.sent(sql, [one.value for one in more["job_config"].query_parameters])
        return self._real.query(sql, **more)

    def load_table_from_file(self, file: Any, *args: Any, **more: Any) -> Any:
        self._traffic.statements["load job"] += 1
        self._traffic.placed(os.fstat(file.fileno()).st_size)
        return self._real.load_table_from_file(file, *args, **more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["snowflake", "redshift", "bigquery", "databricks"])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--chunks", type=int, default=10)
    parser.add_argument("--feeds", type=int, default=5)
    args = parser.parse_args()
    engine = ENGINES[args.engine]
    with tempfile.TemporaryDirectory(prefix="engagectl-bench-") as folder, engine.serve() as address:
        root = Path(folder)
        write_project(root, warehouse="\n" + engine.place(address, _REQUEST), feeds=args.feeds)
        file = root / "data/events.jsonl"
        messages.write(file, args.count, seed=7, users=max(args.count // 10, 1))
        project = api.open_project(root)
        api.apply_plan(project, confirm=lambda _: True, reporter=lambda _: None)
        print("| | first sync | the same file again |")
        print("|---|---|---|")
        size = file.stat().st_size
        first = _sync(root, size // args.chunks + 1)
        again_name = root / "data/again.jsonl"
        again_name.write_bytes(file.read_bytes())
        again = _sync(root, size // args.chunks + 1)
        for name, one, two in (
            ("MB of input", f"{size / 1e6:.1f}", f"{size / 1e6:.1f}"),
            ("MB of files sent", f"{first.put / 1e6:.1f}", f"{again.put / 1e6:.1f}"),
            ("files", str(first.files), str(again.files)),
            ("kB of statements and bound values", f"{first.text / 1e3:.0f}", f"{again.text / 1e3:.0f}"),
            ("statements", str(first.statements.total()), str(again.statements.total())),
            *(
                (f"{verb}", str(first.statements[verb]), str(again.statements[verb]))
                for verb in sorted(first.statements | again.statements)
            ),
        ):
            print(f"| {name} | {one} | {two} |")


_REQUEST: Any = SimpleNamespace(getfixturevalue=lambda _: SimpleNamespace(setenv=os.environ.__setitem__))
"""What a place asks of a test: to set the environment."""


def _sync(root: Path, chunk_bytes: int) -> Traffic:
    traffic = Traffic()
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register("before-call.s3.PutObject", traffic.uploaded)
    project = api.open_project(root)
    with api.connected(project, command="sync", read_only=False) as connections:
        connection: Any = connections["local"]
        if hasattr(connection, "client"):
            connection.client = Jobs(connection.client, traffic)
        else:
            connection._handle = Counted(connection._handle, traffic)  # noqa: SLF001  where the driver begins
        report = passes.sync(
            project,
            connections=connections,
            options=SyncOptions(chunk_bytes=chunk_bytes),
            clock=lambda: datetime.now(UTC),
            progress=passes.Silent(),
        )
    assert all(counts.balanced for counts in report.feeds.values())  # noqa: S101
    return traffic


if __name__ == "__main__":
    main()
