"""A failed apply in words: what was done, what failed with its SQL, what was not started."""

from collections.abc import Sequence

from engagectl.errors import EngagectlError, FailedError, PartlyDoneError, RefusedError, StatementError
from engagectl.model.change import (
    kind_of,
)
from engagectl.model.plan import Plan, Step


def told(error: EngagectlError, kept: Sequence[Step], failed: Step | None, plan: Plan) -> EngagectlError:
    """Return the failure with what was done, what failed with its SQL and what was not started."""
    lines = [f"done: {step.address}" for step in kept]
    if failed is not None:
        lines.append(f"failed: {kind_of(failed.change)} {failed.address}")
    if isinstance(error, StatementError) and error.sql:
        lines.append(f"SQL: {error.sql}")
    lines += [f"not done: {step.address}" for step in plan.steps if step not in kept and step != failed]
    if isinstance(error, RefusedError) and not kept:
        return RefusedError(error.message, code=error.code, help=(*error.help, *lines))
    kind = PartlyDoneError if kept else FailedError
    return kind(error.message, help=(*error.help, *lines, "run apply again: it goes on from what is there"))
