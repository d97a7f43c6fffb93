"""One project, played twice in DuckDB: by the client, and by a warehouse that takes the objects itself."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import fsspec

from engagectl import api
from engagectl.sync.options import Silent, SyncOptions
from engagectl.sync.ready import ready_feeds
from engagectl.sync.report import SyncReport
from engagectl.sync.run import Run
from engagectl.warehouses.contract import Connection, Holder, Loader
from engagectl.warehouses.landing import Landing
from engagectl.warehouses.registry import warehouse
from tests.scenarios.house import House

BUCKET = "memory://landed/"
Make = Callable[[Connection, Loader, Mapping[str, bytes]], Landing]


def put(objects: Mapping[str, bytes]) -> None:
    """Put objects into fsspec's memory, and nothing else."""
    store = fsspec.filesystem("memory")
    if store.exists("/landed"):
        store.rm("/landed", recursive=True)
    for name, data in objects.items():
        with store.open(f"/landed/{name}", "wb") as file:
            file.write(data)


def run(house: House, make: Make | None, objects: Mapping[str, bytes]) -> SyncReport:
    """Sync once, by the client alone unless a landing is made."""
    project = house.project
    report = SyncReport(sync_id="s1")
    options = SyncOptions()
    with api.connected(project, command="sync", read_only=False) as connections:
        ((name, connection),) = connections.items()
        connection.lock("engagectl", timeout_s=5, holder=Holder(command="sync"))
        ready = ready_feeds(project, name, connection, options)
        loader = warehouse(project.spec.warehouses[name].type).loader(connection, "engagectl")
        done = Run(
            project,
            name,
            connection,
            loader,
            options,
            lambda: datetime.now(UTC),
            Silent(),
            report,
            ready,
            list(ready.works),
        )
        if make is not None:
            urls = {f"{BUCKET}{key}": data for key, data in objects.items()}
            done.landing = make(connection, loader, urls)
        done.run()
    assert all(counts.balanced for counts in report.feeds.values())
    return report


def snapshot(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table, each row by its columns' names; without load stamps, what is told of a sync alone, and the
    context paths that no column takes: they are looked for in a sample.
    """
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        return dict(_tables(connection))


def _tables(connection: Connection) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    listed = connection.query(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema NOT IN ('information_schema', 'INFORMATION_SCHEMA', 'pg_catalog') ORDER BY 1, 2, 3"
    )
    tables: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in listed:
        tables.setdefault((schema, table), []).append(column)
    for (schema, table), columns in tables.items():
        kept = [name for name in columns if name.lower() not in ("uuid_ts", "sync_id", "recorded_at")]
        is_told = table.lower() in ("quarantine", "seen", "undeclared") or table.lower().startswith("users_times")
        if schema.lower() == "engagectl" and not is_told:
            continue
        texts = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in kept)
        rows = connection.query(f'SELECT {texts} FROM "{schema}"."{table}"')
        yield f"{schema}.{table}", sorted((row for row in rows if "context" not in row), key=repr)


def counted(report: SyncReport) -> dict[str, Any]:
    """Return the counts of each feed. How often a row of users was written is not of them: two folds may write one."""
    return {
        str(address): {
            "messages": (c.read, c.inserted, c.duplicate, c.quarantined, c.cells, c.skewed, dict(c.filtered)),
            "rows": {str(name): rows for name, rows in c.tables.items() if rows and address.kind != "users"},
        }
        for address, c in report.feeds.items()
    }
