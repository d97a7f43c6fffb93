"""A plan that is given runs on the real engines: recorded when it works, rolled back whole when it does not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.apply.run import Run
from engagectl.errors import StatementError
from engagectl.journal import applied, history, names, ownership
from engagectl.model.change import Change, CreateSchema, CreateTable, RenameColumn, address_of
from engagectl.model.column_type import Text
from engagectl.model.feed import Feed, FeedColumn, FeedTable, InBody, Standard
from engagectl.model.plan import Plan, Step, WarehousePlan
from engagectl.model.schema import Column, Table, TableName
from engagectl.render import render
from engagectl.warehouses.contract import Connection, Warehouse
from engagectl.warehouses.registry import warehouse

USERS = TableName("engage_default", "users")


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def kind(request: pytest.FixtureRequest) -> Warehouse:
    return warehouse(request.param)


@pytest.fixture
def connection(kind: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    spec = SimpleNamespace(path="build/test.duckdb", storage_version=None)
    secrets = {"dsn": request.getfixturevalue("postgres_dsn")} if kind.name == "postgres" else {}
    with kind.connect(
        spec, "w", secrets=secrets, root=tmp_path, read_only=False, lock_timeout_s=0.3, command="test"
    ) as opened:
        yield opened


def feed(trait: str) -> Feed:
    columns = (
        FeedColumn(name="id", type=Text(), stored=Text(), value=Standard("id")),
        FeedColumn(name=trait, type=Text(), stored=Text(), value=InBody((trait,))),
    )
    table = FeedTable(name=USERS, role="users", columns=columns)
    return Feed(project="p", kind="users", id="users.s.d", warehouse="w", space="s", source="d", tables=(table,))


def run(kind: Warehouse, connection: Connection, apply_id: str, trait: str, *changes: Change, bad: str = "") -> None:
    steps = tuple(
        Step(id=str(n), address=address_of(change), change=change, statements=render(change, kind))
        for n, change in enumerate(changes)
    )
    if bad:
        steps = (*steps[:-1], replace(steps[-1], statements=(bad,)))
    part = WarehousePlan(warehouse="w", type=kind.name, steps=steps, feeds=(feed(trait),))
    plan = Plan(
        project="p",
        target="prod",
        warehouses=(part,),
        fingerprint="f",
        created_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-08T00:00:00Z",
        engagectl="0",
    )
    Run(plan=plan, part=part, connection=connection, record=kind, journal="engagectl", apply_id=apply_id).go()


CREATE = (
    CreateSchema(schema="engage_default"),
    CreateTable(table=Table(name=USERS, columns=(Column(name="id", type=Text()), Column(name="plan", type=Text())))),
)


def test_what_ran_is_recorded_and_renames_follow(kind: Warehouse, connection: Connection) -> None:
    run(kind, connection, "a1", "plan", *CREATE)
    assert {row.key[2]: row.origin for row in ownership.read_owned(connection, "engagectl")} == {
        "": "created",
        "id": "created",
        "plan": "created",
    }
    assert names.times_columns(connection, "engagectl", USERS) == ("plan",)
    run(kind, connection, "a2", "tier", RenameColumn(table=USERS, before="plan", column="tier"))
    assert names.times_columns(connection, "engagectl", USERS) == ("tier",)
    (recorded,) = applied.read_feeds(connection, "engagectl")
    assert (recorded.feed, recorded.apply_id) == (feed("tier"), "a2")
    assert {row.column for row in ownership.read_owned(connection, "engagectl")} == {"", "id", "tier"}
    assert [entry.status for entry in history.read_history(connection, "engagectl", project="p")] == ["Success"] * 2


def test_a_failure_leaves_nothing_and_the_next_run_converges(kind: Warehouse, connection: Connection) -> None:
    with pytest.raises(StatementError):
        run(kind, connection, "a1", "plan", *CREATE, bad="CREATE TABLE nowhere_at_all.t (id INTEGER)")
    assert applied.read_feeds(connection, "engagectl") == ()
    assert kind.catalog(connection, ["engage_default"]).schemas == ()
    (failed,) = history.read_history(connection, "engagectl", project="p")
    assert failed.status == "Failure"
    run(kind, connection, "a2", "plan", *CREATE)
    run(kind, connection, "a3", "plan")
    assert [entry.id for entry in history.read_history(connection, "engagectl", project="p")] == ["a2", "a1"]
