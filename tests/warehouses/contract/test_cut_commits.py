"""Transactions of an engine that has none: cut before or after any statement of a commit, the next command ends it."""

import contextlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from engagectl import api
from engagectl.apply.run import Run
from engagectl.errors import EngagectlError, StatementError
from engagectl.journal.applied import read_feeds
from engagectl.planner import make_plan
from engagectl.warehouses import lease
from engagectl.warehouses.contract import Connection, Holder, Warehouse
from engagectl.warehouses.databricks import connect as databricks_connect
from engagectl.warehouses.databricks.lease import SQL
from tests.scenarios.house import House, identify, track
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.test_lease import SMALL

NEEDS = "databricks"


class Wire:
    """The session of a connector whose wire is cut: before a statement is sent, or before its answer comes."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.writes = 0
        self.cut_at: int | None = None
        self.is_sent = False

    def cursor(self) -> Any:
        cursor = self.real.cursor()
        execute = cursor.execute

        def counted(text: str, **more: Any) -> Any:
            self.writes += not text.startswith("SELECT")
            if self.cut_at is not None and self.writes >= self.cut_at:
                if self.writes == self.cut_at and self.is_sent:
                    execute(text, **more)
                self.writes += 1
                raise ConnectionError("the wire was cut")
            return execute(text, **more)

        cursor.execute = counted
        return cursor

    def close(self) -> None:
        self.real.close()


@contextmanager
def _locked(house: House) -> Iterator[tuple[Connection, Wire]]:
    with api.connected(house.project, command="apply", read_only=False) as connections:
        connection: Any = connections["local"]
        wire = connection._handle = Wire(connection._handle)
        connection.lock("engagectl", timeout_s=0, holder=Holder(command="apply"))
        yield connection, wire


def _apply(house: House, record: Warehouse, connection: Connection) -> None:
    plan = make_plan(house.project, connections={"local": connection}, now=datetime.now(UTC))
    Run(
        plan=plan,
        part=plan.warehouses[0],
        connection=connection,
        record=record,
        journal="engagectl",
        apply_id=uuid.uuid4().hex,
    ).go()


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
def test_cut_at_any_statement_of_a_commit_the_next_command_ends_it(
    is_sent: bool, house: House, record: Warehouse
) -> None:
    house.write(SMALL)
    with _locked(house) as (connection, _):
        _apply(house, record, connection)
    cuts, described = 0, SMALL
    for number in range(40):
        described = SMALL.replace("type: integer}", f"type: integer, description: d{number}" + "}")
        house.write(described)
        with _locked(house) as (connection, wire):
            begun: list[int] = []
            begin = connection.begin

            def noted(begin: Any = begin, wire: Wire = wire, begun: list[int] = begun, cut: int = number) -> None:
                begin()
                begun.append(wire.writes)
                wire.cut_at, wire.is_sent = wire.writes + cut + 1, is_sent

            connection.begin = noted  # type: ignore[method-assign]  # to count from there
            try:
                _apply(house, record, connection)
            except EngagectlError:
                cuts += 1
                connection.keeper.lease = None  # type: ignore[attr-defined]  # it ends with the wire
            else:
                break
        with api.connected(house.project, command="unlock", read_only=False) as connections:
            record.unlock(connections["local"], "engagectl")  # type: ignore[misc]  # it has a lease
        with _locked(house) as (connection, _):
            numbers = [one.number for one in read_feeds(connection, "engagectl")]
            assert numbers == sorted(set(numbers)), "a feed is lost, or there twice"
            assert numbers
            _apply(house, record, connection)
        assert house.drift().steps == ()
        assert house.plan().steps == ()
    assert cuts > 4


SYNCED = """
inputs:
  events: {files: ["data/*.jsonl"]}
spaces:
  default: {slug: default, sources: {main: {input: events}}}
traits:
  visits: {space: default, kind: event, type: integer}
audiences:
  shopper: {space: default, kind: profile}
connections:
  classic:
    space: default
    warehouses: [cdp]
    send: [{traits: ["*"], as: [identify]}, {audiences: ["*"], as: [identify, track]}]
