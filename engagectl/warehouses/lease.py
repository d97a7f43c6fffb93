"""The lock of a journal where an engine has none of its own: one row that says who holds it until when.

The clock is the server's. The row is made with its table, so there is exactly one, and taking it is an UPDATE, which
the engine runs one at a time. Each taking counts the fence up: whoever slept past its end finds another fence, and
stops. What differs between engines is their SQL, a LeaseSql; a connection keeps its lease by a Keeper.

Whoever waits leaves a sign in a table of its own, beside the lease: the holder writes to that within its transactions,
and two writers of one table meet.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engagectl.errors import EngagectlError, InternalError, LockHeld, StatementError, TransientError
from engagectl.warehouses.contract import Connection, Holder

LEASE_S = 300
RENEW_S = 60
POLL_S = 1.0
SIGN_S, SIGN_AGAIN_S = 30, 10
"""How long the sign of a waiter holds, and after how long it is renewed."""
COLUMNS = ("owner", "fence", "command", "host", "pid", "user_name", "since", "expires_at")
"""Of the table; `fence`, `pid` and `expires_at` are whole numbers, the others text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSql:
    """What an engine adds: its clock, who is signed in, the place of the table, and how it comes to be."""

    now: str  # seconds since 1970 by the server's clock, a whole number
    user: str
    place: Callable[[str], str]  # journal -> the lease's table
    make: Callable[[Connection, str], None]  # the journal's schema, and the table with its one row, unless it is there
    text: str = "VARCHAR(1024)"  # the types of the sign of a waiter
    integer: str = "BIGINT"


def one_row(text: str, integer: str) -> str:
    """Return a SELECT of the row of a free lease, for CREATE TABLE .. AS: types by their names in the engine."""
    kinds = {name: integer if name in ("fence", "pid", "expires_at") else text for name in COLUMNS}
    empty = {text: "''", integer: "0"}
    return "SELECT " + ", ".join(f"CAST({empty[kind]} AS {kind}) AS {name}" for name, kind in kinds.items())


@dataclass(kw_only=True)
class Lease:
    """A held lease. `renew` is called before each statement; it asks the server only once in a while."""

    connection: Connection
    sql: LeaseSql
    journal: str
    owner: str
    fence: int
    clock: Callable[[], float] = time.monotonic
    renewed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.clock()

    def renew(self) -> None:
        """Hold it for longer, if it is time. Raises LockHeld when somebody else has taken it since."""
        if self.clock() - self.renewed_at >= RENEW_S:
            self.prove()

    def prove(self) -> None:
        """Hold it for longer now: an UPDATE by its fence. Raises LockHeld when somebody else has taken it since."""
        self.renewed_at = self.clock()
        kept = self.connection.execute(
            f"UPDATE {self.sql.place(self.journal)} SET expires_at = {self.sql.now} + ? WHERE owner = ? AND fence = ?",
            (LEASE_S, self.owner, self.fence),
        )
        if not kept:
            raise LockHeld(
                f"the lock of the journal {self.journal!r} in warehouse {self.connection.warehouse!r} had expired, and"
                f" is now held by {holder_of(self.connection, self.sql, self.journal) or 'nobody'}",
                help="run it again when they are done",
            )

    def release(self) -> None:
        self.connection.execute(
            f"UPDATE {self.sql.place(self.journal)} SET owner = '', expires_at = 0 WHERE owner = ? AND fence = ?",
            (self.owner, self.fence),
        )


class Keeper:
    """A connection's lease, if it holds one. The statements that renew it go through the connection, which asks its
    keeper before each: so the lease is put aside while they run.
    """

    def __init__(self, connection: Connection, sql: LeaseSql) -> None:
        self._connection = connection
        self._sql = sql
        self.lease: Lease | None = None

    def take(self, journal: str, *, timeout_s: float, holder: Holder) -> None:
        """Take the lease, polling. Raises LockHeld, naming the holder."""
        if self._connection.read_only:
            raise InternalError(f"the journal {journal!r} cannot be locked in a read-only session")
        self.lease = take(self._connection, self._sql, journal, timeout_s=timeout_s, holder=holder)

    def before_statement(self) -> None:
        """Renew, if it is time. Not called within a transaction: the row would stay locked until its end."""
        with self._aside() as held:
            if held is not None:
                held.renew()

    def before_commit(self) -> None:
        """Prove within a transaction that the lease is still held, so that it commits with it or not at all."""
        with self._aside() as held:
            if held is not None:
                held.prove()

    def release(self) -> None:
        """Give the lease back, if the server can still be told."""
        held, self.lease = self.lease, None
        if held is not None:
            with contextlib.suppress(EngagectlError):
                held.release()

    def holder(self, journal: str) -> Holder | None:
        return holder_of(self._connection, self._sql, journal)

    def somebody_waits(self) -> bool:
        """Tell whether somebody else waits for the lease that is held. Not asked within a transaction."""
        if self.lease is None:
            return False
        asked = (
            f"SELECT COUNT(*) FROM {_sign(self._sql, self.lease.journal)}"
            f" WHERE owner <> ? AND waits_until >= {self._sql.now}"
        )
        with contextlib.suppress(StatementError):  # nobody has ever waited
            return bool(self._connection.query(asked, (self.lease.owner,))[0][0])
        return False

    @contextlib.contextmanager
    def _aside(self) -> "Iterator[Lease | None]":
        held, self.lease = self.lease, None
        try:
            yield held
        finally:
            self.lease = held


