"""`inspect` of a warehouse that somebody else filled: every statement true, nothing written, few rows read."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from engagectl.inspect.survey import Survey, survey
from engagectl.warehouses.contract import Warehouse
from engagectl.warehouses.registry import warehouse
from tests.cli.inside import run
from tests.conftest import Opener
from tests.inspect.segment import EVENT, STANDARD, Segment


def _look(segment: Segment, open_engine: Opener, engine: Warehouse, **options: object) -> Survey:
    segment.session.close()
    with open_engine(read_only=True) as connection:
        return survey(connection, engine, **options)  # type: ignore[arg-type]


def _odd(found: Survey, kind: str) -> list[str]:
    return [f"{one.address.name}: {one.detail}" for one in found.oddities if one.kind == kind]


def test_tables_computations_and_last_rows(segment: Segment, open_engine: Opener, engine: Warehouse) -> None:
    segment.fill()
    found = _look(segment, open_engine, engine)
    assert [(one.name, one.kind, one.slug) for one in found.schemas] == [
        ("default", "activations", "default"),
        ("engage_default", "classic", "default"),
    ]
    roles = {str(one.table.name): one.role for schema in found.schemas for one in schema.tables}
    assert roles["engage_default.audience_entered"] == "event"
    assert roles["engage_default.product_viewed"] == "other"
    assert roles["default.vip_log"] == "activation"
    told = {(one.kind, one.key): one for one in found.computations}
    assert set(told) == {("audience", "vip"), ("trait", "revenue"), ("trait", "plan"), ("trait", "never")}
    assert "default.vip_log" in told["audience", "vip"].tables
    facts = found.facts["engage_default.identifies"]
    assert (facts.rows, facts.read, facts.whole, facts.last_at) == (2, 2, True, "2024-01-02T00:00:02Z")
    assert found.facts["engage_default.audience_entered"].events == ("Audience Entered",)
    assert "engage_default.users.never: no value in any of 1 rows" in _odd(found, "never_filled")
    assert _odd(found, "no_rows") == ["engage_default.audience_exited: no row"]


def test_two_spellings_and_two_types(segment: Segment, open_engine: Opener, engine: Warehouse) -> None:
    segment.table("engage_default.users", {"id": "text", "revenue_30": "number", "revenue30": "number", "age": "text"})
    segment.table("engage_default.identifies", {**STANDARD, "age": "number"})
    segment.table("engage_default.trait_computed", {**EVENT, "trait_key": "text"})
    for key in ("Total Revenue", "total_revenue"):
        segment.row("engage_default.trait_computed", trait_key=key)
    found = _look(segment, open_engine, engine)
    assert _odd(found, "two_spellings") == [
        "engage_default: revenue30 and revenue_30 may be one, under 2 spellings",
        "engage_default: Total Revenue and total_revenue may be one, under 2 spellings",
    ]
    (types,) = _odd(found, "two_types")
    assert types.startswith("engage_default: age is ")
    assert "in identifies" in types
    assert "in users" in types


def test_of_a_large_table_only_the_newest_rows_are_read(
    segment: Segment, open_engine: Opener, engine: Warehouse
) -> None:
    segment.table("engage_default.identifies", {"id": "text", "received_at": "time", "old": "text", "vip": "boolean"})
    numbers = "range(50000) AS r(n)" if engine.name == "duckdb" else "generate_series(0, 49999) AS r(n)"
    segment.session.execute(
        "INSERT INTO engage_default.identifies SELECT CAST(n AS VARCHAR), CAST('2024-01-01 00:00:00+00' AS TIMESTAMPTZ)"
        " + n * INTERVAL '1 second', CASE WHEN n BETWEEN 10000 AND 20000 THEN 'x' END, n > 49990"
        f" FROM {numbers} ORDER BY n"
    )
    found = _look(segment, open_engine, engine, rows=1000)
    facts = found.facts["engage_default.identifies"]
    assert not facts.whole
    assert 0 < facts.read < 10_000
    assert facts.last_at == "2024-01-01T13:53:19Z"
    assert facts.empty == ("old",), facts
    assert "in the newest" in _odd(found, "never_filled")[0]


def test_schemas_are_chosen_by_pattern(segment: Segment, open_engine: Opener, engine: Warehouse) -> None:
    segment.fill()
    segment.table("engageXother.t", {"id": "text"})
    found = _look(segment, open_engine, engine, schemas=("engage_%",))
    assert [one.name for one in found.schemas] == ["engage_default"]


def test_a_view_and_a_foreign_schema_are_named_and_not_read(
    segment: Segment, open_engine: Opener, engine: Warehouse
) -> None:
    segment.fill()
    segment.session.execute("CREATE VIEW engage_default.latest AS SELECT * FROM engage_default.users")
    found = _look(segment, open_engine, engine)
    (classic,) = (one for one in found.schemas if one.kind == "classic")
    assert {one.table.name.table: one.role for one in classic.tables}["latest"] == "other"
    assert "engage_default.latest" not in found.facts


@pytest.mark.postgres
def test_owner_and_missing_grants_on_postgres(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, reader = f"segment_{os.getpid()}", f"reader_{os.getpid()}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {owner}")
        admin.execute(f"CREATE ROLE {reader} LOGIN PASSWORD 'x'")
        try:
            admin.execute("CREATE SCHEMA engage_default")
            for table in ("identifies", "users"):
                admin.execute(f"CREATE TABLE engage_default.{table} (id text, received_at timestamptz, vip boolean)")
                admin.execute(f"ALTER TABLE engage_default.{table} OWNER TO {owner}")
            admin.execute(f"GRANT USAGE ON SCHEMA engage_default TO {reader}")
            admin.execute(f"GRANT SELECT ON engage_default.users TO {reader}")
            monkeypatch.setenv("INSPECT_DSN", postgres_dsn)
            monkeypatch.setenv("PGOPTIONS", f"-c role={reader}")
            done = run("inspect", "--warehouse", "postgres", "--dsn-env", "INSPECT_DSN", "--json")
        finally:
            for table in ("identifies", "users"):
                admin.execute(f"DROP TABLE IF EXISTS engage_default.{table}")
            admin.execute(f"DROP OWNED BY {owner}")
            admin.execute(f"DROP OWNED BY {reader}")
            admin.execute(f"DROP ROLE {owner}")
            admin.execute(f"DROP ROLE {reader}")
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["warehouses"]
    assert found["role"] == reader
    tables = {one["table"]: one for one in found["schemas"][0]["tables"]}
    assert {one["owner"] for one in tables.values()} == {owner}
    assert tables["users"]["refused"] == ""
    assert "permission denied" in tables["identifies"]["refused"]


def test_no_project_is_needed_and_the_next_commands_are_said(tmp_path: Path) -> None:
    duckdb = warehouse("duckdb")
    file = tmp_path / "other.duckdb"
    spec = SimpleNamespace(path=file, storage_version=None)
    options = {"secrets": {}, "root": tmp_path, "read_only": False, "lock_timeout_s": 1.0, "command": "test"}
    with duckdb.connect(spec, "w", **options) as connection:
        Segment(connection, duckdb).fill()
    before = file.read_bytes()
    done = run("-C", str(tmp_path), "inspect", "--warehouse", "duckdb", "--path", str(file))
    assert done.code == 0, done.err
    assert "engage_default  classic schema of space default" in done.out
    assert done.out.rstrip().endswith("engagectl plan")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["other.duckdb"]


def test_flags_that_do_not_fit_are_said(tmp_path: Path) -> None:
    assert run("-C", str(tmp_path), "inspect", "--path", "x.duckdb").code == 64
    done = run("-C", str(tmp_path), "inspect", "--warehouse", "duckdb", "--host", "h")
    assert done.code == 64
    assert "host" in done.err
    missing = run("-C", str(tmp_path), "inspect", "--warehouse", "duckdb", "--path", "nothing.duckdb")
    assert missing.code == 0
    assert "No schema of Engage" in missing.out
    assert not (tmp_path / "nothing.duckdb").exists()


def test_in_a_project_a_warehouse_may_be_called_as_its_type(tmp_path: Path) -> None:
    (tmp_path / "engagectl.yaml").write_text(
        "version: 1\nproject: acme\nwarehouses: {duckdb: {type: duckdb, path: ./x.duckdb}}\n"
    )
    done = run("-C", str(tmp_path), "inspect", "-w", "duckdb")
    assert done.code == 0, done.err
    assert "engagectl inspect: duckdb" in done.out
