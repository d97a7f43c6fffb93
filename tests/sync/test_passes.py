"""A whole sync over files and a journal, from an applied state made by hand. Real DuckDB."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engagectl import api
from engagectl.config.project import Project, load_project
from engagectl.errors import NothingApplied
from engagectl.journal.applied import record_feeds
from engagectl.journal.tables import ensure
from engagectl.model.feed import Feed
from engagectl.sync.passes import Silent, SyncOptions, sync
from engagectl.sync.report import SyncReport
from engagectl.warehouses.contract import Connection
from engagectl.warehouses.registry import warehouse
from tests.sync.builders import REVENUE, SHOPPER, activation, connection, identify, track, users

YAML = """
version: 1
project: acme
default_target: dev
targets: {dev: {warehouses: {cdp: local}}}
warehouses: {local: {type: duckdb, path: ./acme.duckdb}}
inputs: {events: {files: ["data/*.jsonl"]}}
spaces: {default: {slug: default, sources: {main: {input: events}}}}
"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "engagectl.yaml").write_text(YAML)
    (tmp_path / "data").mkdir()
    return load_project(tmp_path, check=False)


@pytest.fixture
def database(project: Project) -> Iterator[Connection]:
    with api.connected(project, command="test", read_only=False) as connections:
        ensure(connections["local"], warehouse("duckdb"), "engagectl")
        yield connections["local"]


def _apply(database: Connection, *feeds: Feed) -> None:
    record = warehouse("duckdb")
    for feed in feeds:
        for table in feed.tables:
            listed = ", ".join(f'"{c.name}" {record.type_sql(c.stored)}' for c in table.columns)
            database.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.name.schema}"')
            database.execute(f'CREATE TABLE IF NOT EXISTS "{table.name.schema}"."{table.name.table}" ({listed})')
    record_feeds(database, "engagectl", target="dev", apply_id="a1", now=NOW, feeds=feeds, project="acme")


def _sync(project: Project, database: Connection, **options: object) -> SyncReport:
    return sync(
        project,
        connections={"local": database},
        options=SyncOptions(**options),  # type: ignore[arg-type]  # each test gives one known option
        clock=lambda: NOW,
        progress=Silent(),
    )


def _write(project: Project, *messages: object, name: str = "a") -> None:
    with (project.root / "data" / f"{name}.jsonl").open("a") as file:
        file.writelines((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages)


def test_the_second_sync_inserts_nothing(project: Project, database: Connection) -> None:
    _apply(database, connection(), users())
    _write(project, identify(1, {SHOPPER: True}), identify(2, {REVENUE: 450.0}))
    assert _sync(project, database).inserted == 4
    again = _sync(project, database)
    assert (again.inserted, again.chunks) == (0, 0)
    assert database.query(f"SELECT id, {SHOPPER}, {REVENUE} FROM engage_default.users") == [
        ("u123", True, Decimal("450.00"))
    ]
    assert database.query("SELECT count(*) FROM engage_default.identifies") == [(2,)]


def test_an_activation_added_later_reads_from_the_beginning(project: Project, database: Connection) -> None:
    _apply(database, connection())
    entered = {SHOPPER: True, "audience_key": SHOPPER, "data_graph_entity_context": {"plan": "gold"}}
    _write(project, track(1, "Audience Entered", entered))
    _sync(project, database)
    _apply(database, activation())
    _write(project, track(2, "Audience Entered", entered))
    _sync(project, database)
    assert database.query('SELECT id FROM "default".vip ORDER BY id') == [("m1",), ("m2",)]
    assert database.query("SELECT id FROM engage_default.tracks ORDER BY id") == [("m1",), ("m2",)]


def test_selecting_one_feed_costs_no_other_a_row(project: Project, database: Connection) -> None:
    _apply(database, connection(), users())
    _write(project, identify(1, {SHOPPER: True}))
    _sync(project, database, select=("users.*",))
    assert database.query("SELECT count(*) FROM engage_default.identifies") == [(0,)]
    _sync(project, database)
    assert database.query("SELECT count(*) FROM engage_default.identifies") == [(1,)]


def test_a_feed_without_its_table_is_left_out_and_the_others_load(project: Project, database: Connection) -> None:
    _apply(database, connection(), users())
    database.execute("DROP TABLE engage_default.users")
    _write(project, identify(1, {SHOPPER: True}))
    report = _sync(project, database)
    assert report.exit_code == 5
    assert [str(item.address) for item in report.left_out] == ["local/users.default.main"]
    assert database.query("SELECT count(*) FROM engage_default.identifies") == [(1,)]


def test_what_could_not_be_stored_is_in_the_journal(project: Project, database: Connection) -> None:
    _apply(database, connection())
    _write(project, "{broken", identify(1, {REVENUE: "abc"}))
    report = _sync(project, database)
    assert report.quarantined == 1
    assert database.query("SELECT reason, column_name, line, content FROM engagectl.quarantine ORDER BY line") == [
        ("malformed_json", "", 1, "{broken"),
        ("does_not_fit", REVENUE, 2, '"abc"'),
    ]


def test_nothing_applied_is_said(project: Project, database: Connection) -> None:
    with pytest.raises(NothingApplied):
        _sync(project, database)