def take(connection: Connection, sql: LeaseSql, journal: str, *, timeout_s: float, holder: Holder) -> Lease:
    """Take the lease, polling. Raises LockHeld, naming the holder."""
    owner, until, place = uuid.uuid4().hex, time.monotonic() + timeout_s, sql.place(journal)
    sql.make(connection, journal)
    command = "engagectl " + holder.command.removeprefix("engagectl ")
    asked = (
        f"UPDATE {place} SET owner = ?, fence = fence + 1, command = ?, host = ?, pid = ?, user_name = {sql.user},"
        f" since = ?, expires_at = {sql.now} + ? WHERE owner = '' OR expires_at < {sql.now}"
    )
    signed_at = -float(SIGN_AGAIN_S)
    while not _taken(connection, asked, (owner, command, holder.host, holder.pid, holder.since, LEASE_S)):
        if time.monotonic() >= until:
            leave_sign(connection, sql, journal, owner, seconds=0)
            who = holder_of(connection, sql, journal) or "a session that has just ended"
            raise LockHeld(
                f"the journal {journal!r} in warehouse {connection.warehouse!r} is in use by {who}",
                help=f"wait for it to end, or give it more time with --lock-timeout; without a sign of life the lock"
                f" is free after {LEASE_S} s",
            )
        if time.monotonic() - signed_at >= SIGN_AGAIN_S:
            signed_at = time.monotonic()
            leave_sign(connection, sql, journal, owner, seconds=SIGN_S)
        time.sleep(min(POLL_S, max(until - time.monotonic(), 0.05)))
    ((found, fence),) = connection.query(f"SELECT owner, fence FROM {place}")
    if found != owner:
        raise LockHeld(
            f"the journal {journal!r} in warehouse {connection.warehouse!r} was taken by another process just now",
            help="run it again",
        )
    return Lease(connection=connection, sql=sql, journal=journal, owner=owner, fence=int(fence))


def _sign(sql: LeaseSql, journal: str) -> str:
    return f"{sql.place(journal)}_waiting"


def leave_sign(connection: Connection, sql: LeaseSql, journal: str, owner: str, *, seconds: int) -> None:
    """Say for so long that somebody waits; 0 takes it back. One who may not, or meets another waiter, just waits."""
    place = _sign(sql, journal)
    with contextlib.suppress(StatementError, TransientError):
        if not connection.has_table(journal, "lease_waiting"):
            row = f"SELECT CAST('' AS {sql.text}) AS owner, CAST(0 AS {sql.integer}) AS waits_until"
            connection.execute(f"CREATE TABLE {place} AS {row}")
        if seconds:
            connection.execute(
                f"UPDATE {place} SET owner = ?, waits_until = {sql.now} + ? WHERE 1 = 1", (owner, seconds)
            )
        else:
            connection.execute(f"UPDATE {place} SET waits_until = 0 WHERE owner = ?", (owner,))


def _taken(connection: Connection, sql: str, parameters: tuple[object, ...]) -> int:
    try:
        return connection.execute(sql, parameters)
    except TransientError:  # somebody else wrote the row at the same time
        return 0


def free(connection: Connection, sql: LeaseSql, journal: str) -> None:
    """Take the lease from whoever holds it. The fence goes up: a holder that still lives stops at its next renewal."""
    connection.execute(f"UPDATE {sql.place(journal)} SET owner = '', expires_at = 0, fence = fence + 1 WHERE 1 = 1")


def holder_of(connection: Connection, sql: LeaseSql, journal: str) -> Holder | None:
    """Return who holds the lease now; None when it is free, or there is none yet."""
    try:
        rows = connection.query(
            f"SELECT command, host, pid, user_name, since FROM {sql.place(journal)}"
            f" WHERE owner <> '' AND expires_at >= {sql.now}"
        )
    except StatementError:
        return None
    if not rows:
        return None
    command, host, pid, user, since = rows[0]
    return Holder(command=command, host=host or "", pid=int(pid or 0), user=user or "", since=since or "")