"""
BATCH = (
    identify(1, {"visits": 1, "shopper": True}),
    identify(2, {"visits": 2}, user="u2"),
    identify(3, {"visits": "many"}),
    track(4, "Audience Entered", {"audience_key": "shopper", "shopper": True}),
    track(4, "Audience Entered", {"audience_key": "shopper", "shopper": True}),
    "{no json",
)


def _stored(house: House) -> tuple[object, ...]:
    """Return what a reader sees, and what the journal has counted."""
    with api.connected(house.project, command="test", read_only=True) as connections:
        (connection,) = connections.values()
        counts = connection.query(
            "SELECT feed, sum(read), sum(inserted), sum(duplicate), sum(quarantined), max(offset_to)"
            " FROM engagectl.loads GROUP BY feed ORDER BY 1"
        )
        return (
            connection.query("SELECT id, visits, shopper FROM engage_default.identifies ORDER BY 1"),
            connection.query("SELECT id, visits, shopper FROM engage_default.users ORDER BY 1"),
            connection.query("SELECT id, shopper FROM engage_default.audience_entered ORDER BY 1"),
            connection.query("SELECT message_id, reason FROM engagectl.quarantine ORDER BY 2, 1"),
            connection.query("SELECT count(*), sum(feeds) FROM engagectl.seen"),
            connection.query("SELECT count(*) FROM engagectl.pending"),
            connection.query("SELECT feed, file, byte_offset FROM engagectl.checkpoints ORDER BY 1, 2"),
            connection.query("SELECT sum(inserted) FROM engagectl.load_tables"),
            counts,
        )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
def test_a_sync_cut_at_any_statement_loads_each_message_once(
    is_sent: bool, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write(SYNCED)
    house.apply()
    wires: list[Wire] = []
    cut_at: list[int | None] = [None]
    opened = databricks_connect.DatabricksConnection.__init__

    def wired(self: Any, handle: Any, *args: Any, **kwargs: Any) -> None:
        wires.append(Wire(handle))
        wires[-1].cut_at, wires[-1].is_sent = cut_at[0], is_sent
        opened(self, wires[-1], *args, **kwargs)

    monkeypatch.setattr(databricks_connect.DatabricksConnection, "__init__", wired)  # the wire, not our code, is cut
    expected: tuple[object, ...] | None = None
    cuts = 0
    for number in (0, *range(1 + is_sent, 80, 2)):
        house.messages(*BATCH, name="data/a.jsonl")
        cut_at[0] = None if number == 0 else number
        wires.clear()
        with contextlib.suppress(EngagectlError):
            house.sync()
        is_cut = any(wire.cut_at is not None and wire.writes >= wire.cut_at for wire in wires)
        cut_at[0] = None
        if is_cut:
            cuts += 1
            with api.connected(house.project, command="unlock", read_only=False) as connections:
                (connection,) = connections.values()
                lease.free(connection, SQL, "engagectl")
            house.sync()
        stored = _stored(house)
        expected = expected or stored
        assert stored == expected, f"cut at {number}"
        if number and not is_cut:
            break
        (house.root / "data/a.jsonl").unlink()
        _forget(house)
    assert cuts > 5


class Hindered(Wire):
    """A session beside which somebody takes a column away, right after a transaction was written down."""

    def cursor(self) -> Any:
        cursor = self.real.cursor()
        execute = cursor.execute

        def hindered(text: str, **more: Any) -> Any:
            done = execute(text, **more)
            if text.startswith("INSERT INTO engagectl.pending"):
                with contextlib.closing(self.real.cursor()) as other:
                    other.execute("ALTER TABLE `engage_default`.`audience_entered` DROP COLUMN `shopper`")
            return done

        cursor.execute = hindered
        return cursor


def test_what_is_refused_after_its_commit_is_put_right_by_hand_and_then_ended(
    house: House, writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write(SYNCED)
    house.apply()
    house.messages(*BATCH)
    opened = databricks_connect.DatabricksConnection.__init__
    with monkeypatch.context() as patched:
        patched.setattr(
            databricks_connect.DatabricksConnection,
            "__init__",
            lambda self, handle, *args, **kwargs: opened(self, Hindered(handle), *args, **kwargs),
        )  # the wire, not our code, is hindered
        with pytest.raises(EngagectlError):
            house.sync()
    for command in (house.sync, house.apply):
        with pytest.raises(StatementError, match="a transaction that was cut cannot be finished") as caught:
            command()
        assert "COPY INTO `engage_default`.`audience_entered`" in (caught.value.sql or "")
        assert "by hand" in " ".join(caught.value.help)
    assert house.plan().warehouses[0].steps  # whoever only reads is not held up, and is told what is missing
    with writing() as connection:
        connection.execute("ALTER TABLE `engage_default`.`audience_entered` ADD COLUMNS (`shopper` BOOLEAN)")
    house.sync()
    stored = _stored(house)
    assert [id_ for id_, *_ in stored[0]] == ["m1", "m2", "m3"]  # type: ignore[attr-defined]  # rows
    assert (stored[2], stored[5]) == ([("m4", True)], [(0,)])


def _forget(house: House) -> None:
    """Begin anew: nothing was ever loaded."""
    with api.connected(house.project, command="test", read_only=False) as connections:
        (connection,) = connections.values()
        tables = ("identifies", "users", "tracks", "audience_entered")
        for table in (*(f"engage_default.{one}" for one in tables), *(f"engagectl.{one}" for one in _JOURNAL)):
            connection.execute(f"DELETE FROM {table} WHERE 1 = 1")
        times = connection.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'engagectl'"
            " AND table_name LIKE 'users_times%'"
        )
        for (name,) in times:
            connection.execute(f"DELETE FROM engagectl.{name} WHERE 1 = 1")


_JOURNAL = ("loads", "load_tables", "checkpoints", "seen", "quarantine", "syncs", "sync_feeds", "undeclared")
