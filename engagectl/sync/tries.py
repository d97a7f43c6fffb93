"""A transaction that failed for a passing reason: did it take effect, and if not, try it again a few times."""

import random
import time
from collections.abc import Sequence

from engagectl.errors import ConnectError, TransientError
from engagectl.journal.checkpoints import CheckpointMoved, read_checkpoints
from engagectl.sync.options import SyncOptions
from engagectl.sync.transaction import Piece
from engagectl.warehouses.contract import Connection, Holder

TRIES = 5
_LOCK_S = 30.0  # a server may hold a lost session's lock until its statement ends


class Tries:
    """Counts the tries of one transaction."""

    def __init__(self, connection: Connection, journal: str, options: SyncOptions) -> None:
        self._connection = connection
        self._journal = journal
        self._lock_timeout_s = max(options.lock_timeout_s, _LOCK_S)
        self._wait_s = options.retry_wait_s
        self._made = 0
        self._has_lock = True

    def took_effect(self, error: TransientError, pieces: Sequence[Piece]) -> bool:
        """Wait, get the session back, and tell whether the transaction was committed before its answer was lost.

        The lock comes first: while the lost session lives it could still commit. Raises the error when it is in vain.
        """
        if isinstance(error, CheckpointMoved):
            raise error
        while True:
            self._made += 1
            if self._made >= TRIES:
                raise error
            time.sleep(self._wait_s * 2 ** (self._made - 1) * random.uniform(0.5, 1.5))  # noqa: S311  no secret
            try:
                self._has_lock &= not self._connection.recover()
                if not self._has_lock:
                    self._connection.lock(self._journal, timeout_s=self._lock_timeout_s, holder=Holder(command="sync"))
                    self._has_lock = True
                return self._is_committed(pieces)
            except (ConnectError, TransientError):
                continue

    def _is_committed(self, pieces: Sequence[Piece]) -> bool:
        moved = {(piece.after.feed, piece.after.file): piece.after.offset for piece in pieces if not piece.is_again}
        stands = {
            (point.feed, point.file): point.offset
            for point in read_checkpoints(self._connection, self._journal, [feed for feed, _ in moved])
        }
        return bool(moved) and all(stands.get(key) == offset for key, offset in moved.items())
