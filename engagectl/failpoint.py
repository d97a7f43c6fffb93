"""Named points of all that writes to a warehouse, where a test may kill the program. Else nothing ever happens here.

Points are armed only by the module `engagectl_crash`, which lies beside the crash tests and in no wheel: an installed
engagectl cannot be told to die. Not armed, a point costs one function call; there is none per row.
"""

from collections.abc import Callable

POINTS = frozenset(
    [
        # one chunk, in order
        "chunk.read",
        "chunk.staged",
        "chunk.begun",
        "chunk.judged",
        "chunk.remembered",
        "chunk.stored",
        "chunk.quarantined",
        "chunk.before_commit",
        "chunk.committed",
        "chunk.told",
        # what a chunk and a fold write last
        "checkpoint.counted",
        "checkpoint.moved",
        # the fold of users
        "users.begun",
        "users.times_written",
        "users.folded",
        "users.before_commit",
        "users.committed",
        # columns that a chunk adds
        "extend.column_added",
        "extend.recorded",
        # a sync around its chunks
        "sync.locked",
        "sync.started",
        "sync.finished",
        # an apply: each statement and each write of the journal
        "apply.locked",
        "apply.planned",
        "apply.journal_made",
        "apply.started",
        "apply.step_started",
        "apply.statement_done",
        "apply.names_followed",
        "apply.step_finished",
        "apply.feeds_recorded",
        "apply.ownership_recorded",
        "apply.before_commit",
        "apply.committed",
        # a journal that is made, or brought to a newer version
        "journal.table_made",
        "journal.column_added",
        "journal.before_version",
        # a replay: each transaction of messages or of values
        "replay.stored",
        "replay.before_commit",
        "replay.committed",
        # a purge
        "purge.locked",
        "purge.forgotten",
        # an erase, and how the bytes of what it deleted go: the file written anew, or tables vacuumed
        "erase.rows_deleted",
        "erase.before_commit",
        "erase.committed",
        "scrub.file_copied",
        "scrub.file_replaced",
        "scrub.table_vacuumed",
        "erase.scrubbed",
    ]
)


def _nothing(point: str) -> None:
    """Do nothing: the points of a program that nobody tests."""


def _armed() -> Callable[[str], None]:
    try:
        from engagectl_crash import hit as crash
    except ModuleNotFoundError:
        return _nothing
    return crash  # type: ignore[no-any-return]  # the module of the crash tests


hit: Callable[[str], None] = _armed()
