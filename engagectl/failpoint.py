"""Named points of a load and of an apply, where a test may kill the program. Nothing ever happens here otherwise.

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
