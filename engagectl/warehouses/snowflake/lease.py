"""The lock of a journal on Snowflake: one row that says who holds it until when, by the clock of the server.

The row is made with its table, in one statement; so there is exactly one, and taking it is an UPDATE, which Snowflake
runs one at a time on a table ("Transactions": locking). Each taking counts the fence up: whoever slept past
its end finds another fence, and stops.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from engagectl.errors import LockHeld, StatementError
from engagectl.warehouses.contract import Connection, Holder
from engagectl.warehouses.words import word

LEASE_S = 300
RENEW_S = 60
POLL_S = 1.0
_NOW = "DATE_PART(epoch_second, SYSDATE())"


def table(journal: str) -> str:
    return f"{word(journal)}.lease"


@dataclass(kw_only=True)
class Lease:
    """A held lease. `renew` is called before each statement; it asks the server only once in a while."""

    connection: Connection
    journal: str
    owner: str
    fence: int
    clock: Callable[[], float] = time.monotonic
    renewed_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.clock()

    def renew(self) -> None:
        """Hold it for longer, if it is time. Raises LockHeld when somebody else has taken it since."""
        if self.clock() - self.renewed_at < RENEW_S:
            return
        self.renewed_at = self.clock()
        kept = self.connection.execute(
            f"UPDATE {table(self.journal)} SET expires_at = {_NOW} + ? WHERE owner = ? AND fence = ?",
            (LEASE_S, self.owner, self.fence),
        )
        if not kept:
            raise LockHeld(
                f"the lock of the journal {self.journal!r} in warehouse {self.connection.warehouse!r} had expired, and"
                f" is now held by {holder_of(self.connection, self.journal) or 'nobody'}",
                help="run it again when they are done",
            )

    def release(self) -> None:
        self.connection.execute(
            f"UPDATE {table(self.journal)} SET owner = '', expires_at = 0 WHERE owner = ? AND fence = ?",
            (self.owner, self.fence),
        )


def take(connection: Connection, journal: str, *, timeout_s: float, holder: Holder) -> Lease:
    """Take the lease, polling. Raises LockHeld, naming the holder."""
    owner, until = uuid.uuid4().hex, time.monotonic() + timeout_s
    make(connection, journal)
    command = "engagectl " + holder.command.removeprefix("engagectl ")
    while not connection.execute(
        f"UPDATE {table(journal)} SET owner = ?, fence = fence + 1, command = ?, host = ?, pid = ?,"
        f" user_name = CURRENT_USER(), since = ?, expires_at = {_NOW} + ? WHERE owner = '' OR expires_at < {_NOW}",
        (owner, command, holder.host, holder.pid, holder.since, LEASE_S),
    ):
        if time.monotonic() >= until:
            who = holder_of(connection, journal) or "a session that has just ended"
            raise LockHeld(
                f"the journal {journal!r} in warehouse {connection.warehouse!r} is in use by {who}",
                help=f"wait for it to end, or give it more time with --lock-timeout; without a sign of life the lock"
                f" is free after {LEASE_S} s",
            )
        time.sleep(min(POLL_S, max(until - time.monotonic(), 0.05)))
    ((found, fence),) = connection.query(f"SELECT owner, fence FROM {table(journal)}")
    if found != owner:
        raise LockHeld(
            f"the journal {journal!r} in warehouse {connection.warehouse!r} was taken by another process just now",
            help="run it again",
        )
    return Lease(connection=connection, journal=journal, owner=owner, fence=int(fence))


def make(connection: Connection, journal: str) -> None:
    """Make the table with its one row, and the journal's schema before it, if they are not there."""
    if _is_there(connection, journal):
        return
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {word(journal)}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table(journal)} AS SELECT CAST('' AS VARCHAR) AS owner, CAST(0 AS NUMBER(38, 0))"
        " AS fence, CAST('' AS VARCHAR) AS command, CAST('' AS VARCHAR) AS host, CAST(0 AS NUMBER(38, 0)) AS pid,"
        " CAST('' AS VARCHAR) AS user_name, CAST('' AS VARCHAR) AS since, CAST(0 AS NUMBER(38, 0)) AS expires_at"
    )


def _is_there(connection: Connection, journal: str) -> bool:
    found = connection.query(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema IN (?, ?) AND table_name = 'LEASE'",
        (journal, journal.upper()),
    )
    return bool(found[0][0])


def free(connection: Connection, journal: str) -> None:
    """Take the lease from whoever holds it. The fence goes up: a holder that still lives stops at its next renewal."""
    connection.execute(f"UPDATE {table(journal)} SET owner = '', expires_at = 0, fence = fence + 1")


def holder_of(connection: Connection, journal: str) -> Holder | None:
    """Return who holds the lease now; None when it is free, or there is none yet."""
    try:
        rows = connection.query(
            f"SELECT command, host, pid, user_name, since FROM {table(journal)}"
            f" WHERE owner <> '' AND expires_at >= {_NOW}"
        )
    except StatementError:
        return None
    if not rows:
        return None
    command, host, pid, user, since = rows[0]
    return Holder(command=command, host=host or "", pid=int(pid or 0), user=user or "", since=since or "")
