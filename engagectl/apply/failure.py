"""A failed apply in words: what was done, what failed with its SQL, what was undone, what was not started."""

from collections.abc import Sequence

from engagectl.apply.run import Run
from engagectl.errors import EngagectlError, FailedError, PartlyDoneError, RefusedError, StatementError
from engagectl.model.change import kind_of
from engagectl.model.plan import Plan, Step

_AGAIN = "run apply again: it goes on from what is there"


def told(error: EngagectlError, done: Sequence[Step], run: Run, plan: Plan) -> EngagectlError:
    """Return the failure with the fate of every step. `done` are those of the warehouses before this one."""
    kept = [*done, *run.kept]
    lines = [f"done: {step.address}" for step in kept]
    lines += [f"rolled back: {step.address}" for step in run.undone]
    if run.current is not None:
        lines.append(f"failed: {kind_of(run.current.change)} {run.current.address}")
    if isinstance(error, StatementError) and error.sql:
        lines.append(f"SQL: {error.sql}")
    told = {id(step) for step in (*kept, *run.undone, run.current)}
    lines += [f"not started: {step.address}" for step in plan.steps if id(step) not in told]
    if isinstance(error, RefusedError) and not kept:
        return RefusedError(error.message, code=error.code, help=(*error.help, *lines))
    kind = PartlyDoneError if kept else FailedError
    return kind(error.message, help=(*(run.lacking or error.help), *lines, _AGAIN))
