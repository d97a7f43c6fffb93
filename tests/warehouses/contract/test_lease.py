"""Engines without transactions for DDL, and with a lease for a lock: cut after any write, the next apply converges."""

import uuid
from datetime import UTC, datetime

import pytest

from engagectl import api
from engagectl.apply.run import Run
from engagectl.errors import LockHeld
from engagectl.planner import make_plan
from engagectl.sync.options import Silent
from engagectl.warehouses.contract import Connection, Holder, Warehouse
from engagectl.warehouses.lease import RENEW_S, SIGN_S, Keeper, Lease, leave_sign
from tests.apply.plug import Cut, Plug
from tests.cli.inside import run
from tests.scenarios.house import House, track
from tests.warehouses.contract import test_sync as rows_of
from tests.warehouses.contract.conftest import Writing
from tests.warehouses.contract.test_structure import SPACE

NEEDS = "lease"
TRAITS = "traits:\n  n: {space: default, kind: sql, type: integer}\n"
SMALL = SPACE[: SPACE.index("traits:")] + TRAITS + SPACE[SPACE.index("audiences:") : SPACE.index("activations:")]


def _apply(house: House, record: Warehouse, *, after: int) -> bool:
    """Apply until so many writes are done; tell whether there were more."""
    with api.connected(house.project, command="apply", read_only=False) as connections:
        connections["local"].lock("engagectl", timeout_s=0, holder=Holder(command="apply"))
        plan = make_plan(house.project, connections=connections, now=datetime.now(UTC))
        run = Run(
            plan=plan,
            part=plan.warehouses[0],
            connection=Plug(connections["local"], after),  # type: ignore[arg-type]  # lock and the like are not asked
            record=record,
            journal="engagectl",
            apply_id=uuid.uuid4().hex,
        )
        try:
            run.go()
        except Cut:
            return True
        return False


@pytest.mark.parametrize("first", range(3))
def test_cut_after_any_write_the_next_apply_converges(first: int, on: str, house: House, record: Warehouse) -> None:
    house.write(SMALL)
    cuts = 0
    while _apply(house, record, after=1 + first + 3 * cuts):
        cuts += 1
    assert cuts > 3
    assert house.plan().steps == ()
    assert house.drift().steps == ()


def _locked(connection: Connection, name: str) -> Lease:
    connection.lock("engagectl", timeout_s=0, holder=Holder(command="apply", host=name))
    return _lease(connection)


def _lease(connection: Connection) -> Lease:
    keeper = connection.keeper  # type: ignore[attr-defined]  # of every engine whose lock is a lease row
    assert isinstance(keeper, Keeper)
    assert keeper.lease is not None
    return keeper.lease


def _expire(connection: Connection) -> None:
    """End the lease by the server's clock, as 300 s would."""
    place = _lease(connection).sql.place("engagectl")
    connection.execute(f"UPDATE {place} SET expires_at = 1 WHERE fence > 0")


def test_a_lease_that_ran_out_is_taken_and_its_first_holder_stops(house: House) -> None:
    house.write(SMALL)
    with (
        api.connected(house.project, command="apply", read_only=False) as first,
        api.connected(house.project, command="apply", read_only=False) as second,
    ):
        sleeper, waker = first["local"], second["local"]
        _locked(sleeper, "sleeper")
        with pytest.raises(LockHeld, match="sleeper"):
            _locked(waker, "waker")
        _expire(sleeper)
        _locked(waker, "waker")
        _lease(sleeper).renewed_at -= RENEW_S
        with pytest.raises(LockHeld, match=r"had expired, and is now held by engagectl apply \(pid 0 on waker\)"):
            sleeper.execute("CREATE SCHEMA IF NOT EXISTS late")
        assert waker.lock_holder("engagectl") is not None
        sleeper.close()  # and gives up what is not its own any more: nothing
        holder = waker.lock_holder("engagectl")
        assert holder is not None
        assert holder.host == "waker"


def test_unlock_frees_a_lease_whose_holder_is_gone(house: House) -> None:
    house.write(SMALL)
    with api.connected(house.project, command="apply", read_only=False) as connections:
        gone = connections["local"]
        _locked(gone, "gone")
        done = run("-C", str(house.root), "unlock")
        assert done.code == 0
        assert "local: freed; it was held by engagectl apply (pid 0 on gone)" in done.out
        house.apply()
        _lease(gone).renewed_at -= RENEW_S
        with pytest.raises(LockHeld, match="is now held by nobody"):
            gone.query("SELECT 1")


def test_a_lease_is_renewed_by_work_and_ends_with_its_session(house: House) -> None:
    house.write(SMALL)
    with api.connected(house.project, command="apply", read_only=False) as connections:
        worker = connections["local"]
        _locked(worker, "worker")
        _expire(worker)
        _lease(worker).renewed_at -= RENEW_S
        worker.query("SELECT 1")
        assert worker.lock_holder("engagectl") is not None
    with api.connected(house.project, command="apply", read_only=False) as connections:
        assert connections["local"].lock_holder("engagectl") is None
        _locked(connections["local"], "next")


LATER = "activations:\n  shoppers: {audience: shopper, warehouses: [cdp], table: shoppers}\n"


class LeavesASign(Silent):
    """Somebody who waits for the lock since the first chunk."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def advance(self, file: str, done: int, total: int | None) -> None:  # noqa: ARG002  the protocol's
        sql = self.connection.keeper._sql  # type: ignore[attr-defined]  # of every engine whose lock is a lease row
        leave_sign(self.connection, sql, "engagectl", "somebody", seconds=SIGN_S)


def test_a_sync_that_only_catches_up_yields_to_who_waits(house: House, writing: Writing) -> None:
    given = rows_of.SPACE[: rows_of.SPACE.index("activations:")]
    house.write(given)
    house.apply()
    for n in range(3):
        house.messages(track(n, "Audience Entered", rows_of.AUDIENCE), name=f"data/{n}.jsonl")
    house.sync()
    house.write(given + LATER)
    house.apply()
    house.messages(track(9, "Audience Entered", rows_of.AUDIENCE), name="data/2.jsonl")
    with writing() as other:
        report = house.sync(progress=LeavesASign(other), chunk_bytes=1)
        assert report.exit_code == 0
        assert [text.split(":")[0] for text in report.unfinished] == ["catching up"]
        other.lock("engagectl", timeout_s=5, holder=Holder(command="apply"))
