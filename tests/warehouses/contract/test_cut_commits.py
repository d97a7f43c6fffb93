"""Transactions of an engine that has none: cut before or after any statement of a commit, the next command ends it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from engagectl import api
from engagectl.apply.run import Run
from engagectl.errors import EngagectlError
from engagectl.journal.applied import read_feeds
from engagectl.planner import make_plan
from engagectl.warehouses.contract import Connection, Holder, Warehouse
from tests.scenarios.house import House
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

        def counted(text: str, *more: Any) -> Any:
            self.writes += not text.startswith("SELECT")
            if self.cut_at is not None and self.writes >= self.cut_at:
                if self.writes == self.cut_at and self.is_sent:
                    execute(text, *more)
                self.writes += 1
                raise ConnectionError("the wire was cut")
            return execute(text, *more)

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
