"""The lease of a journal, on PostgreSQL by a LeaseSql of its own: what an engine adds is SQL and no more."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engagectl.errors import LockHeld
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.lease import RENEW_S, Keeper, LeaseSql, free, one_row
from engagectl.warehouses.postgres.connect import connect


def _make(connection: Connection, journal: str) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {journal}")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {journal}.lease AS {one_row('text', 'bigint')}")


SQL = LeaseSql(
    now="CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
    user="current_user",
    place=lambda journal: f"{journal}.lease",
    make=_make,
    text="text",
)
Keeping = Callable[[], tuple[Connection, Keeper]]


@pytest.fixture
def keeping(postgres_dsn: str) -> Iterator[Keeping]:
    opened = []

    def session() -> tuple[Connection, Keeper]:
        connection = connect(
            SimpleNamespace(),
            "w",
            secrets={"dsn": postgres_dsn},
            root=Path(),
            read_only=False,
            lock_timeout_s=1,
            command="t",
        )
        opened.append(connection)
        return connection, Keeper(connection, SQL)

    yield session
    for connection in opened:
        connection.close()


def _take(keeper: Keeper, host: str) -> None:
    keeper.take("j", timeout_s=0, holder=Holder(command="sync", host=host, pid=7))


pytestmark = pytest.mark.postgres


def test_one_holds_it_and_the_other_is_told_who(keeping: Keeping) -> None:
    (_, first), (_, second) = keeping(), keeping()
    assert first.holder("j") is None
    _take(first, "h1")
    with pytest.raises(LockHeld, match=r"in use by engagectl sync \(pid 7 on h1\)"):
        _take(second, "h2")
    first.release()
    _take(second, "h2")
    holder = first.holder("j")
    assert holder is not None
    assert holder.host == "h2"


def test_what_was_written_under_a_lost_lease_is_not_committed(keeping: Keeping) -> None:
    (one, sleeper), (two, waker) = keeping(), keeping()
    _take(sleeper, "sleeper")
    one.execute("CREATE TABLE j.t (a bigint)")
    one.begin()
    one.execute("INSERT INTO j.t VALUES (1)")
    sleeper.before_commit()
    one.commit()
    one.execute("UPDATE j.lease SET expires_at = 1")
    _take(waker, "waker")
    one.begin()
    one.execute("INSERT INTO j.t VALUES (2)")
    with pytest.raises(LockHeld, match="is now held by engagectl sync"):
        sleeper.before_commit()
    one.rollback()
    assert two.query("SELECT a FROM j.t") == [(1,)]


def test_it_is_renewed_once_in_a_while_and_ends_for_good_when_it_is_freed(keeping: Keeping) -> None:
    connection, keeper = keeping()
    _take(keeper, "h1")
    connection.execute("UPDATE j.lease SET expires_at = 1")
    keeper.before_statement()  # not yet
    assert keeper.holder("j") is None
    assert keeper.lease is not None
    keeper.lease.renewed_at -= RENEW_S
    keeper.before_statement()
    assert keeper.holder("j") is not None
    free(connection, SQL, "j")
    keeper.lease.renewed_at -= RENEW_S
    with pytest.raises(LockHeld, match="is now held by nobody"):
        keeper.before_statement()


def test_who_waits_leaves_a_sign_until_it_gets_the_lease_or_gives_up(keeping: Keeping) -> None:
    (_, holder), (_, waiter) = keeping(), keeping()
    _take(holder, "holder")
    assert not holder.somebody_waits()
    waiting = threading.Thread(
        target=lambda: waiter.take("j", timeout_s=60, holder=Holder(command="apply", host="waiter", pid=8))
    )
    waiting.start()
    until = time.monotonic() + 20
    while not holder.somebody_waits() and time.monotonic() < until:
        time.sleep(0.02)
    assert holder.somebody_waits()
    holder.release()
    waiting.join()
    assert not waiter.somebody_waits(), "the sign was its own"
    with pytest.raises(LockHeld):
        holder.take("j", timeout_s=0.1, holder=Holder(command="sync", host="late", pid=9))
    assert not waiter.somebody_waits(), "who gave up has taken it back"
